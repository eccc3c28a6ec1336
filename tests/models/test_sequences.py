"""Splits into sequences, as the dynamo exporter writes chunk and split, are read as plain splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdaudit.errors import ModelError
from kdaudit.models.onnx_file import read_graph
from tests.models.files import drawn, write
from tests.models.zoo import answers, opened

_PLACES = "p = Constant <value_int = 0> ()  q = Constant <value_int = 1> ()"


@pytest.mark.parametrize(
    "split",
    [
        "s = SplitToSequence <axis = 1> (x, parts)  a = SequenceAt (s, p)  b = SequenceAt (s, q)",
        "k = Constant <value_int = 2> ()  s = SplitToSequence <axis = 1> (x, k)"
        "  a = SequenceAt (s, q)  b = SequenceAt (s, p)",
        "s = SplitToSequence <axis = 1> (x, parts)  b = SequenceAt (s, q)  a = SequenceAt (s, q)",
    ],
)
def test_sequences_that_are_split_and_read_become_splits(split: str, tmp_path: Path) -> None:
    """Parts of given sizes, of one size with a smaller rest, and one part that is read twice."""
    path = write(f"{_PLACES}  {split}  h = Concat <axis = 1> (b, a)", tmp_path / "net.onnx")
    assert [node.op for node in read_graph(str(path)).nodes] == ["Split", "Concat", "Flatten"]
    with torch.no_grad():
        found = opened(path).build_original()(torch.from_numpy(drawn(3))).numpy()
    np.testing.assert_array_equal(found, answers(path, drawn(3)))


@pytest.mark.parametrize(
    "split",
    [
        "s = SplitToSequence <axis = 1> (x, parts)  n = SequenceLength (s)  f = Cast <to = 1> (n)  h = Add (x, f)",
        "e = Constant <value_int = -1> ()  s = SplitToSequence <axis = 1> (x, parts)  h = SequenceAt (s, e)",
        "s = SplitToSequence <axis = 1, keepdims = 0> (x)  h = SequenceAt (s, p)",
    ],
)
def test_sequences_of_another_kind_are_refused_invalid(split: str, tmp_path: Path) -> None:
    """The operator is named."""
    path = write(f"{_PLACES}  {split}", tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"found also SplitToSequence \(1x, first ''\)"):
        opened(path)
