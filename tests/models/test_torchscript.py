"""TorchScript archives: the same answers, the same network to train again, and no code that does more than compute."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError
from kdaudit.models import load_model
from kdaudit.models.checks import check_architecture, check_network
from kdaudit.models.torchscript import read_script
from kdaudit.models.trainable import ArchitectureNetwork, OnnxNetwork, open_network
from kdaudit.types import OutputKind
from tests.models.networks import (
    Mixes,
    OneBatch,
    OwnLayer,
    Patches,
    Tokens,
    Unusual,
    inputs,
    native,
    network_spec,
    ref,
    scaled,
    script,
    tensors,
)

HOWS = ("scripted", "traced", "frozen")


def opened(path: Path, **settings: object) -> OnnxNetwork | ArchitectureNetwork:
    """The network of an archive, to be trained again."""
    return open_network(network_spec(ref(path, "torchscript"), inputs(), **settings))


@pytest.mark.parametrize("how", HOWS)
def test_it_answers_as_the_network_itself(how: str, tmp_path: Path) -> None:
    """Inputs go by name, in whatever order the data has them."""
    path = script(scaled(), tmp_path / "net.pt", how=how)
    with load_model(ref(path, "torchscript"), device="cpu") as model:
        answer = model.run(dict(reversed(inputs().items())))
    assert native(scaled(), inputs()) == pytest.approx(answer, abs=1e-6)


@pytest.mark.parametrize("how", HOWS)
def test_architectures_are_told_apart(how: str, tmp_path: Path) -> None:
    """Two trainings of one architecture have one signature; another width has another, frozen or not."""
    signatures = []
    for i, (seed, width) in enumerate(((0, 8), (1, 8), (0, 9))):
        path = script(scaled(seed, width), tmp_path / f"{i}.pt", how=how)
        with load_model(ref(path, "torchscript"), device="cpu") as model:
            signatures.append(model.signature())
    assert signatures[0] == signatures[1] != signatures[2]
    assert (5 * 8 + 5 + 8 * 27 + 8) <= signatures[0].n_parameters


def test_the_memory_of_an_example_is_measured(tmp_path: Path) -> None:
    """Operators inside TorchScript count: at least the convolution's output, at most a few times that."""
    path = script(scaled(), tmp_path / "net.pt", how="scripted")
    with load_model(ref(path, "torchscript"), device="cpu") as model:
        found = model.bytes_per_example(inputs(1))
    convolved = 8 * 6 * 6 * 4
    assert convolved < found < 10 * convolved


def test_a_scripted_network_is_trained_as_it_is(tmp_path: Path) -> None:
    """Dropout and BatchNorm work in training and rest in evaluation; weights follow the seed, none is the student's."""
    factory = opened(script(scaled(), tmp_path / "net.pt", how="scripted"))
    assert isinstance(factory, ArchitectureNetwork)
    assert ("exact", "convolution") == (factory.fidelity.level, factory.family)
    assert "scripted network" in factory.fidelity.sentence
    network, same, other = factory.build(1), factory.build(1), factory.build(2)
    drawn = [
        key for key, value in network.state_dict().items() if value.is_floating_point() and "norm" not in key
    ]
    state, student = network.state_dict(), scaled().state_dict()
    assert 4 == len(drawn)
    for key in drawn:
        assert torch.equal(state[key], same.state_dict()[key])
        assert not torch.equal(state[key], other.state_dict()[key])
        assert not torch.equal(state[key], student[key.removeprefix("network.")])
    x = tensors(inputs())
    assert not torch.equal(network(*x), network(*x))
    assert bool(state["network.norm.running_mean"].any())
    network.eval()
    assert torch.equal(network(*x), network(*x))
    check_architecture(factory, examples=inputs(), output=OutputKind.LOGITS)


@pytest.mark.parametrize(("how", "level"), [("traced", "bn-kept"), ("frozen", "bn-reinserted")])
def test_a_network_that_knows_evaluation_only_goes_through_onnx(how: str, level: str, tmp_path: Path) -> None:
    """A trace keeps its BatchNorm, what freezing folded is put back; every self-check passes."""
    path = script(scaled(), tmp_path / "net.pt", how=how)
    factory = opened(path)
    assert isinstance(factory, OnnxNetwork)
    assert level == factory.fidelity.level
    assert "(torchscript) was converted by way of ONNX" in factory.fidelity.sentence
    arrays = inputs(64)
    check_network(factory, examples=arrays, expected=native(scaled(), arrays))


def test_layers_that_torch_does_not_know_go_through_onnx(tmp_path: Path) -> None:
    """Their weights have no default draw of their own; the operators that read them have."""
    path = script(OwnLayer(), tmp_path / "net.pt", how="scripted")
    arrays = {"x": np.zeros((2, 6), np.float32)}
    assert isinstance(open_network(network_spec(ref(path, "torchscript"), arrays)), OnnxNetwork)


