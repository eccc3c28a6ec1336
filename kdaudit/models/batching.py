"""Networks that know one batch size alone, made to take any: the examples are given to them in groups of that size."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import torch
from torch import Tensor, fx, nn

from kdaudit.errors import ModelError
from kdaudit.models.graph import WAYS_OUT, Graph
from kdaudit.models.onnx_ops import OPERATORS
from kdaudit.models.onnx_ops.call import Shape
from kdaudit.models.quiet import first_line

_TOLERANCE = 1e-4
_GROUPS = 3
_SEED = 20_260_611
# BatchNorm over fewer examples trains another network than the student was.
_FEWEST_FOR_BATCHNORM = 8


class Batching(StrEnum):
    """How a network takes batches of any size."""

    ANY = "any"
    VMAP = "vmap"
    GROUPS = "groups"


class Grouped(nn.Module):
    """A network for `size` examples that takes any number of them.

    Args:
        network: takes inputs (size, ...) and gives an output (size, classes).
        size: its only batch size.
        batching: VMAP: all groups at once, by torch.func.vmap; GROUPS: one after another.
    """

    def __init__(self, network: fx.GraphModule, *, size: int, batching: Batching) -> None:
        super().__init__()
        self.network = network
        self.size = size
        self.batching = batching

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs (n, classes) of inputs (n, ...); the last group is filled up with the first examples."""
        n = len(inputs[0])
        places = torch.arange(n + -n % self.size, device=inputs[0].device) % n
        filled = inputs if len(places) == n else [x[places] for x in inputs]
        groups = [x.reshape(-1, self.size, *x.shape[1:]) for x in filled]
        if self.batching is Batching.VMAP:
            outputs = torch.func.vmap(self.network, randomness="different")(*groups).flatten(0, 1)
        else:
            outputs = torch.cat([self.network(*group) for group in zip(*groups, strict=True)])
        rows: Tensor = outputs[:n]
        return rows


def group(network: fx.GraphModule, examples: list[Tensor], *, size: int) -> Grouped | None:
    """The network for any number of examples, all groups at once if torch can; None if its BatchNorm forbids it.

    Args:
        network: takes `size` examples.
        examples: inputs (n, ...) of several groups.
        size: the network's only batch size.
    """
    one_by_one = Grouped(network, size=size, batching=Batching.GROUPS)
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        return one_by_one if size >= _FEWEST_FOR_BATCHNORM else None
    at_once = Grouped(network, size=size, batching=Batching.VMAP)
    try:
        torch.autograd.backward(at_once(*examples).sum())
    except (RuntimeError, IndexError, ValueError, TypeError):
        return one_by_one
    finally:
        network.zero_grad(set_to_none=True)
    return at_once if is_same(at_once, one_by_one, examples) else one_by_one


def is_same(network: nn.Module, other: nn.Module, examples: list[Tensor]) -> bool:
    """Whether two networks give the same outputs, to one part in 10,000 of the largest; not if they give none."""
    try:
        found, wanted = outputs(network, examples), outputs(other, examples)
    except ModelError:
        return False
    return bool((found - wanted).abs().max() <= _TOLERANCE * wanted.abs().max())


def outputs(network: nn.Module, examples: list[Tensor]) -> Tensor:
    """What a network gives for examples, without gradients.

    Raises:
        ModelError: it fails on them, as at a position beyond its axis: shapes alone do not tell that.
    """
    try:
        with torch.no_grad():
            given: Tensor = network(*examples)
    except (RuntimeError, IndexError, ValueError, TypeError) as failure:
        raise ModelError(
            f"expected the converted network to run on {len(examples[0])} examples, found {first_line(failure)}",
            hint=WAYS_OUT,
        ) from failure
    return given


def drawn_examples(graph: Graph, shapes: Mapping[str, Shape], *, size: int) -> list[Tensor]:
    """Examples of a few groups, no two alike: numbers around 0, tokens that the graph's tables hold.

    Whole numbers that nothing looks up, such as a mask of attention, are ones.
    """
    generator = torch.Generator().manual_seed(_SEED)
    n = _GROUPS * size
    examples = []
    for spec in graph.inputs:
        shape = (n, *shapes[spec.name][1:])
        if spec.dtype == "float32":
            examples.append(torch.randn(shape, generator=generator))
        else:
            highest = _rows_looked_up(graph, shapes, spec.name)
            numbers = torch.randint(highest, shape, generator=generator) if highest else torch.ones(shape)
            examples.append(numbers.to(getattr(torch, spec.dtype)))
    return examples


def _rows_looked_up(graph: Graph, shapes: Mapping[str, Shape], name: str) -> int:
    """The number of rows of the smallest table in which an input is looked up; 0 if it is in none."""
    producers = graph.producers()
    rows = []
    for node in graph.nodes:
        if node.op != "Gather":
            continue
        source = node.inputs[1]
        while source in producers and _passes(producers[source].op):
            source = producers[source].inputs[0]
        if source == name:
            rows.append(shapes[node.inputs[0]][node.integer("axis", 0)])
    return min(rows, default=0)


def _passes(op: str) -> bool:
    return op in ("Cast", "Slice", "Clip") or OPERATORS[op].rearranges
