"""Small networks of every family, exported in every way that differs, become trainable. `make zoo` runs all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError
from tests.models import zoo_table
from tests.models.zoo import DYNAMO, TS, Export, examples, export, opened
from tests.models.zoo_networks import NETWORKS
from tests.models.zoo_table import Row, judged, row_of, table

Exported = Callable[[Export], Path]

# Beside the convolutional and dense networks of test_trainable.py.
SMALL = ("group_norm", "char_gpt", "bert", "lstm", "gru", "vit", "swin", "convnext")
WAYS = [
    way
    for name in SMALL
    for way in (
        Export(network=name),
        Export(network=name, batch=1),
        Export(network=name, batch=2, folded=False),
        Export(network=name, exporter=DYNAMO),
        pytest.param(Export(network=name, exporter=DYNAMO, batch=1, folded=False), marks=pytest.mark.slow),
    )
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_family_becomes_trainable(way: Export, exported: Exported) -> None:
    """All checks pass, other batch sizes are right, and the parameters are the network's own."""
    row = judged(way, exported(way))
    assert "trained" == row.outcome
    # The exporter writes out swin's tables of relative positions for all pairs of places.
    most = 1.04 if way.network == "swin" else 1.0
    assert 1.0 <= row.ratio <= most


def fresh(name: str, seed: int) -> nn.Module:
    """A network of the zoo with weights drawn by its own code."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name].make()


def losses(network: nn.Module, name: str, steps: int = 15) -> list[float]:
    """Training losses on three fixed batches."""
    x = torch.from_numpy(examples(name, 96, seed=3))
    labels = torch.arange(96) % 5
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    network.train()
    found = []
    for step in range(steps):
        rows = slice(32 * (step % 3), 32 * (step % 3) + 32)
        loss: Tensor = nn.functional.cross_entropy(network(x[rows]), labels[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "way", [Export(network="vit"), Export(network="vit", batch=1), Export(network="lstm")], ids=str
)
def test_training_is_that_of_the_native_network(way: Export, seed: int, tmp_path: Path) -> None:
    """The same fresh weights, exported and converted: the losses of a transformer and an LSTM, step by step."""
    native = fresh(way.network, seed)
    path = export(way, tmp_path / "net.onnx", fresh(way.network, seed).eval())
    found = losses(opened(path).network.module, way.network)
    assert found[-1] < found[0]
    assert found == pytest.approx(losses(native, way.network), rel=2e-3)


def test_the_table_says_what_became_of_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares, marks and reasons, and the count of what torch exports."""
    monkeypatch.setattr(zoo_table, "TABLE", ("mlp",))
    ways = list(zoo_table.all_ways())
    rows = [
        Row(way=str(way), outcome="trained", batching="vmap", level="bn-kept", ratio=0.5) for way in ways[:-2]
    ]
    rows.append(Row(way=str(ways[-2]), outcome="refused", reason="ModelError: expected another"))
    rows.append(Row(way=str(ways[-1]), outcome="not exported", reason="RuntimeError: no"))
    text = table(rows)
    assert "torch exports 11 of 12 combinations. Of these, 10 (90.9%) become trainable" in text
    assert "| mlp | ts | folded | 0.5000 v | 0.5000 v | 0.5000 v |" in text
    assert f"- refused: ModelError: expected another: {ways[-2]}" in text


def test_rows_of_what_fails_give_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter's error, and a refusal without the path of the file."""

    def fail(way: Export, path: Path) -> Path:
        raise RuntimeError("no such operator\nand more")

    def refuse(way: Export, path: Path) -> Row:
        raise ModelError(f"expected what {path} is not")

    monkeypatch.setattr(zoo_table, "judged", refuse)
    way = Export(network="mlp", exporter=TS)
    assert Row(way=str(way), outcome="refused", reason="ModelError: expected what the file is not") == row_of(
        way, tmp_path
    )
    monkeypatch.setattr(zoo_table, "export", fail)
    assert Row(way=str(way), outcome="not exported", reason="RuntimeError: no such operator") == row_of(
        way, tmp_path
    )
