"""A graph goes in; a torch.fx network with the graph's own weights comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import add, mul
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import GraphAppendingTracer

from kdaudit.errors import ModelError
from kdaudit.models.graph import WAYS_OUT, Node
from kdaudit.models.onnx_ops import OPERATORS, WeightRole
from kdaudit.models.onnx_ops.call import Call, Follow, Shape, as_tensor
from kdaudit.models.roles import Weights, node_labels
from kdaudit.models.specialise import FACTOR, Specialised, level


def write(specialised: Specialised, weights: Weights) -> fx.GraphModule:
    """The network of a graph, in evaluation mode.

    Raises:
        ModelError: sizes do not grow evenly with the batch, or an operator depends on what it may not.
    """
    return _Writer(specialised, weights).write()


class _Writer:
    """The torch.fx graph as it grows: `root` holds what its nodes refer to, `proxies` what they give."""

    def __init__(self, specialised: Specialised, weights: Weights) -> None:
        self.specialised = specialised
        self.weights = weights
        self.graph = fx.Graph()
        self.tracer = GraphAppendingTracer(self.graph)
        self.root: dict[str, nn.Module | Tensor] = {}
        self.proxies: dict[str, fx.Proxy] = {}
        self.n_constants = 0

    def write(self) -> fx.GraphModule:
        graph = self.specialised.graph
        for i, spec in enumerate(graph.inputs):
            self.proxies[spec.name] = self._proxy(self.graph.placeholder(f"input{i + 1}"))
        for node, label in node_labels(graph).items():
            if all(self._is_settled(name) for name in node.outputs):
                continue
            result = OPERATORS[node.op].apply(_Traced(node, graph.opset, writer=self, label=label))
            results = result if isinstance(result, tuple) else (result,)
            self.proxies.update(zip(node.outputs, cast("tuple[fx.Proxy, ...]", results), strict=False))
        self.graph.output(self.proxies[graph.output].node)
        return fx.GraphModule(self.root, self.graph, class_name="ConvertedNetwork").eval()

    def value(self, name: str) -> fx.Proxy:
        """What stands for a value."""
        if name in self.proxies:
            return self.proxies[name]
        if name in self.weights.trained:
            return self._parameter(name)
        self.proxies[name] = self.constant(self.specialised.small[name].clone())
        return self.proxies[name]

    def constant(self, numbers: Tensor) -> fx.Proxy:
        """What stands for numbers that the network holds and does not train."""
        self.n_constants += 1
        key = f"constant{self.n_constants}"
        self.root[key] = numbers
        return self._proxy(self.graph.get_attr(key))

    @cached_property
    def batch(self) -> fx.Proxy:
        """The number of examples, read from the first input."""
        return self.proxies[self.specialised.graph.inputs[0].name].size(0)

    def growing(self, small: int, large: int) -> int | fx.Proxy:
        """A number that is `small` at the graph's batch size and `large` at FACTOR times that, for any batch."""
        if small == large:
            return small
        slope, rest = divmod(large - small, (FACTOR - 1) * self.specialised.batch)
        if rest:
            raise ModelError(
                f"expected sizes that grow evenly with the batch, found {small} and {large} at "
                f"{self.specialised.batch} and {FACTOR * self.specialised.batch} examples "
                f"in {self.specialised.graph.path}",
                hint=WAYS_OUT,
            )
        # By the functions of `operator`: a Proxy's own operators are made at run time and have no types.
        product = self.batch if slope == 1 else mul(self.batch, slope)
        offset = small - slope * self.specialised.batch
        return add(product, offset) if offset else product

    def call_module(self, key: str, module: nn.Module, x: fx.Proxy) -> fx.Proxy:
        """What a module, kept under `key`, gives for x."""
        self.root[key] = module
        return self._proxy(self.graph.call_module(key, (x.node,)))

    def _parameter(self, name: str) -> fx.Proxy:
        key = self.weights.trained[name].key
        self.root[key] = nn.Parameter(as_tensor(self.specialised.graph.weights[name]))
        self.proxies[name] = self._proxy(self.graph.get_attr(key))
        return self.proxies[name]

    def _is_settled(self, name: str) -> bool:
        """Whether readers of a value need no node: it is known and constant, or sizes that grow with the batch."""
        if name not in self.specialised.small:
            return True  # nothing reads it
        small, large = self.specialised.small[name], self.specialised.large[name]
        if not self.specialised.is_known(name):
            return False
        return torch.equal(small, large) or (small.shape == large.shape and not small.is_floating_point())

    def _proxy(self, node: fx.Node) -> fx.Proxy:
        return fx.Proxy(node, self.tracer)


class _Traced(Call):
    """A call whose tensors are proxies; shapes are those at the graph's own batch size.

    Proxies stand in for tensors and integers here, as torch.fx means them to.
    """

    def __init__(self, node: Node, opset: int, *, writer: _Writer, label: str) -> None:
        super().__init__(node, opset)
        self._writer, self._label = writer, label
        self._small, self._large = writer.specialised.small, writer.specialised.large

    def tensor(self, slot: int) -> Tensor:
        name = self.node.inputs[slot]
        if name not in self._writer.proxies and name not in self._writer.weights.trained:
            self.value(slot)
        return cast("Tensor", self._writer.value(name))

    def optional(self, slot: int) -> Tensor | None:
        # A bias of zeros that the file itself computes stands for no bias.
        if self.node.has(slot) and OPERATORS[self.node.op].roles.get(slot) is WeightRole.BIAS:
            name = self.node.inputs[slot]
            if self._writer.specialised.is_constant(name) and not self._small[name].any():
                return None
        return super().optional(slot)

    def shape(self, slot: int) -> Shape:
        return tuple(self._small[self.node.inputs[slot]].shape)

    def dtype(self, slot: int) -> torch.dtype:
        return self._small[self.node.inputs[slot]].dtype

    def value(self, slot: int) -> Tensor:
        name = self.node.inputs[slot]
        if not self._writer.specialised.is_constant(name):
            raise self.refuse(
                f"input {slot} to depend on the batch size, on the examples or on trained weights"
            )
        return self._small[name]

    def integers(self, slot: int) -> list[int]:
        name = self.node.inputs[slot]
        pairs = zip(self._small[name].flatten().tolist(), self._large[name].flatten().tolist(), strict=True)
        return [cast("int", self._writer.growing(int(small), int(large))) for small, large in pairs]

    def new_shape(self, target: Callable[[], Sequence[int]], follow: Follow) -> list[int]:
        del target, follow  # both runs are done: the shapes are known
        output = self.node.outputs[0]
        pairs = zip(self._small[output].shape, self._large[output].shape, strict=True)
        return [cast("int", self._writer.growing(small, large)) for small, large in pairs]

    def module(self, module: nn.Module, x: Tensor) -> Tensor:
        return cast("Tensor", self._writer.call_module(self._label, module, cast("fx.Proxy", x)))

    def array(self, slot: int) -> Tensor:
        name = self.node.inputs[slot]
        if name not in self._writer.specialised.graph.weights:
            raise self.refuse(f"input {slot} to be computed")
        return as_tensor(self._writer.specialised.graph.weights[name])

    def constant(self, numbers: Tensor) -> Tensor:
        return cast("Tensor", self._writer.constant(numbers))

    def level(self, slot: int) -> float | None:
        name = self.node.inputs[slot]
        small, large = level(self._small[name]), level(self._large[name])
        return small if small == large else None
