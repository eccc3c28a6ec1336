"""What a graph does when the batch grows: it is run at its own batch size and at three times that.

Two runs tell, of every value, its shape and how the shape follows the batch; and of every value that depends on shapes
alone, whether it is constant or grows with the batch. Files that hold the batch size of their export as a number are
repaired in the second run. The runs take place on torch's meta device, which computes shapes and no numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError, said_by
from kdaudit.models.budget import Budget
from kdaudit.models.graph import WAYS_OUT, Graph, Node
from kdaudit.models.onnx_ops import OPERATORS
from kdaudit.models.onnx_ops.call import Call, Follow, Growth, Shape, as_tensor

FACTOR = 3
_DYNAMIC_BATCH = 2
# Why operators cannot be trained and what to do, by parts of their names.
_ORIGIN = "give the one that it was made from with --student-train-as"
_REASONS = {
    f"the file is quantised: {_ORIGIN}": ("uantizeLinear", "QLinear", "Integer"),
    f"the file was optimised for onnxruntime: {_ORIGIN}": ("com.microsoft::",),
    "Loop, Scan and If may take other steps for each example: export the module itself instead of a scripted one, with "
    f"no open axis besides the batch, or {WAYS_OUT}": ("Loop", "Scan", "If"),
}

Values = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Specialised:
    """A graph whose dependence on the batch is known: its values at `batch` examples and at FACTOR times as many.

    Values on the meta device depend on examples or trained weights; the others are numbers, known already.
    """

    graph: Graph
    batch: int
    small: Values
    large: Values

    def shapes(self) -> dict[str, Shape]:
        """Every value's shape at `batch`."""
        return {name: tuple(value.shape) for name, value in self.small.items()}

    def is_known(self, name: str) -> bool:
        """Whether a value depends on shapes alone."""
        return not self.small[name].is_meta

    def is_constant(self, name: str) -> bool:
        """Whether a value is known and the same at every batch size."""
        return self.is_known(name) and torch.equal(self.small[name], self.large[name])


def level(value: Tensor) -> float | None:
    """The number that a known value holds in all places; None if it holds several, or none."""
    if value.is_meta or value.numel() == 0:
        return None
    first = value.flatten()[0]
    return float(first) if bool((value == first).all()) else None


def run_graph(graph: Graph, inputs: Values) -> dict[str, Tensor]:
    """Every value of the graph, in evaluation mode, for inputs {name: (n, ...)}.

    Raises:
        ModelError: an operator does not accept what it is given; the message names the node.
    """
    weights = {name: as_tensor(array) for name, array in graph.weights.items()}
    return _run(graph, {**weights, **inputs}, smaller=None, batch=0)


def specialise(
    graph: Graph,
    *,
    trained: Collection[str],
    example_shapes: Mapping[str, Shape],
    only: int | None = None,
) -> Specialised:
    """The graph with what it does at other batch sizes than its own.

    Args:
        graph: the graph; its operators are all known.
        trained: the names of its weights that training changes.
        example_shapes: shapes of one example by input, for files that leave an axis besides the batch open.
        only: run it at this batch size alone, as if it knew no other.

    Raises:
        ModelError: the graph does not run, or its output is not (batch, classes), or (batch, positions, classes), at
            every batch size.
    """
    batch = only or graph.fixed_batch or _DYNAMIC_BATCH
    weights = {
        name: torch.empty(array.shape, device="meta") if name in trained else as_tensor(array)
        for name, array in graph.weights.items()
    }
    shapes = {spec.name: _example_shape(graph, spec.name, example_shapes) for spec in graph.inputs}
    dtypes = {spec.name: getattr(torch, spec.dtype) for spec in graph.inputs}

    def inputs(n: int) -> dict[str, Tensor]:
        return {
            name: torch.empty((n, *shape), dtype=dtypes[name], device="meta")
            for name, shape in shapes.items()
        }

    n_examples = 1 if graph.fixed_batch else batch
    with Budget(graph.path, n_examples=n_examples):
        small = _run(graph, {**weights, **inputs(batch)}, smaller=None, batch=batch)
    found = tuple(small[graph.output].shape)
    if len(found) not in {2, 3} or found[0] != batch:
        raise ModelError(
            f"expected an output of shape ({batch}, classes), or ({batch}, positions, classes) of sequences, found "
            f"{found} in {graph.path}",
            hint=WAYS_OUT,
        )
    if only is not None:
        return Specialised(graph=graph, batch=batch, small=small, large=small)
    with Budget(graph.path, n_examples=FACTOR * n_examples):
        large = _run(graph, {**weights, **inputs(FACTOR * batch)}, smaller=small, batch=batch)
    grown = tuple(large[graph.output].shape)
    if grown != (FACTOR * batch, *found[1:]):
        raise ModelError(
            f"expected {FACTOR * batch} rows of output for as many examples, found shape {grown} in {graph.path}, "
            f"which was exported for batches of {batch}",
            hint=f"export it with a dynamic batch axis, or {WAYS_OUT}",
        )
    return Specialised(graph=graph, batch=batch, small=small, large=large)


