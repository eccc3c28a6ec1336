"""Dropout is put where such networks have it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError, SpecError
from tests.models.files import write
from tests.models.zoo import DYNAMO, TS, Export, examples, opened

Exported = Callable[[Export], Path]


def dropouts(network: nn.Module) -> list[float]:
    """The shares of all Dropout modules."""
    return [module.p for module in network.modules() if isinstance(module, nn.Dropout)]


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (Export(network="bert"), 4),
        (Export(network="bert", exporter=DYNAMO), 4),
        (Export(network="char_gpt", exporter=TS), 4),
        (Export(network="mlp"), 2),
        (Export(network="plain_cnn"), 2),
    ],
    ids=str,
)
def test_each_branch_or_each_dense_layer_gets_one(way: Export, expected: int, exported: Exported) -> None:
    """Two branches in each of two blocks; in networks without branches every dense layer but one on raw inputs."""
    network = opened(exported(way), dropout=0.3)
    assert [pytest.approx(0.3)] * expected == dropouts(network.build(0))
    assert [] == dropouts(network.build_original())
    assert "Dropout of 0.3 is applied, as asked." in network.fidelity.sentence


def test_it_is_alive_in_training_alone(exported: Exported) -> None:
    """Two passes differ in training and agree in evaluation."""
    network = opened(exported(Export(network="bert")), dropout=0.3).build(0)
    x = torch.from_numpy(examples("bert", 4))
    with torch.no_grad():
        assert not torch.equal(network(x), network(x))
        network.eval()
        assert torch.equal(network(x), network(x))


def test_dropout_that_the_file_kept_gets_the_share(tmp_path: Path) -> None:
    """It stays where it was."""
    body = (
        "r = Constant <value_float = 0.1> ()  t = Cast <to = 9> (step)  d = Dropout (x, r, t)  f = Flatten (d)"
        "  h = Gemm <transB = 1> (f, dense, dense_bias)"
    )
    path = write(body, tmp_path / "net.onnx")
    assert [pytest.approx(0.1)] == dropouts(opened(path).build(0))
    assert [pytest.approx(0.4)] == dropouts(opened(path, dropout=0.4).build(0))


def test_it_is_part_of_the_digest(exported: Exported) -> None:
    """Controls with Dropout are other controls."""
    path = exported(Export(network="mlp"))
    assert 3 == len({opened(path, dropout=share).spec_digest for share in (None, 0.1, 0.2)})


def test_a_share_that_is_none_is_refused_invalid(exported: Exported) -> None:
    """The option is named."""
    with pytest.raises(SpecError, match="expected --dropout between 0 and 1, found 1"):
        opened(exported(Export(network="mlp")), dropout=1.0)


def test_a_network_without_a_place_for_it_is_refused_invalid(tmp_path: Path) -> None:
    """A single dense layer on the raw inputs."""
    path = write("f = Flatten (x)  h = Gemm <transB = 1> (f, dense, dense_bias)", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match="expected a dense layer behind another to put Dropout before"
    ) as caught:
        opened(path, dropout=0.1)
    assert "--student-arch" in str(caught.value.hint)
