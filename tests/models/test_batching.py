"""Networks that know one batch size take any, in groups, and never mix examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from kdaudit.errors import ModelError
from kdaudit.models.batching import Batching, Grouped, drawn_examples, group, is_same
from kdaudit.models.checks import check_network
from kdaudit.models.onnx_file import read_graph
from tests.models.files import write
from tests.models.zoo import DYNAMO, Export, answers, examples, opened

Exported = Callable[[Export], Path]


class Pairs(nn.Module):
    """Gives each of two examples its own sum times a parameter; knows no other batch size."""

    def __init__(self, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Sums (2, 1)."""
        x = x if self.inner is None else self.inner(x)
        return x.reshape(2, 3).sum(1, keepdim=True) * self.scale


@pytest.mark.parametrize("batching", [Batching.VMAP, Batching.GROUPS])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_of_examples_is_given_in_groups(batching: Batching, n: int) -> None:
    """A short last group is filled up, and its surplus cut off; gradients reach the parameters."""
    network = Grouped(fx.symbolic_trace(Pairs()), size=2, batching=batching)
    x = torch.arange(15.0).reshape(5, 3)[:n]
    found = network(x)
    torch.testing.assert_close(found, 2 * x.sum(1, keepdim=True))
    torch.autograd.backward(found.sum())
    assert float(x.sum()) == float(dict(network.named_parameters())["network.scale"].grad or 0)


def test_groups_follow_one_another_where_torch_cannot_do_them_at_once() -> None:
    """An operation that changes its input in place by a number from it has no batched form."""

    class Picky(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * float(x.detach().sum().item() > -1e9)

    tracer = fx.Tracer()
    tracer.is_leaf_module = lambda module, name: isinstance(module, Picky)  # type: ignore[method-assign, assignment]
    root = Pairs(Picky())
    network = fx.GraphModule(root, tracer.trace(root))
    grouped = group(network, [torch.randn(6, 3)], size=2)
    assert grouped is not None
    assert Batching.GROUPS is grouped.batching


@pytest.mark.parametrize(("size", "fits"), [(2, False), (8, True)])
def test_batchnorm_forbids_small_groups(size: int, fits: bool) -> None:
    """Its statistics would be those of a few examples."""
    network = fx.symbolic_trace(nn.Sequential(nn.BatchNorm1d(3)))
    grouped = group(network, [torch.randn(3 * size, 3)], size=size)
    assert fits == (grouped is not None)
    assert grouped is None or Batching.GROUPS is grouped.batching


@pytest.mark.parametrize(
    "way",
    [
        Export(network="bert", batch=1),
        Export(network="vit", batch=2),
        Export(network="vit", exporter=DYNAMO, batch=1),
    ],
    ids=str,
)
def test_transformers_that_mix_axes_are_grouped(way: Export, exported: Exported) -> None:
    """Attention that merges places and examples into one axis."""
    path, x = exported(way), examples(way.network, 64)
    network = opened(path)
    assert Batching.VMAP is network.network.batching
    assert "examples are given to it in groups of that, all groups at once" in network.fidelity.sentence
    check_network(network, examples={"x": x}, expected=answers(path, x))
    with torch.no_grad():
        alone = network.build_original()(torch.from_numpy(x[:1])).numpy()
    np.testing.assert_allclose(alone, answers(path, x)[:1], rtol=1e-4, atol=1e-5)


SWAPPED = (
    "b = BatchNormalization (x, scale, offset, mean, variance)  t = Transpose <perm = [2, 0, 1, 3]> (b)"
    "  s = Constant <value_ints = [12, 18]> ()  m = Reshape (t, s)  w = Softmax <axis = 1> (m)"
    "  u = Constant <value_ints = [6, 2, 3, 6]> ()  r = Reshape (w, u)  v = Transpose <perm = [1, 2, 0, 3]> (r)"
    "  f = Flatten (v)  h = Gemm <transB = 1> (f, dense, dense_bias)"
)


def test_a_repair_that_mixes_examples_is_found_and_grouped(tmp_path: Path) -> None:
    """Rows and examples merged and parted again: the repaired network would read other examples' numbers."""
    body = SWAPPED.replace("(b)", "(x)").partition("  ")[2]
    path = write(body, tmp_path / "net.onnx", batch="2")
    network = opened(path)
    assert Batching.VMAP is network.network.batching


def test_a_repair_that_mixes_examples_under_batchnorm_is_refused_invalid(tmp_path: Path) -> None:
    """There is no other way then."""
    path = write(SWAPPED, tmp_path / "net.onnx", batch="2")
    with pytest.raises(ModelError, match=r"exported for batches of 2|cannot be told from the other axes"):
        opened(path)


def test_drawn_tokens_are_those_of_the_table(exported: Exported) -> None:
    """Whole numbers below the number of rows that are looked up; no two examples alike."""
    graph = read_graph(str(exported(Export(network="char_gpt"))))
    table = next(name for name, array in graph.weights.items() if array.shape == (40, 32))
    (tokens,) = drawn_examples(graph, {"x": (2, 12), table: (40, 32)}, size=2)
    assert torch.int64 == tokens.dtype
    assert (6, 12) == tuple(tokens.shape)
    assert 20 < int(tokens.max()) < 40
    assert 6 == len(torch.unique(tokens, dim=0))


def test_networks_are_the_same_up_to_rounding() -> None:
    """One part in 10,000 of the largest output."""
    x = torch.rand(4, 3)
    network = nn.Linear(3, 2)
    close, far = nn.Linear(3, 2), nn.Linear(3, 2)
    for other, factor in ((close, 1 + 1e-6), (far, 1.01)):
        other.load_state_dict({key: tensor * factor for key, tensor in network.state_dict().items()})
    assert is_same(network, close, [x])
    assert not is_same(network, far, [x])
