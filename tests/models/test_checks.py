"""Each defect that would spoil a control is planted once and found by its own check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kdaudit.errors import ModelError
from kdaudit.models.checks import check_architecture, check_network
from kdaudit.models.trainable import ArchitectureNetwork, OnnxNetwork
from kdaudit.types import Float32, ModelRef, NetworkSpec, OutputKind, Role
from tests.models.files import drawn, write
from tests.models.zoo import Export, answers, examples, opened, reference

N = 64
DENSE = "f = Flatten (x)  g = Gemm <transB = 1> (f, dense, dense_bias)"


def check(path: Path, change: Callable[[OnnxNetwork], object] = lambda _: None) -> None:
    """Checks the file's network on drawn examples, after a change."""
    factory = opened(path)
    change(factory)
    check_network(factory, examples={"x": drawn(N)}, expected=answers(path, drawn(N)))


@pytest.mark.parametrize(
    "way", [Export(network="small_vgg"), Export(network="plain_cnn"), Export(network="mlp")], ids=str
)
def test_sound_networks_pass(way: Export, exported: Callable[[Export], Path]) -> None:
    """Convolutions with BatchNorm put back, without any, and dense layers with BatchNorm and Dropout."""
    path, inputs = exported(way), examples(way.network, N)
    check_network(opened(path), examples={"x": inputs}, expected=answers(path, inputs))


def test_expected_outputs_may_be_fewer_than_examples(tmp_path: Path) -> None:
    """A file for batches of 5 answers 60 of 64 examples."""
    path = write(f"{DENSE}  h = Identity (g)", tmp_path / "net.onnx")
    check_network(opened(path), examples={"x": drawn(N)}, expected=answers(path, drawn(N))[:60])


def test_settings_of_one_number_and_frozen_arrays_are_no_leak(tmp_path: Path) -> None:
    """A shift of the raw inputs and a factor of one number stay as they are and are not reported."""
    path = write(
        f"a = Sub (x, shift)  {DENSE.replace('(x)', '(a)')}  h = Mul (g, half)", tmp_path / "net.onnx"
    )
    check(path)
    assert ("shift",) == opened(path).fidelity.frozen


def test_other_outputs_than_the_files_are_found_planted(tmp_path: Path) -> None:
    """A converter that gets a weight wrong."""
    path = write(f"{DENSE}  h = Identity (g)", tmp_path / "net.onnx")

    def spoil(factory: OnnxNetwork) -> None:
        with torch.no_grad():
            next(factory.original.module.parameters())[0] *= 1.01

    with pytest.raises(
        ModelError,
        match=r"expected the converted network to give the outputs of its file, found a difference of \d",
    ) as caught:
        check(path, spoil)
    assert "--student-arch" in str(caught.value.hint)


def test_another_number_of_classes_is_found_planted(tmp_path: Path) -> None:
    """Outputs of another shape differ without end."""
    path = write(f"{DENSE}  h = Identity (g)", tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"found a difference of inf at outputs up to .* 0\.00% of 64"):
        check_network(opened(path), examples={"x": drawn(N)}, expected=answers(path, drawn(N))[:, :3])


def test_examples_that_mix_are_found_planted(tmp_path: Path) -> None:
    """A softmax over the batch instead of the classes."""
    path = write(f"{DENSE}  h = Softmax <axis = 0> (g)", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match="expected each example's output not to depend on its batch, found a difference of"
    ) as caught:
        check(path)
    assert str(caught.value.hint).startswith("export the model with a dynamic batch axis, or ")


def test_examples_that_are_all_alike_show_nothing_invalid(tmp_path: Path) -> None:
    """Equal examples would hide a network that mixes them; one example shows nothing either."""
    path = write(f"{DENSE}  h = Identity (g)", tmp_path / "net.onnx")
    alike = np.repeat(drawn(1), N, axis=0)
    with pytest.raises(
        ModelError, match=r"expected at least 2 examples that differ, .* found 64 that are all"
    ):
        check_network(opened(path), examples={"x": alike}, expected=answers(path, alike))
    with pytest.raises(ModelError, match=r"expected at least 2 examples to check a network on, found 1"):
        check_network(opened(path), examples={"x": drawn(1)}, expected=answers(path, drawn(1)))


def test_weights_that_are_not_trained_are_found_planted(tmp_path: Path) -> None:
    """A converter that keeps a part of the weights as constants."""

    def freeze(factory: OnnxNetwork) -> None:
        dict(factory.original.module.named_parameters())["gemm1.weight"].requires_grad_(False)

    path = write(f"{DENSE}  h = Identity (g)", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match=r"expected all 545 weights of .* to be accounted for, found 5 trained, 0 running"
    ):
        check(path, freeze)


def test_a_trained_weight_that_survives_is_found_planted(tmp_path: Path) -> None:
    """A weight that is not drawn anew, in the file's layout or another."""

    def keep(factory: OnnxNetwork) -> None:
        draws = {key: b for key, b in factory.network.draws.items() if key != "gemm1.weight"}
        factory.network = replace(factory.network, draws=draws)

    def turn(factory: OnnxNetwork) -> None:
        weight = dict(factory.network.module.named_parameters())["gemm1.weight"]
        weight.data = weight.data.flip(0).contiguous()
        keep(factory)

    path = write(f"{DENSE}  h = Identity (g)", tmp_path / "net.onnx")
    for change in (keep, turn):
        changed = opened(path)
        change(changed)
        changed.original = opened(path).original
        expected = answers(path, drawn(N))
        with pytest.raises(
            ModelError, match=r"owe nothing to the student, found 1 of its arrays \(dense as gemm1\.weight\)"
        ):
            check_network(changed, examples={"x": drawn(N)}, expected=expected)


