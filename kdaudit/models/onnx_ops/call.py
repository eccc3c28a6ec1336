"""What an operator is given and how one is registered.

An operator is one function of a `Call`. The same function runs the graph (its tensors are real, or on the meta
device, where only shapes are computed) and writes the trainable network (its tensors are torch.fx proxies).
So it may branch on attributes, ranks and sizes from `Call.shape`, never on a tensor's values, and it must not
put the batch size that it sees into the network: whatever follows the batch comes from `integers` and `new_shape`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import torch
from torch import Tensor

from kdaudit.errors import ModelError
from kdaudit.models.graph import WAYS_OUT, Node
from kdaudit.types import AnyArray

Shape = tuple[int, ...]
Result = Tensor | tuple[Tensor, ...]


class WeightRole(StrEnum):
    """What a float initializer is for the operator that reads it; decides how it is drawn anew."""

    CONV_WEIGHT = "conv-weight"
    LINEAR_WEIGHT = "linear-weight"
    BIAS = "bias"
    OFFSET = "offset"  # an addend: the bias of a layer if it follows one
    NORM = "norm"  # held by a normalisation module: scale, offset, running statistics
    NORM_SCALE = "norm-scale"  # the factors of a normalisation without running statistics
    NORM_OFFSET = "norm-offset"  # its addends
    EMBEDDING = "embedding"  # rows that are looked up
    SCALE = "scale"  # a factor
    RECURRENT = "recurrent"  # weights and biases of an LSTM, GRU or RNN
    SLOPE = "slope"  # of a PRelu below 0
    SETTING = "setting"  # of the operator itself, never trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One ONNX operator: its function, the roles of its inputs, whether it only rearranges input 0."""

    apply: Callable[[Call], Result]
    roles: Mapping[int, WeightRole] = field(default_factory=dict)
    rearranges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What is known of a node when the batch grows: its input 0 before and after, its output before.

    `batch` is the batch size before, and `factor` how many times larger it is after.
    """

    before: Shape
    after: Shape
    output: Shape
    batch: int
    factor: int


Follow = Callable[[Growth], Sequence[int] | None]


class Call(ABC):
    """One node about to be applied.

    Attributes:
        node: the node.
        opset: the version of ONNX's operators that the file speaks.
    """

    def __init__(self, node: Node, opset: int) -> None:
        self.node = node
        self.opset = opset

    @abstractmethod
    def tensor(self, slot: int) -> Tensor:
        """The input of that position."""

    def alone(self, slot: int) -> Tensor:
        """The input of that position for an operator that takes no numbers from its other inputs."""
        return self.tensor(slot)

    @abstractmethod
    def shape(self, slot: int) -> Shape:
        """Its shape at the batch size of the file; only the axes besides the batch may be relied on."""

    @abstractmethod
    def dtype(self, slot: int) -> torch.dtype:
        """Its type."""

    @abstractmethod
    def value(self, slot: int) -> Tensor:
        """An input that depends neither on the examples nor on trained weights nor on the batch size.

        Raises:
            ModelError: it does.
        """

    @abstractmethod
    def integers(self, slot: int) -> list[int]:
        """An input that holds sizes, positions or axes; each may follow the batch size."""

    @abstractmethod
    def new_shape(self, target: Callable[[], Sequence[int]], follow: Follow) -> list[int]:
        """The shape of the node's output.

        Args:
            target: the shape that the file asks for.
            follow: what it becomes when the batch grows, for files that hold the batch size of their export as
                a number; None if the batch cannot be found in it.
        """

    @abstractmethod
    def module(self, module: torch.nn.Module, x: Tensor) -> Tensor:
        """What a module with weights or a training mode of its own gives for `x`."""

    @abstractmethod
    def array(self, slot: int) -> Tensor:
        """The numbers of a weight that goes into a module."""

    @abstractmethod
    def constant(self, numbers: Tensor) -> Tensor:
        """Numbers that the operator brings along, kept where the network is kept."""

    @abstractmethod
    def level(self, slot: int) -> float | None:
        """The number that an input holds in all places and at every batch size; None if there is no such number."""

    def optional(self, slot: int) -> Tensor | None:
        """The input of that position, None where the node has none."""
        return self.tensor(slot) if self.node.has(slot) else None

    def scalar(self, slot: int, attribute: str) -> float | None:
        """A single number, from an input or, in older opsets, an attribute; None where it is given by neither."""
        if self.node.has(slot):
            return float(self.value(slot).item())
        given = self.node.attributes.get(attribute)
        return float(given) if isinstance(given, int | float) else None

    def axes(self, slot: int, attribute: str = "axes") -> list[int] | None:
        """Several integers, from an input or, in older opsets, an attribute; None where given by neither."""
        if self.node.has(slot):
            return self.integers(slot)
        given = self.node.integers(attribute)
        return None if given is None else list(given)

    def refuse(self, what: str) -> ModelError:
        """The error for a setting of this operator that cannot be trained."""
        return ModelError(
            f"expected settings of {self.node} that can be trained, found {what}", hint=WAYS_OUT
        )


def as_tensor(array: AnyArray) -> Tensor:
    """A tensor with the array's numbers, which stay the array's own."""
    return torch.from_numpy(array.copy())
