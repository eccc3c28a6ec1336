"""What fresh weights are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from kdaudit.models.initialise import Draw
from tests.models.files import add_weights, numbers, write
from tests.models.zoo import DYNAMO, TS, Export, make, opened

Exported = Callable[[Export], Path]


def uniform(size: float) -> Draw:
    """From [-size, size]."""
    return Draw(kind="uniform", size=pytest.approx(size))  # type: ignore[arg-type]


def test_bounds_are_one_over_the_root_of_the_fan_in_by_hand(tmp_path: Path) -> None:
    """A convolution 3 -> 4 with a 2 x 3 kernel has 18 inputs a unit; a dense layer as many as it reads."""
    body = (
        "a = Conv (x, kernel, kernel_bias)  f = Flatten (a)  t = Transpose (w)  m = MatMul (f, t)  s = Add (b, m)"
        "  h = Gemm (s, v)"
    )
    path = add_weights(write(body, tmp_path / "net.onnx"), w=numbers(6, 80), b=numbers(6), v=numbers(6, 5))
    bounds = opened(path, reinsert_bn="never").network.draws
    assert {
        "conv1.weight": uniform(18**-0.5),
        "conv1.bias": uniform(18**-0.5),
        "matmul1.weight": uniform(80**-0.5),
        "add1.bias": uniform(80**-0.5),
        "gemm1.weight": uniform(6**-0.5),
    } == dict(bounds)


def test_a_transposed_input_has_its_fan_in_first_by_hand(tmp_path: Path) -> None:
    """`transA` makes the first axis of the input the one that is summed over."""
    body = "f = Flatten (x)  t = Transpose (f)  g = Gemm <transA = 1> (t, w)  h = Identity (g)"
    path = add_weights(write(body, tmp_path / "net.onnx"), w=numbers(108, 5))
    assert {"gemm1.weight": uniform(108**-0.5)} == dict(opened(path).network.draws)


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
    assert [] == [key for key in network.network.draws if torch.equal(one[key], other[key])]


def test_recurrent_weights_are_bounded_by_the_hidden_size_by_hand(exported: Exported) -> None:
    """All arrays of an LSTM of 12 units, and then of 16, as torch's own."""
    draws = opened(exported(Export(network="lstm"))).network.draws
    found = {key: draw for key, draw in draws.items() if key.startswith("lstm")}
    assert found
    for key, draw in found.items():
        assert uniform((12 if key.startswith("lstm1") else 16) ** -0.5) == draw


SCHEMES = {
    "torch": {
        "weight": uniform(108**-0.5),
        "bias": uniform(108**-0.5),
        "table": Draw(kind="normal", size=1.0),
    },
    "xavier": {
        "weight": uniform((6 / 113) ** 0.5),
        "bias": Draw(kind="constant", size=0.0),
        "table": Draw(kind="normal", size=0.02),
    },
    "trunc02": {
        "weight": Draw(kind="normal", size=0.02),
        "bias": Draw(kind="constant", size=0.0),
        "table": Draw(kind="normal", size=0.02),
    },
    "kaiming": {
        "weight": Draw(kind="normal", size=(2 / 5) ** 0.5),
        "bias": Draw(kind="constant", size=0.0),
        "table": Draw(kind="normal", size=0.02),
    },
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_by_hand(scheme: str, tmp_path: Path) -> None:
    """A dense layer from 108 to 5 and an embedding of whole numbers."""
    body = (
        "i = Cast <to = 7> (x)  e = Gather (table, i)  f = Flatten (e)  g = Gemm <transB = 1> (f, w, b)"
        "  h = Identity (g)"
    )
    path = add_weights(
        write(body, tmp_path / "net.onnx"), table=numbers(9, 1), w=numbers(5, 108), b=numbers(5)
    )
    draws = opened(path, initialisation=scheme).network.draws
    wanted = SCHEMES[scheme]
    assert {
        "gather1.weight": wanted["table"],
        "gemm1.weight": wanted["weight"],
        "gemm1.bias": wanted["bias"],
    } == dict(draws)


def test_the_scheme_is_part_of_the_digest(exported: Exported) -> None:
    """Controls drawn in another way are other controls; torch's way is the default."""
    path = exported(Export(network="plain_cnn"))
    digests = [opened(path, initialisation=scheme).spec_digest for scheme in SCHEMES]
    assert 4 == len(set(digests))
    assert opened(path).spec_digest == digests[0]


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_a_transformer_starts_as_torch_starts_it_against_theory(exporter: str, exported: Exported) -> None:
    """Xavier for the joint projection with a bias of 0, N(0, 1) for tokens, N(0, 0.02) for places."""
    network = opened(exported(Export(network="bert", exporter=exporter)))
    fresh = network.build(3)
    state = dict(fresh.named_parameters())
    by_shape = {tuple(sorted(p.shape)): p.detach() for p in state.values() if p.ndim > 1}
    assert pytest.approx((6 / (32 + 96)) ** 0.5, rel=0.02) == float(by_shape[32, 96].abs().max())
    assert pytest.approx(1.0, rel=0.1) == float(by_shape[32, 50].std())
    assert pytest.approx(0.02, rel=0.2) == float(by_shape[1, 10, 32].std())
    joint = [draw for key, draw in network.network.draws.items() if state[key].shape == (96,)]
    assert [Draw(kind="constant", size=0.0)] * 2 == joint