def test_tokens_and_positions_of_its_own_are_drawn_narrow(tmp_path: Path) -> None:
    """What lies along further axes and is alike for all examples: N(0, 0.02), as such networks draw it."""
    path = script(Patches().eval(), tmp_path / "net.pt", how="scripted")
    factory = open_network(network_spec(ref(path, "torchscript"), {"x": inputs()["x"]}))
    assert isinstance(factory, ArchitectureNetwork)
    positions = factory.build(0).state_dict()["network.positions"]
    assert float(positions.std()) == pytest.approx(0.02, rel=0.3)


def test_a_frozen_network_that_branches_is_trained_by_what_it_computes(tmp_path: Path) -> None:
    """ONNX has no words for attention's choice among its forms; the branches taken are recorded instead."""
    network = Patches().eval()
    path = script(network, tmp_path / "net.pt", how="frozen")
    arrays = {"x": inputs(64)["x"]}
    factory = open_network(network_spec(ref(path, "torchscript"), arrays))
    assert isinstance(factory, OnnxNetwork)
    check_network(factory, examples=arrays, expected=native(network, arrays))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (OneBatch(), r"expected .*net\.pt to take one or two examples of shape \(3, 4\), found RuntimeError"),
        (Mixes(), r"expected .*net\.pt to answer each example alike alone and among others, found"),
    ],
)
def test_networks_of_one_batch_size_invalid(network: nn.Module, message: str, tmp_path: Path) -> None:
    """A trace that holds its batch size, and a network whose answers depend on their neighbours."""
    path = script(network.eval(), tmp_path / "net.pt", how="scripted")
    with pytest.raises(ModelError, match=message) as caught:
        open_network(network_spec(ref(path, "torchscript"), {"x": np.ones((2, 3, 4), np.float32)}))
    assert "any number of examples" in str(caught.value.hint)


@pytest.mark.parametrize("how", ["scripted", "traced"])
def test_the_order_of_the_data_is_that_of_training(how: str, tmp_path: Path) -> None:
    """Inputs are trained in the data's order, and given to the network by name."""
    path = script(scaled(), tmp_path / "net.pt", how=how)
    arrays = dict(reversed(inputs(64).items()))
    factory = open_network(network_spec(ref(path, "torchscript"), arrays))
    if isinstance(factory, OnnxNetwork):
        check_network(factory, examples=arrays, expected=native(scaled(), inputs(64)))
    else:
        check_architecture(factory, examples=arrays, output=OutputKind.LOGITS)


def test_what_cannot_be_exported_invalid(tmp_path: Path) -> None:
    """An operator that ONNX does not know, in a network that must go through it."""
    path = script(Unusual().eval(), tmp_path / "net.pt", how="frozen")
    with pytest.raises(
        ModelError, match=r"expected torch to export .*net\.pt to ONNX, to train it again, found"
    ):
        open_network(network_spec(ref(path, "torchscript"), {"x": np.ones((2, 3, 3), np.float32)}))


def test_tokens_attention_and_recurrence_are_trained_as_they_are(tmp_path: Path) -> None:
    """Every layer of torch's own is drawn anew; the first loss is that of guessing."""
    path = script(Tokens(), tmp_path / "net.pt", how="scripted")
    arrays = {"any": np.random.default_rng(0).integers(11, size=(6, 7))}
    factory = open_network(network_spec(ref(path, "torchscript"), arrays))
    assert isinstance(factory, ArchitectureNetwork)
    assert "recurrent" == factory.family
    check_architecture(factory, examples=arrays, output=OutputKind.LOGITS)


