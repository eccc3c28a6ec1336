"""If operators: replaced by the branch that constants and shapes settle, refused where the examples decide."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from kdaudit.errors import ModelError
from kdaudit.models.onnx_file import read_graph
from tests.models.files import drawn, write
from tests.models.zoo import answers, opened

BRANCHES = (
    "h = If (c) <"
    " then_branch = yes () => (float[N, 3, 6, 6] a) { k = Constant <value_float = 3.0> ()  a = Mul (x, k) },"
    " else_branch = no () => (float[N, 3, 6, 6] b) { k = Constant <value_float = 1.0> ()  b = Add (x, k) }>"
)
CONDITIONS = {
    "constant": "c = Constant <value = bool {1}> ()",
    "negated": "d = Constant <value = bool {1}> ()  c = Not (d)",
    "of a shape": "s = Shape <start = 2, end = 3> (x)  r = Squeeze (s)  c = Equal (r, six)",
    "of a convolution's shape": "v = Conv (x, kernel)  s = Shape <start = 3> (v)  r = Squeeze (s)  c = Equal (r, six)",
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("batch", ["N", "2"])
def test_settled_branch_takes_the_place_of_its_operator(condition: str, batch: str, tmp_path: Path) -> None:
    """The network has the branch that onnxruntime takes, and no other."""
    path = write(f"{condition}  {BRANCHES}", tmp_path / "net.onnx", batch=batch)
    assert "If" not in {node.op for node in read_graph(str(path)).nodes}
    with torch.no_grad():
        found = opened(path).build_original()(torch.from_numpy(drawn(4))).numpy()
    np.testing.assert_allclose(found, answers(path, drawn(4)), rtol=1e-6)


def test_branches_within_branches_are_settled_too(tmp_path: Path) -> None:
    """A branch that holds an If is looked into."""
    inner = BRANCHES.replace("h = If (c)", "g = If (c2)")
    body = (
        "c = Constant <value = bool {0}> ()  h = If (c) <"
        " then_branch = first () => (float[N, 3, 6, 6] e) { e = Relu (x) },"
        f" else_branch = second () => (float[N, 3, 6, 6] g) {{ c2 = Constant <value = bool {{1}}> ()  {inner} }}>"
    )
    path = write(body, tmp_path / "net.onnx")
    with torch.no_grad():
        found = opened(path).build_original()(torch.from_numpy(drawn(3))).numpy()
    np.testing.assert_allclose(found, drawn(3).reshape(3, -1) * 3, rtol=1e-6)


@pytest.mark.parametrize(
    "condition",
    [
        "m = ReduceMax <keepdims = 0> (x)  c = Greater (m, zero)",
        "n = Shape <end = 1> (x)  r = Squeeze (n)  three = Cast <to = 7> (two)  c = Equal (r, three)",
        "g = Unknown (x)  c = Greater (g, zero)",
    ],
)
def test_branches_that_the_examples_decide_are_refused_invalid(condition: str, tmp_path: Path) -> None:
    """An If that depends on numbers of examples, on their count, or on what is not known, is named."""
    path = write(f"{condition}  {BRANCHES}", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match=re.escape("expected operators that can be trained, found also ")
    ) as caught:
        opened(path)
    assert "If (1x" in str(caught.value)
    assert "Loop, Scan and If may take other steps for each example" in str(caught.value.hint)
    assert "--student-arch" in str(caught.value.hint)
