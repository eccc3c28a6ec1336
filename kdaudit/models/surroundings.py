"""What stands around an array in a graph: which operator applies it to the examples, to what, and what follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from kdaudit.models.graph import Graph, Node, Use
from kdaudit.models.onnx_ops import OPERATORS, WeightRole
from kdaudit.types import AnyArray

LAYER_WEIGHTS = frozenset({WeightRole.CONV_WEIGHT, WeightRole.LINEAR_WEIGHT})
_WAVES = ("Sin", "Cos")
# Operators whose result depends on sizes alone.
_SIZES = ("Shape", "Size")
# How the TorchScript exporter calls a product that belongs to an attention module itself, not to a layer in it.
_IN_ATTENTION = re.compile(r"(^|[/._])(self_|cross_)?(attn|attention)\w*/(MatMul|Gemm)(_\d+)?$")


class Surroundings:
    """A graph with what is asked of it again and again.

    Attributes:
        graph: the graph.
        consumers: where each value is read.
        producers: the node that gives each value.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.consumers = graph.consumers()
        self.producers = graph.producers()

    @cached_property
    def still(self) -> frozenset[str]:
        """Values that do not depend on the examples' numbers: arrays, sizes, and what is computed from those."""
        still = set(self.graph.weights) | {""}
        for node in self.graph.nodes:
            if still.issuperset(_numbers(node)):
                still.update(node.outputs)
        return frozenset(still)

    @cached_property
    def held(self) -> frozenset[str]:
        """The float arrays of the file, and what is computed from them without the examples."""
        held = {name for name, array in self.graph.weights.items() if array.dtype.kind == "f"}
        for node in self.graph.nodes:
            numbers = _numbers(node)
            if self.still.issuperset(numbers) and held.intersection(numbers):
                held.update(node.outputs)
        return frozenset(held)

    @cached_property
    def raw(self) -> frozenset[str]:
        """Values that no trained layer has touched yet."""
        raw = {spec.name for spec in self.graph.inputs} | self.still
        for node in self.graph.nodes:
            if not self._is_trained_layer(node) and raw.issuperset(_numbers(node)):
                raw.update(node.outputs)
        return frozenset(raw)

    def is_raw(self, node: Node) -> bool:
        """Whether a node applies something to the raw inputs."""
        return self.raw.issuperset(node.inputs) and not self.still.issuperset(node.inputs)

    def final_uses(self, name: str) -> Iterator[Use]:
        """Where an array meets the examples, seen through whatever is computed of it alone; none if only sizes are."""
        for use in self.consumers.get(name, []):
            if use.slot >= len(_numbers(use.node)):
                continue
            passes = self.still.issuperset(use.node.outputs) and self.graph.output not in use.node.outputs
            if passes and not self._is_length(use):
                for output in use.node.outputs:
                    yield from self.final_uses(output)
            else:
                yield use

    def makes_waves(self, name: str) -> bool:
        """Whether sines or cosines are taken of an array before it meets the examples: the frequencies of positions."""
        return any(
            use.node.op in _WAVES or any(self.makes_waves(output) for output in use.node.outputs)
            for use in self.consumers.get(name, [])
            if use.slot < len(_numbers(use.node)) and self.still.issuperset(use.node.outputs)
        )

    def other(self, use: Use) -> str:
        """The other operand of an operator that has two."""
        return use.node.inputs[1 - use.slot]

    def source(self, name: str) -> Node | None:
        """The node that gives a value, seen through rearrangements."""
        node = self.producers.get(name)
        while node is not None and OPERATORS[node.op].rearranges:
            node = self.producers.get(node.inputs[0])
        return node

    def is_layer(self, node: Node) -> bool:
        """Whether a node is a dense layer or a convolution with weights of its own."""
        return any(
            role in LAYER_WEIGHTS and node.has(slot) and node.inputs[slot] in self.held
            for slot, role in OPERATORS[node.op].roles.items()
        )

    def ends_a_branch(self, node: Node) -> bool:
        """Whether what a node gives is added to other activations next, as residual branches are."""
        following = self.consumers.get(node.outputs[0], [])
        while len(following) == 1 and OPERATORS[following[0].node.op].rearranges:
            following = self.consumers.get(following[0].node.outputs[0], [])
        return any(use.node.op == "Add" and self.other(use) not in self.held for use in following)

    def is_projection(self, node: Node) -> bool:
        """Whether a dense layer is the joint projection to queries, keys and values of torch's own attention.

        Told by the name of its weight, the exporter's note, or the place in the module that the node's name spells out;
        and by three times as many outputs as inputs.
        """
        weights = [name for name in node.inputs[1:2] if name in self.held]
        while weights and weights[0] in self.producers:
            weights = [name for name in self.producers[weights[0]].inputs if name in self.held][:1]
        array = self.graph.weights.get(weights[0]) if weights else None
        if array is None or array.ndim != 2 or max(array.shape) != 3 * min(array.shape):
            return False
        noted = any("MultiheadAttention" in note for note in node.metadata.values())
        named = weights[0].endswith("in_proj_weight")
        return named or bool(_IN_ATTENTION.search(node.name)) or (noted and "Linear" not in _own(node))

    def _is_trained_layer(self, node: Node) -> bool:
        """Whether a node applies arrays that are weights whatever they are applied to."""
        return any(
            role not in (WeightRole.OFFSET, WeightRole.SCALE, WeightRole.SETTING)
            and node.has(slot)
            and node.inputs[slot] in self.held
            for slot, role in OPERATORS[node.op].roles.items()
        )

    def _is_length(self, use: Use) -> bool:
        """Whether an array scales or shifts weights that were normalised: by a normalisation, or a product with it."""
        if OPERATORS[use.node.op].roles.get(use.slot) in (WeightRole.NORM_SCALE, WeightRole.NORM_OFFSET):
            return True
        if use.node.op != "Mul":
            return False
        own = self.graph.weights.get(use.node.inputs[use.slot])
        return own is not None and self.other(use) not in self.graph.weights and n_axes(own) == 1


def _numbers(node: Node) -> tuple[str, ...]:
    """The inputs on whose numbers a node's result depends, and not on their shape or type alone."""
    return () if node.op in _SIZES else node.inputs[:1] if node.op == "CastLike" else node.inputs


def n_axes(array: AnyArray) -> int:
    """The number of axes along which an array has more than one number."""
    return sum(size > 1 for size in array.shape)


def _own(node: Node) -> str:
    """The class of the module that a node belongs to, as torch's dynamo exporter notes it."""
    classes = node.metadata.get("pkg.torch.onnx.class_hierarchy", "")
    return classes.rstrip("]").rsplit(",", 2)[-2] if classes.count(",") else classes