def test_parameters_without_a_gradient_are_found_planted(tmp_path: Path) -> None:
    """A convolution whose output, with its BatchNorm, is multiplied by zero."""
    path = write(
        f"{DENSE}  c = Conv (x, kernel, kernel_bias)  z = Mul (c, zero)  q = ReduceMean <keepdims = 0> (z, space)"
        "  h = Concat <axis = 1> (g, q)",
        tmp_path / "net.onnx",
    )
    with pytest.raises(
        ModelError,
        match=r"every parameter to get a gradient, found 3 that get none \(batchnormalization1\.weight, "
        r"batchnormalization1\.bias, conv1\.weight\)",
    ):
        check(path)


def test_a_first_loss_far_from_chance_is_found_planted(tmp_path: Path) -> None:
    """Outputs a hundred times too large."""
    path = write(f"{DENSE}  h = Mul (g, hundred)", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match=r"expected a first loss near that of guessing, 1\.61 for 5 classes, found \d+"
    ) as caught:
        check(path)
    assert "--student-output" in str(caught.value.hint)


def test_a_network_that_learns_nothing_is_found_planted(tmp_path: Path) -> None:
    """Outputs that no step moves."""
    path = write(f"{DENSE}  h = Mul (g, tiny)", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError,
        match=r"expected the network to learn one batch of 8 examples, found its loss to go from 1\.61",
    ) as caught:
        check(path)
    assert "--reinsert-bn" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("tail", "output"),
    [
        ("h = Softmax <axis = 1> (g)", OutputKind.PROBS),
        ("s = Slice (g, nought, one, one)  h = Sigmoid (s)", OutputKind.SIGMOID),
        ("h = Slice (g, nought, one, one)", OutputKind.LOGITS),
    ],
)
def test_each_kind_of_output_is_learned_as_what_it_is(tail: str, output: OutputKind, tmp_path: Path) -> None:
    """Probabilities of classes, one score, one logit."""
    path = write(f"{DENSE}  {tail}", tmp_path / "net.onnx")
    factory = OnnxNetwork(NetworkSpec(model=replace(reference(path), output=output)))
    check_network(factory, examples={"x": drawn(N)}, expected=answers(path, drawn(N)))


SOURCE = """
import torch
from torch import nn

class Pair(nn.Module):
    def forward(self, x):
        return x, x

class Spare(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(108, 5), nn.Linear(3, 3)
    def forward(self, x):
        return self.used(x.flatten(1))

def sound(width=16):
    return nn.Sequential(nn.Flatten(), nn.Linear(108, width), nn.ReLU(), nn.Linear(width, 5))

def narrow():
    return nn.Sequential(nn.Flatten(), nn.Linear(7, 5))

def pair():
    return Pair()

def picture():
    return nn.Conv2d(3, 5, 1)

def trained():
    torch.manual_seed(3)
    return sound()

def spare():
    return Spare()
"""


def architecture(folder: Path, name: str) -> ArchitectureNetwork:
    """The network of one of the callables above."""
    source = folder / "arch.py"
    source.write_text(SOURCE)
    ref = ModelRef(
        name="student", role=Role.STUDENT, path="w.pt", kind="state_dict", sha256="0", arch=f"{source}:{name}"
    )
    return ArchitectureNetwork(NetworkSpec(model=ref))


@pytest.mark.parametrize("name", ["sound", "spare"])
def test_sound_architectures_pass(name: str, tmp_path: Path) -> None:
    """A parameter that the user's own code never reads is no defect of ours."""
    check_architecture(architecture(tmp_path, name), examples={"x": drawn(N)}, output=OutputKind.LOGITS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("narrow", r"narrow to take inputs of shape \(8, 3, 6, 6\), found: mat1 and mat2 shapes"),
        ("pair", r"pair to give an output of shape \(8, classes\), .*, found tuple"),
        ("picture", r"picture to give an output of shape \(8, classes\), .*, found \(8, 5, 6, 6\)"),
        (
            "trained",
            r"trained to draw all weights anew, found 4 that are equal for two seeds \(1\.weight, 1\.b",
        ),
    ],
)
def test_defects_of_architectures_are_found_planted(name: str, message: str, tmp_path: Path) -> None:
    """Each with a message that names the callable."""
    with pytest.raises(ModelError, match=rf"expected .*arch\.py:{message}") as caught:
        check_architecture(architecture(tmp_path, name), examples={"x": drawn(N)}, output=OutputKind.LOGITS)
    assert caught.value.hint


def large(n: int) -> Float32:
    """Examples whose numbers were not scaled."""
    return drawn(n) * np.float32(1e4)


def test_inputs_that_are_not_scaled_are_found_by_the_first_loss_planted(tmp_path: Path) -> None:
    """Pixels of hundreds instead of units."""
    with pytest.raises(ModelError, match="expected a first loss near that of guessing") as caught:
        check_architecture(
            architecture(tmp_path, "sound"), examples={"x": large(N)}, output=OutputKind.LOGITS
        )
    assert "that the inputs are scaled" in str(caught.value.hint)
