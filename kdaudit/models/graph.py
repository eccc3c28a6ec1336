"""A graph of nodes and arrays, as small as an ONNX file allows: what is rewritten, run and converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kdaudit.types import AnyArray, TensorSpec

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | AnyArray

WAYS_OUT = (
    "give the architecture itself with --student-arch module:callable, "
    "or another file of the same network with --student-train-as"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One operator. `op` carries its domain where that is not ONNX's own; an absent input is ''.

    `metadata` is what the exporter wrote beside the node: where it came from, which rewrites it went through.
    `branches` are those of an If: 'then_branch' and 'else_branch'.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    metadata: Mapping[str, str]
    branches: Mapping[str, Branch] = field(default_factory=dict)

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default

    def number(self, name: str, default: float) -> float:
        """A float attribute."""
        value = self.attributes.get(name, default)
        return float(value) if isinstance(value, int | float) else default

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else default

    def integers(self, name: str) -> tuple[int, ...] | None:
        """An attribute of several integers, None where it is absent."""
        value = self.attributes.get(name)
        return tuple(int(v) for v in value) if isinstance(value, tuple) else None

    def has(self, slot: int) -> bool:
        """Whether the input of that position is there."""
        return slot < len(self.inputs) and self.inputs[slot] != ""

    def __str__(self) -> str:
        return f"{self.op} ({self.name or self.outputs[0]})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """What an If does in one case: its nodes, which read outer values too, their constant arrays, what it gives."""

    nodes: tuple[Node, ...]
    weights: Mapping[str, AnyArray]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """The part of an ONNX file that leads to its output, nodes in an order in which they can be run.

    `weights` holds every constant array by its name: initializers and Constant nodes. `inputs` are without the
    batch axis; `fixed_batch` is the only batch size that the file was exported for, or None. `parameters` names
    arrays that the exporter is known to have taken from the network, and not to have made itself; `buffers` those
    of which it says that the network held and did not train them. `in_training_mode` says that the file was exported
    with the statistics of the batch or with Dropout alive.
    """

    path: str
    opset: int
    nodes: tuple[Node, ...]
    weights: Mapping[str, AnyArray]
    parameters: frozenset[str]
    buffers: frozenset[str]
    inputs: tuple[TensorSpec, ...]
    fixed_batch: int | None
    output: str
    in_training_mode: bool = False

    def leading_to(self, name: str) -> tuple[Node, ...]:
        """The nodes on which a value rests, in their order."""
        needed = {name}
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        return tuple(reversed(kept))

    def producers(self) -> dict[str, Node]:
        """The node that gives each value."""
        return {output: node for node in self.nodes for output in node.outputs}

    def consumers(self) -> dict[str, list[Use]]:
        """Where each value is read, in the order of the nodes."""
        uses: dict[str, list[Use]] = {}
        for node in self.nodes:
            for slot, name in enumerate(node.inputs):
                uses.setdefault(name, []).append(Use(node=node, slot=slot))
        return uses


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Use:
    """A value is read by `node` as its input number `slot`."""

    node: Node
    slot: int
