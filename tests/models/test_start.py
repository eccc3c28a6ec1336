"""Training may start from the weights of another file of the same network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models.checks import check_architecture, check_network
from kdaudit.models.trainable import ArchitectureNetwork, open_network
from kdaudit.types import ModelRef, NetworkSpec, OutputKind
from tests.models.zoo import (
    DYNAMO,
    Export,
    anonymous,
    answers,
    examples,
    export,
    make,
    opened,
    reference,
)
from tests.models.zoo_networks import small_vgg

Exported = Callable[[Export], Path]

STUDENT = Export(network="small_vgg")


def same_answers(network: nn.Module, path: Path) -> None:
    """The network gives the file's outputs in evaluation mode."""
    inputs = examples("small_vgg", 6)
    with torch.no_grad():
        found = network.eval()(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(found, answers(path, inputs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "start",
    [
        STUDENT,
        Export(network="small_vgg", folded=False),
        Export(network="small_vgg", exporter=DYNAMO, batch=1),
    ],
    ids=str,
)
def test_a_network_starts_from_another_file_of_the_same_graph(
    start: Export, exported: Exported, tmp_path: Path
) -> None:
    """Folded or kept, by either exporter: what fits by name or place is taken, and gives that file's answers."""
    path = export(start, tmp_path / "start.onnx", make("small_vgg", seed=9))
    network = opened(exported(STUDENT), init_from=reference(path))
    same_answers(network.build(0), path)
    assert "initial weights: 22 arrays taken" == network.fidelity.evidence[-1]
    assert f"Training starts from the weights of {path}." in network.fidelity.sentence
    assert (
        "Where BatchNorm was folded in the initial weights too, its scales and statistics are lost"
        in network.fidelity.sentence
    )


def test_names_come_before_places(exported: Exported, tmp_path: Path) -> None:
    """Without names in the file the place in the graph decides, with the same result."""
    path = export(STUDENT, tmp_path / "start.onnx", make("small_vgg", seed=9))
    nameless = anonymous(path, tmp_path / "nameless.onnx")
    same_answers(opened(exported(STUDENT), init_from=reference(nameless)).build(0), path)


def test_what_does_not_fit_is_drawn_anew_and_listed(exported: Exported, tmp_path: Path) -> None:
    """A start with another number of classes gives everything but the head, which follows the seed."""
    other = nn.Sequential(*list(small_vgg().children())[:-1], nn.Linear(24, 4)).eval()
    path = export(STUDENT, tmp_path / "start.onnx", other)
    network = opened(exported(STUDENT), init_from=reference(path))
    names = [network.network.names[key] for key in ("gemm1.weight", "gemm1.bias")]
    assert (
        f"initial weights: 20 arrays taken, drawn anew: {', '.join(names)}" == network.fidelity.evidence[-1]
    )
    assert "; 2 arrays without a counterpart there are drawn anew." in network.fidelity.sentence
    one, two = network.build(0).state_dict(), network.build(1).state_dict()
    assert {"gemm1.weight", "gemm1.bias"} == {key for key in one if not torch.equal(one[key], two[key])}


def test_a_network_that_starts_from_weights_passes_the_checks(exported: Exported, tmp_path: Path) -> None:
    """Even from the student's own: what was asked for is no leak, and its first loss need not be near chance."""
    path = exported(STUDENT)
    inputs = examples("small_vgg", 64)
    network = opened(path, init_from=reference(path))
    check_network(network, examples={"x": inputs}, expected=answers(path, inputs))


def test_a_start_that_fits_nowhere_is_refused_invalid(exported: Exported) -> None:
    """The message names the file."""
    other = exported(Export(network="mlp"))
    with pytest.raises(
        ModelError, match=rf"initial weights that fit the student in {other}, found none"
    ) as e:
        opened(exported(STUDENT), init_from=reference(other))
    assert "a file of the student's own architecture" in str(e.value.hint)


def test_a_start_of_another_kind_is_refused_invalid(exported: Exported) -> None:
    """An ONNX graph takes ONNX, a state_dict or safetensors."""
    ref = replace(reference(Path("start.pkl")), kind="pickle")
    with pytest.raises(ModelError, match=r"in the student's own format, onnx, found pickle in start\.pkl"):
        opened(exported(STUDENT), init_from=ref)


@pytest.mark.parametrize(
    "way",
    [STUDENT, Export(network="small_vgg", folded=False), Export(network="plain_cnn"), Export(network="vit")],
    ids=str,
)
def test_a_graph_starts_from_weights_of_torch(way: Export, exported: Exported, tmp_path: Path) -> None:
    """By name where the file kept names, else by place and shape, matrices turned: the answers are torch's."""
    other = make(way.network, seed=9)
    torch.save(other.state_dict(), tmp_path / "start.pt")
    ref = replace(reference(tmp_path / "start.pt"), kind="state_dict")
    network = opened(exported(way), init_from=ref)
    assert "drawn anew" not in network.fidelity.evidence[-1]
    x = torch.from_numpy(examples(way.network, 6))
    with torch.no_grad():
        torch.testing.assert_close(network.build(0).eval()(x), other(x), rtol=1e-3, atol=1e-4)


def test_a_graph_draws_anew_what_torchs_weights_lack(exported: Exported, tmp_path: Path) -> None:
    """A head of other classes."""
    state = make("plain_cnn", seed=9).state_dict()
    state["9.weight"], state["9.bias"] = torch.zeros(4, 32), torch.zeros(4)
    save_file(state, tmp_path / "start.safetensors")
    ref = replace(reference(tmp_path / "start.safetensors"), kind="safetensors")
    network = opened(exported(Export(network="plain_cnn")), init_from=ref)
    assert "initial weights: 6 arrays taken, drawn anew: 9.weight, 9.bias" == network.fidelity.evidence[-1]


def architecture(folder: Path, **settings: object) -> ArchitectureNetwork:
    """The small VGG as an architecture whose student's weights lie in a state_dict."""
    weights = folder / "student.pt"
    torch.save(make("small_vgg").state_dict(), weights)
    model = replace(reference(weights), kind="state_dict", arch="tests.models.zoo_networks:small_vgg")
    network = open_network(NetworkSpec(model=model, **settings))  # type: ignore[arg-type]
    assert isinstance(network, ArchitectureNetwork)
    return network


def start_file(folder: Path, kind: str, *, drop: str = "") -> ModelRef:
    """Weights of another small VGG as a file of that kind, without those that `drop` begins."""
    state = {
        k: v for k, v in make("small_vgg", seed=9).state_dict().items() if not drop or not k.startswith(drop)
    }
    path = folder / f"start.{kind}"
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return replace(reference(path), kind=kind)


@pytest.mark.parametrize("kind", ["state_dict", "safetensors"])
def test_an_architecture_starts_from_weights_by_name(kind: str, tmp_path: Path) -> None:
    """All of a state_dict or safetensors file; every seed gives them, and the checks know that."""
    network = architecture(tmp_path, init_from=start_file(tmp_path, kind))
    wanted = make("small_vgg", seed=9).state_dict()
    found = network.build(1).state_dict()
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)
    assert "Training starts from the weights of" in network.fidelity.sentence
    check_architecture(network, examples={"x": examples("small_vgg", 8)}, output=OutputKind.LOGITS)


def test_an_architecture_draws_anew_what_its_start_lacks(tmp_path: Path) -> None:
    """The head is missing in the file: it is listed and follows the seed."""
    network = architecture(tmp_path, init_from=start_file(tmp_path, "state_dict", drop="16."))
    assert "drawn anew: 16.weight, 16.bias" in network.fidelity.evidence[-1]
    one, two = network.build(0).state_dict(), network.build(1).state_dict()
    assert {"16.weight", "16.bias"} == {key for key in one if not torch.equal(one[key], two[key])}


def test_an_architecture_takes_no_onnx_as_start_invalid(tmp_path: Path) -> None:
    """The message says which kinds it takes."""
    with pytest.raises(ModelError, match="as a state_dict or safetensors, found onnx in"):
        architecture(tmp_path, init_from=reference(tmp_path / "start.onnx"))


def test_the_digest_names_the_start(tmp_path: Path) -> None:
    """Two controls of one architecture with different starts share nothing."""
    start = start_file(tmp_path, "state_dict")
    digests = {
        architecture(tmp_path).spec_digest,
        architecture(tmp_path, init_from=start).spec_digest,
        architecture(tmp_path, init_from=replace(start, sha256="1" * 64)).spec_digest,
    }
    assert 3 == len(digests)
