"""What each array of a file is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.roles import Kind, find_weights
from kdaudit.types import AnyArray
from tests.models.files import add_weights, numbers, write
from tests.models.zoo import DYNAMO, TS, Export, export, make, opened

Exported = Callable[[Export], Path]
CONV = "a = Conv (x, kernel, kernel_bias)"
KERNEL = {"kernel": Kind.WEIGHT, "kernel_bias": Kind.BIAS}


def kinds(body: str, path: Path, **arrays: AnyArray) -> dict[str, Kind]:
    """The kind of each trained array of a graph."""
    weights = find_weights(read_graph(str(add_weights(write(body, path), **arrays))))
    return {name: weight.kind for name, weight in weights.trained.items()}


def test_keys_and_roles_follow_the_graph_alone(tmp_path: Path) -> None:
    """Keys count operators in order; the names in the file do not matter."""
    body = "a = Conv (x, kernel, kernel_bias)  b = Conv (a, second)  f = Flatten (b)  h = Gemm <transB = 1> (f, last2)"
    path = add_weights(
        write(body, tmp_path / "net.onnx"), second=numbers(2, 4, 3, 3), last2=numbers(5, 2 * 3 * 2)
    )
    weights = find_weights(read_graph(str(path))).trained
    assert {
        "kernel": ("conv1.weight", Kind.WEIGHT),
        "kernel_bias": ("conv1.bias", Kind.BIAS),
        "second": ("conv2.weight", Kind.WEIGHT),
        "last2": ("gemm1.weight", Kind.WEIGHT),
    } == {name: (weight.key, weight.kind) for name, weight in weights.items()}


def test_a_bias_of_one_number_is_trained(tmp_path: Path) -> None:
    """The head of a network with one score, as dense layer or as product and sum."""
    for body, key in (
        ("f = Flatten (x)  h = Gemm <transB = 1> (f, w, b)", "gemm1.bias"),
        ("f = Flatten (x)  t = Transpose (w)  m = MatMul (f, t)  h = Add (m, b)", "add1.bias"),
    ):
        path = add_weights(write(body, tmp_path / "net.onnx"), w=numbers(1, 108), b=numbers(1))
        assert key in opened(path).network.draws


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


@pytest.mark.parametrize(
    ("body", "arrays", "expected"),
    [
        ("r = Relu (a)  h = Add (r, w)", {"w": numbers(4, 5, 4)}, Kind.PLACE),
        ("r = Relu (a)  h = Add (w, r)", {"w": numbers(4, 1, 1)}, Kind.ADDEND),
        ("b = Mul (a, half)  h = Add (a, w)", {"w": numbers(4, 1, 1)}, Kind.BIAS),
        ("r = Relu (a)  h = Mul (r, w)", {"w": numbers(4, 1, 1)}, Kind.FACTOR),
        ("r = Relu (a)  m = Mul (w, r)  h = Add (m, a)", {"w": numbers(4, 1, 1)}, Kind.BRANCH_FACTOR),
        ("r = Relu (a)  h = PRelu (r, w)", {"w": numbers(4, 1, 1)}, Kind.SLOPE),
        ("h = Concat <axis = 1> (a, w)", {"w": numbers(2, 1, 5, 4)}, None),
        ("i = Cast <to = 7> (a)  h = Gather (w, i)", {"w": numbers(9, 2)}, Kind.EMBEDDING),
        ("h = LayerNormalization (a, w)", {"w": numbers(4)}, Kind.FACTOR),
    ],
    ids=["position", "offset", "bias", "factor", "layer-scale", "slope", "token", "embedding", "norm"],
)
def test_what_stands_around_an_array_says_what_it_is(
    body: str, arrays: dict[str, AnyArray], expected: Kind | None, tmp_path: Path
) -> None:
    """Addends by what they are added to and their axes, factors by what follows, the others by their operator."""
    found = kinds(f"{CONV}  {body}", tmp_path / "net.onnx", **arrays)
    assert {**KERNEL, "w": expected or Kind.PLACE} == found


def test_the_offset_of_a_written_out_normalisation_is_none_of_a_place(tmp_path: Path) -> None:
    """Scale and offset over several axes, as older files write LayerNorm."""
    body = f"{CONV}  r = Relu (a)  m = Mul (r, w)  h = Add (m, b)"
    found = kinds(body, tmp_path / "net.onnx", w=numbers(4, 5, 4), b=numbers(4, 5, 4) + 1)
    assert {**KERNEL, "w": Kind.FACTOR, "b": Kind.ADDEND} == found


def test_an_array_is_followed_through_what_is_computed_of_it_alone(tmp_path: Path) -> None:
    """A standardised kernel, its lengths, and a table of relative positions that is looked up by fixed places."""
    body = (
        "m = ReduceMean <keepdims = 1> (w)  c = Sub (w, m)  l = Mul (c, lengths)  a = Conv (x, l)"
        "  p = Gather (table, places)  q = Reshape (p, shape)  h = Add (a, q)"
    )
    arrays: dict[str, AnyArray] = {
        "w": numbers(4, 3, 2, 3),
        "lengths": numbers(4, 1, 1, 1) + 1,
        "table": numbers(7, 4),
        "places": np.arange(5) % 7,
        "shape": np.array([1, 1, 5, 4]),
    }
    found = kinds(body, tmp_path / "net.onnx", **arrays)
    assert {"w": Kind.WEIGHT, "lengths": Kind.FACTOR, "table": Kind.PLACE} == found


def test_arrays_of_one_slot_get_keys_of_their_own(tmp_path: Path) -> None:
    """Weights of several layers that the file joins before they are read."""
    body = "j = Concat <axis = 0> (v, w)  a = Conv (x, j)  h = Relu (a)"
    path = add_weights(write(body, tmp_path / "net.onnx"), v=numbers(2, 3, 1, 1), w=numbers(3, 3, 1, 1) + 1)
    assert {"conv1.weight": "v", "conv1.weight2": "w"} == dict(opened(path).network.names)


MASK = np.where(numbers(5, 4) > 0, 0, -100).astype(np.float32)
ANGLES = np.arange(5)[:, None] / 10.0 ** np.arange(4)
WAVES = np.concatenate([np.sin(ANGLES), np.cos(ANGLES)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("body", "array"),
    [
        ("h = Add (a, w)", np.broadcast_to(MASK, (4, 5, 4)).copy()),
        ("h = Add (a, w)", np.full((4, 5, 4), 0.3, np.float32)),
        ("s = Constant <value_ints = [0, 2, 5, 8]> ()  r = Expand (g, s)  h = Add (r, w)", WAVES),
        ("h = Mul (a, w)", np.sin(ANGLES).astype(np.float32)),
        ("q = Div (two, w)  s = Sin (q)  h = Add (a, s)", (10 ** (np.arange(4) / 4)).astype(np.float32)),
        ("h = LayerNormalization (a, w)", np.ones(4, np.float32)),
        ("h = InstanceNormalization (a, ones, w)", np.zeros(4, np.float32)),
    ],
    ids=["mask", "level", "waves", "rotary", "frequencies", "norm-without-scale", "norm-without-offset"],
)
def test_arrays_that_a_formula_gave_keep_their_numbers(body: str, array: AnyArray, tmp_path: Path) -> None:
    """Masks, level tables, waves and their frequencies, and what a normalisation without parameters is given."""
    if "g, s" in body:
        body = body.replace("[0, 2, 5, 8]", "[1, 4, 5, 8]").replace("(g, s)", "(p, s)")
        body = f"p = GlobalAveragePool (a)  {body}"
    path = add_weights(write(f"{CONV}  {body}", tmp_path / "net.onnx"), w=array, ones=np.ones(4, np.float32))
    weights = find_weights(read_graph(str(path)))
    assert KERNEL == {name: weight.kind for name, weight in weights.trained.items()}
    assert "w" in weights.computed


def test_learned_tables_are_none_of_a_formula(tmp_path: Path) -> None:
    """Drawn numbers are neither a mask nor sines, nor is a table of few numbers."""
    for array in (numbers(4, 5, 4) * 0.02, numbers(4, 5, 4).clip(-1, 1), MASK[None, :1, :2].repeat(2, 2)):
        assert "w" in kinds(f"{CONV}  h = Add (a, w)", tmp_path / "net.onnx", w=array)


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_a_tied_embedding_is_one_array_again(exporter: str, exported: Exported) -> None:
    """The exporters copy the transposed table for the output layer."""
    network = opened(exported(Export(network="char_gpt", exporter=exporter)))
    graph = read_graph(str(exported(Export(network="char_gpt", exporter=exporter))))
    tables = [w for w in find_weights(graph).trained.values() if 40 in graph.weights[w.name].shape]
    assert [Kind.TIED_EMBEDDING] == [weight.kind for weight in tables]
    assert network.fidelity.n_parameters == sum(p.numel() for p in make("char_gpt").parameters())


def test_arrays_of_unknown_purpose_are_refused_invalid(tmp_path: Path) -> None:
    """What is divided by behind a layer might be trained or not: the message names it, its shape and its reader."""
    body = f"{CONV}  h = Div (a, factor)"
    path = add_weights(write(body, tmp_path / "net.onnx"), factor=numbers(4, 1, 1))
    with pytest.raises(
        ModelError,
        match=r"expected to know what each weight of .* is for, found 'factor' of shape \(4, 1, 1\) read by Div",
    ) as caught:
        opened(path)
    assert "--student-arch" in str(caught.value.hint)


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
def test_a_trained_single_number_starts_at_one(exporter: str, folded: bool, tmp_path: Path) -> None:
    """Its name tells it from the numbers beside it, which are the code's."""
    net = Scaled(nn.Parameter(torch.tensor(1.7)))
    path = export(Export(network="mlp", exporter=exporter, folded=folded), tmp_path / "net.onnx", net.eval())
    state = opened(path).build(0).state_dict()
    assert [1.0] == [float(state[key]) for key in state if key.startswith("mul")]


@pytest.mark.parametrize("folded", [True, False], ids=["optimised", "plain"])
@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_single_numbers_of_the_code_stay(exporter: str, folded: bool, tmp_path: Path) -> None:
    """Limits, factors and addends written in the architecture's code are part of the architecture."""
    way = Export(network="mlp", exporter=exporter, folded=folded)
    path = export(way, tmp_path / "net.onnx", Scaled().eval())
    assert {"gemm1.weight", "gemm1.bias"} == {name for name, _ in opened(path).build(0).named_parameters()}
