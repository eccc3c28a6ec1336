"""What each array of a file is for, and what fresh weights are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models.initialise import find_weights
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.onnx_ops import WeightRole
from kdaudit.types import AnyArray
from tests.models.files import write
from tests.models.zoo import DYNAMO, TS, Export, export, make, opened

Exported = Callable[[Export], Path]


def add_weights(path: Path, **arrays: AnyArray) -> Path:
    """The file with further initializers."""
    model = onnx.load(path)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    onnx.save(model, path)
    return path


def numbers(*shape: int) -> AnyArray:
    """Drawn float32 numbers."""
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def test_keys_and_roles_follow_the_graph_alone(tmp_path: Path) -> None:
    """Keys count operators in order; the names in the file do not matter."""
    body = "a = Conv (x, kernel, kernel_bias)  b = Conv (a, second)  f = Flatten (b)  h = Gemm <transB = 1> (f, last2)"
    path = add_weights(
        write(body, tmp_path / "net.onnx"), second=numbers(2, 4, 3, 3), last2=numbers(5, 2 * 3 * 2)
    )
    weights = find_weights(read_graph(str(path))).trained
    assert {
        "kernel": ("conv1.weight", WeightRole.CONV_WEIGHT),
        "kernel_bias": ("conv1.bias", WeightRole.BIAS),
        "second": ("conv2.weight", WeightRole.CONV_WEIGHT),
        "last2": ("gemm1.weight", WeightRole.LINEAR_WEIGHT),
    } == {name: (weight.key, weight.role) for name, weight in weights.items()}


def test_bounds_are_one_over_the_root_of_the_fan_in_by_hand(tmp_path: Path) -> None:
    """A convolution 3 -> 4 with a 2 x 3 kernel has 18 inputs a unit; a dense layer as many as it reads."""
    body = (
        "a = Conv (x, kernel, kernel_bias)  f = Flatten (a)  t = Transpose (w)  m = MatMul (f, t)  s = Add (b, m)"
        "  h = Gemm (s, v)"
    )
    path = add_weights(write(body, tmp_path / "net.onnx"), w=numbers(6, 80), b=numbers(6), v=numbers(6, 5))
    bounds = opened(path, reinsert_bn="never").network.bounds
    assert {
        "conv1.weight": pytest.approx(18**-0.5),
        "conv1.bias": pytest.approx(18**-0.5),
        "matmul1.weight": pytest.approx(80**-0.5),
        "add1.bias": pytest.approx(80**-0.5),
        "gemm1.weight": pytest.approx(6**-0.5),
    } == dict(bounds)


def test_a_transposed_input_has_its_fan_in_first_by_hand(tmp_path: Path) -> None:
    """`transA` makes the first axis of the input the one that is summed over."""
    body = "f = Flatten (x)  t = Transpose (f)  g = Gemm <transA = 1> (t, w)  h = Identity (g)"
    path = add_weights(write(body, tmp_path / "net.onnx"), w=numbers(108, 5))
    assert {"gemm1.weight": pytest.approx(108**-0.5)} == dict(opened(path).network.bounds)


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
@pytest.mark.parametrize("folded", [True, False], ids=["folded", "kept"])
def test_fresh_weights_are_distributed_as_torchs_own_against_theory(
    exporter: str, folded: bool, exported: Exported
) -> None:
    """Each layer of ResNet-18 has the spread, the limits and the norms that torch's constructors give it."""
    way = Export(network="resnet18", exporter=exporter, folded=folded)
    fresh = opened(exported(way)).build(3)
    layers = [m for m in make("resnet18").modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    weights = [p for name, p in fresh.named_parameters() if name.endswith("weight") and p.ndim > 1]
    assert [layer.weight.shape for layer in layers] == [weight.shape for weight in weights]
    for weight in weights:
        bound = weight[0].numel() ** -0.5
        assert weight.abs().max() <= bound
        assert pytest.approx(bound / 3**0.5, rel=0.02) == float(weight.detach().std())
        assert abs(float(weight.detach().mean())) < 5 * bound / weight.numel() ** 0.5
    for module in fresh.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert torch.equal(torch.ones_like(module.weight), module.weight)
            assert not module.bias.any()
            assert module.running_mean is not None
            assert not module.running_mean.any()
            assert module.running_var is not None
            assert bool((module.running_var == 1).all())


def test_the_seed_decides_and_nothing_else(exported: Exported) -> None:
    """Equal seeds give equal weights, others give others; the global generator is neither read nor moved."""
    network = opened(exported(Export(network="small_vgg")))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = network.build(7).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    two, other = network.build(7).state_dict(), network.build(8).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert [] == [key for key in network.network.bounds if torch.equal(one[key], other[key])]


def test_a_bias_of_one_number_is_trained(tmp_path: Path) -> None:
    """The head of a network with one score, as dense layer or as product and sum."""
    for body, key in (
        ("f = Flatten (x)  h = Gemm <transB = 1> (f, w, b)", "gemm1.bias"),
        ("f = Flatten (x)  t = Transpose (w)  m = MatMul (f, t)  h = Add (m, b)", "add1.bias"),
    ):
        path = add_weights(write(body, tmp_path / "net.onnx"), w=numbers(1, 108), b=numbers(1))
        assert key in opened(path).network.bounds


def test_arrays_on_raw_inputs_are_frozen_and_listed(tmp_path: Path) -> None:
    """A mean and a deviation that the network itself applies are no weights."""
    body = (
        "a = Sub (x, mu)  b = Div (a, sigma)  f = Flatten (b)  h = Gemm <transB = 1> (f, dense, dense_bias)"
    )
    path = add_weights(
        write(body, tmp_path / "net.onnx"), mu=numbers(1, 3, 1, 1), sigma=np.abs(numbers(1, 3, 1, 1))
    )
    network = opened(path)
    assert ("mu", "sigma") == network.fidelity.frozen
    assert "Applied to the raw inputs and left as they are: mu, sigma." in network.fidelity.sentence
    assert {"gemm1.weight", "gemm1.bias"} == {name for name, _ in network.build(0).named_parameters()}


def test_arrays_of_unknown_purpose_are_refused_invalid(tmp_path: Path) -> None:
    """A factor per channel behind a layer might be trained or not: the message names it, its shape and its reader."""
    body = "a = Conv (x, kernel, kernel_bias)  h = Mul (a, factor)"
    path = add_weights(write(body, tmp_path / "net.onnx"), factor=numbers(4, 1, 1))
    with pytest.raises(
        ModelError,
        match=r"expected to know what each weight of .* is for, found 'factor' of shape \(4, 1, 1\) read by Mul",
    ) as caught:
        opened(path)
    assert "--student-arch" in str(caught.value.hint)


def test_an_addend_behind_no_layer_is_refused_invalid(tmp_path: Path) -> None:
    """What is added to an activation is no bias: nothing says how it was drawn."""
    body = "a = Conv (x, kernel, kernel_bias)  r = Relu (a)  h = Add (r, place)"
    path = add_weights(write(body, tmp_path / "net.onnx"), place=numbers(4, 5, 4))
    with pytest.raises(ModelError, match=r"found 'place' of shape \(4, 5, 4\) read by Add"):
        opened(path)


class Scaled(nn.Module):
    """A dense layer whose outputs are limited, shifted and multiplied by single numbers; the last may be trained."""

    def __init__(self, scale: nn.Parameter | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(20, 5)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        out: torch.Tensor = self.layer(x).clamp(-3.5, 4.5) * 0.5 + 0.25
        return out * (2.0 if self.scale is None else self.scale)


@pytest.mark.parametrize("folded", [True, False], ids=["optimised", "plain"])
@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_a_trained_single_number_is_refused_invalid(exporter: str, folded: bool, tmp_path: Path) -> None:
    """It would stay what the student learned; the numbers beside it, which are the code's, are no reason to refuse."""
    net = Scaled(nn.Parameter(torch.tensor(1.7)))
    path = export(Export(network="mlp", exporter=exporter, folded=folded), tmp_path / "net.onnx", net.eval())
    with pytest.raises(ModelError, match=r"found 'scale' of shape \(\) read by Mul"):
        opened(path)


@pytest.mark.parametrize("folded", [True, False], ids=["optimised", "plain"])
@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_single_numbers_of_the_code_stay(exporter: str, folded: bool, tmp_path: Path) -> None:
    """Limits, factors and addends written in the architecture's code are part of the architecture."""
    way = Export(network="mlp", exporter=exporter, folded=folded)
    path = export(way, tmp_path / "net.onnx", Scaled().eval())
    assert {"gemm1.weight", "gemm1.bias"} == {name for name, _ in opened(path).build(0).named_parameters()}