def check_operators(graph: Graph) -> None:
    """Refuses a graph with operators that cannot be trained, naming all of them.

    Raises:
        ModelError: there are some.
    """
    unknown: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.op not in OPERATORS:
            unknown.setdefault(node.op, []).append(node)
    if not unknown:
        return
    listed = ", ".join(f"{op} ({len(nodes)}x, first {nodes[0].name!r})" for op, nodes in unknown.items())
    raise ModelError(
        f"expected operators that can be trained, found also {listed} in {graph.path}",
        hint=next(
            (why for why, marks in _REASONS.items() if any(m in op for op in unknown for m in marks)),
            WAYS_OUT,
        ),
    )


def _example_shape(graph: Graph, name: str, given: Mapping[str, Shape]) -> Shape:
    declared = next(spec.shape for spec in graph.inputs if spec.name == name)
    shape = given.get(name, tuple(size for size in declared if size is not None))
    fits = len(shape) == len(declared) and all(d in (None, s) for d, s in zip(declared, shape, strict=True))
    if not fits:
        raise ModelError(
            f"expected examples of shape {_printed(declared)} for input {name!r} of {graph.path}, "
            f"found {_printed(shape)}",
            hint="the data must fit the student's inputs",
        )
    return shape


def _printed(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


def _run(graph: Graph, given: Values, *, smaller: Values | None, batch: int) -> dict[str, Tensor]:
    values = dict(given)
    for node in graph.nodes:
        call = _Eager(node, graph.opset, values=values, smaller=smaller, batch=batch)
        try:
            result = OPERATORS[node.op].apply(call)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise ModelError(
                f"expected {node} to accept its inputs of shapes {call.shapes()}, found: {said_by(error)}, in "
                f"{graph.path}",
                hint=WAYS_OUT,
            ) from error
        results = result if isinstance(result, tuple) else (result,)
        # Outputs that an operator does not give (BatchNorm's statistics in training mode) have no reader here.
        values.update(zip(node.outputs, results, strict=False))
    return values


class _Eager(Call):
    """A call on tensors. Where one of them is on the meta device, all are moved there."""

    def __init__(self, node: Node, opset: int, *, values: Values, smaller: Values | None, batch: int) -> None:
        super().__init__(node, opset)
        self._values, self._smaller, self._batch = values, smaller, batch
        self._meta = any(values[name].is_meta for name in node.inputs if name)

    def shapes(self) -> list[Shape]:
        """The shapes of the inputs that are there."""
        return [tuple(self._values[name].shape) for name in self.node.inputs if name]

    def tensor(self, slot: int) -> Tensor:
        value = self._values[self.node.inputs[slot]]
        return value.to("meta") if self._meta else value

    def alone(self, slot: int) -> Tensor:
        return self._values[self.node.inputs[slot]]

    def shape(self, slot: int) -> Shape:
        return tuple(self._values[self.node.inputs[slot]].shape)

    def dtype(self, slot: int) -> torch.dtype:
        return self._values[self.node.inputs[slot]].dtype

    def value(self, slot: int) -> Tensor:
        value = self._values[self.node.inputs[slot]]
        if value.is_meta:
            raise self.refuse(f"input {slot} to depend on the examples or on trained weights")
        return value

    def integers(self, slot: int) -> list[int]:
        return [int(number) for number in self.value(slot).flatten().tolist()]

    def new_shape(self, target: Callable[[], Sequence[int]], follow: Follow) -> list[int]:
        source, given = self.node.inputs[0], self.node.inputs[1]
        if (
            self._smaller is None
            or not self._meta
            or not torch.equal(self._smaller[given], self._values[given])
        ):
            return list(target())
        grown = follow(
            Growth(
                before=tuple(self._smaller[source].shape),
                after=self.shape(0),
                output=tuple(self._smaller[self.node.outputs[0]].shape),
                batch=self._batch,
                factor=FACTOR,
            )
        )
        if grown is None and -1 in self.integers(1):
            return list(target())
        if grown is None:
            raise self.refuse(
                f"a fixed shape {self.integers(1)} in which the batch cannot be told from the other axes"
            )
        return list(grown)

    def module(self, module: nn.Module, x: Tensor) -> Tensor:
        result: Tensor = module.eval()(x)
        return result

    def array(self, slot: int) -> Tensor:
        return self.tensor(slot)

    def constant(self, numbers: Tensor) -> Tensor:
        return numbers.to("meta") if self._meta else numbers

    def level(self, slot: int) -> float | None:
        return level(self._values[self.node.inputs[slot]])