def test_digests_are_those_of_architectures(tmp_path: Path) -> None:
    """Two trainings have one digest, whatever else was scripted before; another width has another."""
    found = [
        opened(script(scaled(seed, width), tmp_path / f"{seed}{width}.pt", how="scripted")).spec_digest
        for seed, width in ((0, 8), (1, 8), (0, 9))
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("how", ["scripted", "traced"])
def test_controls_start_where_the_student_did(how: str, tmp_path: Path) -> None:
    """--init-from takes another archive of the network, and its weights alone."""
    torch.save(scaled(1).state_dict(), tmp_path / "weights.pt")
    archive = script(scaled(1), tmp_path / "start.pt", how=how)
    for start in (ref(archive, "torchscript"), ref(tmp_path / "weights.pt", "state_dict")):
        factory = opened(script(scaled(0), tmp_path / "net.pt", how=how), init_from=start)
        built = factory.build(0).eval()
        with torch.no_grad():
            answer = built(*tensors(inputs())).numpy()
        assert native(scaled(1), inputs()) == pytest.approx(answer, abs=1e-5)


def test_initial_weights_of_another_kind_invalid(tmp_path: Path) -> None:
    """A trace does not start from a scripted network, nor from another format: names would not match."""
    traced = script(scaled(), tmp_path / "traced.pt", how="traced")
    scripted = script(scaled(), tmp_path / "scripted.pt", how="scripted")
    with pytest.raises(ModelError, match="expected initial weights exported as the student was"):
        opened(traced, init_from=ref(scripted, "torchscript"))
    with pytest.raises(ModelError, match="in the student's own format, torchscript, found onnx"):
        opened(traced, init_from=ref(tmp_path / "a.onnx", "onnx"))


class WritesFile(nn.Module):
    """Maps a file into memory, and so makes it."""

    def forward(self, x: Tensor) -> Tensor:
        """X, and a file."""
        return x + torch.from_file("made", True, 4)


class Prints(nn.Module):
    """Writes to standard output."""

    def forward(self, x: Tensor) -> Tensor:
        """X, and a line."""
        print("here")  # noqa: T201
        return x


class Complains(nn.Module):
    """Only speaks of what others do."""

    def forward(self, x: Tensor) -> Tensor:
        """X, if there is any."""
        assert x.numel() > 0, "cannot save or print nothing"
        return x


@pytest.mark.parametrize(("network", "word"), [(WritesFile(), "from_file"), (Prints(), "print")])
def test_code_that_does_more_than_compute_invalid(network: nn.Module, word: str, tmp_path: Path) -> None:
    """It is refused before any of it runs."""
    path = script(network, tmp_path / "net.pt", how="scripted")
    with pytest.raises(
        ModelError, match=f"expected TorchScript that only computes in .*, found '{word}' in code/"
    ):
        read_script(str(path))


@pytest.mark.parametrize(
    "hidden",
    [
        '  a = """ " """ ; torch.save(x, "f") ; b = "',
        "  a = ''' ' ''' ; torch.save(x, \"f\")",
        '  a = "\n " ; torch.save(x, "f") ; b = "',
    ],
)
def test_code_between_texts_is_found_invalid(hidden: str, tmp_path: Path) -> None:
    """Where a text ends is what hides code: only texts as torch writes them are taken for such."""
    good = script(scaled(), tmp_path / "good.pt", how="scripted")
    code = "good/code/__torch__/tests/models/networks.py"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(tmp_path / "bad.pt", "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) + (f"\n{hidden}\n".encode() if name == code else b""))
    with pytest.raises(ModelError, match=r"expected TorchScript that only computes in .*, found .* in code/"):
        read_script(str(tmp_path / "bad.pt"))


def test_texts_are_no_code(tmp_path: Path) -> None:
    """An error message may hold any word."""
    read_script(str(script(Complains(), tmp_path / "net.pt", how="scripted")))


def test_damaged_archives_invalid(tmp_path: Path) -> None:
    """Code that is cut off, and code that is no text."""
    good = script(scaled(), tmp_path / "good.pt", how="scripted")
    with zipfile.ZipFile(good) as source:
        members = {name: source.read(name) for name in source.namelist()}
    for name, content, message in (
        (
            "good/code/__torch__/tests/models/networks.py",
            b"def (",
            "expected TorchScript in .*, found RuntimeError",
        ),
        (
            "good/code/__torch__/tests/models/networks.py",
            b"\xff\xfe",
            "expected text in code/.*networks.py of",
        ),
        ("good/data.pkl", b"", "expected TorchScript in .*, found RuntimeError"),
    ):
        assert name in members
        with zipfile.ZipFile(tmp_path / "bad.pt", "w") as target:
            for member, whole in members.items():
                target.writestr(member, content if member == name else whole)
        with pytest.raises(ModelError, match=message):
            read_script(str(tmp_path / "bad.pt"))


def test_names_that_the_network_does_not_have_invalid(tmp_path: Path) -> None:
    """Several inputs must be called what the network calls them."""
    path = script(scaled(), tmp_path / "net.pt", how="scripted")
    x, scale = inputs().values()
    message = r"expected inputs among x, scale for .*, found a, b in the data"
    with (
        load_model(ref(path, "torchscript"), device="cpu") as model,
        pytest.raises(ModelError, match=message),
    ):
        model.run({"a": x, "b": scale})


class Pair(nn.Module):
    """Gives two tensors."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """X twice."""
        return x, x


class Alone(nn.Module):
    """Gives a tuple of one."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """X."""
        return (x,)


def test_outputs_must_be_class_scores(tmp_path: Path) -> None:
    """The only tensor of a tuple is taken; of two, none."""
    x = {"x": np.ones((2, 3), np.float32)}
    with load_model(
        ref(script(Alone(), tmp_path / "one.pt", how="scripted"), "torchscript"), device="cpu"
    ) as model:
        assert np.array_equal(x["x"], model.run(x))
    path = script(Pair(), tmp_path / "two.pt", how="scripted")
    message = "to put out one tensor, found tuple of 2"
    with (
        load_model(ref(path, "torchscript"), device="cpu") as model,
        pytest.raises(ModelError, match=message),
    ):
        model.run(x)
