"""Whole Python objects: refused with the classes that they need, loaded where the user trusts them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models import load_model
from kdaudit.models.checks import check_architecture
from kdaudit.models.identify import identify
from kdaudit.models.trainable import ArchitectureNetwork, open_network
from kdaudit.types import AnyArray, ModelRef, OutputKind, Role
from tests.models.networks import OwnLayer, Reducer, inputs, native, network_spec, ref, scaled

NET = "tests.models.networks"


def identified(path: Path, *, trust: bool, arch: str | None = None) -> ModelRef:
    """The reference that an audit would use."""
    return identify(
        str(path),
        role=Role.STUDENT,
        name="m",
        output=OutputKind.LOGITS,
        arch=arch,
        arch_args=None,
        trust_pickle=trust,
    )


def answers(model: ModelRef) -> AnyArray:
    """What an audit would get."""
    with load_model(model, device="cpu") as opened:
        return opened.run(inputs())


@pytest.mark.parametrize("newer", [True, False], ids=["zip", "legacy"])
def test_it_is_refused_with_the_classes_that_it_needs_invalid(newer: bool, tmp_path: Path) -> None:
    """And the way to load it all the same; nothing of it has run."""
    made, path = tmp_path / "made", tmp_path / "net.pt"
    torch.save(scaled(), path, _use_new_zipfile_serialization=newer)
    with pytest.raises(ModelError, match=rf"found Python objects .* \(.*{NET}\.Scaled") as caught:
        identified(path, trust=False)
    assert "--trust-pickle" in str(caught.value.hint)
    torch.save({"state_dict": {}, "x": Reducer(made)}, path, _use_new_zipfile_serialization=newer)
    with pytest.raises(ModelError, match=r"found Python objects .* \((posix|nt)\.mkdir\)"):
        identified(path, trust=False)
    assert not made.exists()


@pytest.mark.parametrize("newer", [True, False], ids=["zip", "legacy"])
def test_trusted_networks_answer_as_they_are(newer: bool, tmp_path: Path) -> None:
    """A whole network, or one under 'model' in a checkpoint."""
    path = tmp_path / "net.pt"
    for saved in (scaled(), {"model": scaled(), "epoch": 3}):
        torch.save(saved, path, _use_new_zipfile_serialization=newer)
        model = identified(path, trust=True)
        assert "pickle" == model.kind
        assert native(scaled(), inputs()) == pytest.approx(answers(model), abs=1e-6)


def test_trusted_checkpoints_take_their_architecture(tmp_path: Path) -> None:
    """Weights beside other objects, in the architecture that the user names."""
    path = tmp_path / "net.pt"
    torch.save({"state_dict": scaled().state_dict(), "settings": Reducer(tmp_path / "made")}, path)
    model = identified(path, trust=True, arch=f"{NET}:Scaled")
    assert native(scaled(), inputs()) == pytest.approx(answers(model), abs=1e-6)
    assert (tmp_path / "made").exists()


def test_weights_alone_need_no_trust(tmp_path: Path) -> None:
    """Trust does not make a state_dict anything else."""
    torch.save(scaled().state_dict(), tmp_path / "net.pt")
    assert "state_dict" == identified(tmp_path / "net.pt", trust=True, arch=f"{NET}:Scaled").kind


def test_a_trusted_network_is_trained_as_it_is(tmp_path: Path) -> None:
    """Its layers are drawn anew; the student's weights are gone."""
    torch.save(scaled(), tmp_path / "net.pt")
    factory = open_network(network_spec(ref(tmp_path / "net.pt", "pickle"), inputs()))
    assert isinstance(factory, ArchitectureNetwork)
    assert "own pickled network" in factory.fidelity.sentence
    check_architecture(factory, examples=inputs(), output=OutputKind.LOGITS)
    built, student = factory.build(5).state_dict(), scaled().state_dict()
    assert all(
        not torch.equal(built[key], student[key])
        for key in ("conv.weight", "head.weight", "norm.running_mean")
    )


def test_controls_start_where_the_student_did(tmp_path: Path) -> None:
    """--init-from takes another pickle of the network."""
    for seed in (0, 1):
        torch.save(scaled(seed), tmp_path / f"{seed}.pt")
    start = ref(tmp_path / "1.pt", "pickle")
    built = open_network(network_spec(ref(tmp_path / "0.pt", "pickle"), inputs(), init_from=start)).build(0)
    assert torch.equal(scaled(1).state_dict()["conv.weight"], built.state_dict()["conv.weight"])


def test_layers_that_torch_does_not_know_invalid(tmp_path: Path) -> None:
    """Their weights have no default draw: the user's own code has."""
    torch.save(OwnLayer(), tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"expected layers of torch's own in .*, found kernel") as caught:
        open_network(network_spec(ref(tmp_path / "net.pt", "pickle"), inputs()))
    assert "--student-arch" in str(caught.value.hint)


def test_what_is_no_network_invalid(tmp_path: Path) -> None:
    """A checkpoint without an architecture, one without weights, and a file that is cut off."""
    path = tmp_path / "net.pt"
    torch.save({"x": Reducer(tmp_path / "made")}, path)
    with pytest.raises(ModelError, match=r"expected a network in .*, found dict") as caught:
        answers(ref(path, "pickle"))
    assert "--student-arch" in str(caught.value.hint)
    (tmp_path / "made").rmdir()
    with pytest.raises(ModelError, match=r"expected a state_dict in .*, found dict without one"):
        answers(ref(path, "pickle", arch=f"{NET}:Scaled"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        ModelError, match=r"expected a network saved by torch.save in .*, found a damaged file"
    ):
        answers(ref(path, "pickle"))


def test_classes_that_are_not_there_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle holds names, not code."""
    gone = type("Gone", (nn.Linear,), {"__module__": NET})
    monkeypatch.setattr(f"{NET}.Gone", gone, raising=False)
    torch.save(gone(2, 2), tmp_path / "net.pt")
    monkeypatch.undo()
    with pytest.raises(
        ModelError, match=r"expected the classes of .* where kdaudit runs, found AttributeError"
    ) as caught:
        answers(ref(tmp_path / "net.pt", "pickle"))
    assert "PYTHONPATH" in str(caught.value.hint)
