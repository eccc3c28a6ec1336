"""ONNX graphs that answer at every place of a sequence."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from kdaudit.models.identify import identify
from kdaudit.models.trainable import open_network
from kdaudit.types import NetworkSpec, OutputKind, Role


class _NextLetter(nn.Module):
    """Scores (n, T, 5) of letters (n, T), by a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.gru, self.head = nn.Embedding(5, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 5)

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """One row a place."""
        scores: torch.Tensor = self.head(self.gru(self.embed(letters))[0])
        return scores


@pytest.mark.parametrize("batch", ["dynamic", "fixed"])
def test_answers_at_every_place_are_trained_in_whole_batches(batch: str, tmp_path: Path) -> None:
    """Not one example at a time, which takes many times as long."""
    path = tmp_path / "letters.onnx"
    axes = {"letters": {0: "n"}, "next": {0: "n"}} if batch == "dynamic" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _NextLetter().eval(),
            (torch.zeros(2, 6, dtype=torch.int64),),
            path,
            dynamo=False,
            input_names=["letters"],
            output_names=["next"],
            dynamic_axes=axes,
        )
    model = identify(
        str(path),
        role=Role.STUDENT,
        name="s",
        output=OutputKind.LOGITS,
        arch=None,
        arch_args=None,
        trust_pickle=False,
    )
    factory = open_network(
        NetworkSpec(model=model, example_shapes=(("letters", (6,)),), example_dtypes=("int64",))
    )
    network = factory.build(0)
    assert (32, 6, 5) == tuple(network(torch.zeros(32, 6, dtype=torch.int64)).shape)
    assert "Grouped" not in {type(part).__name__ for part in network.modules()}
