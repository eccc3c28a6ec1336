"""Dropout at the usual places of a graph whose file does not hold any (`--dropout`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kdaudit.errors import ModelError, SpecError
from kdaudit.models.graph import Graph, Node, Use
from kdaudit.models.surroundings import Surroundings

_DENSE = ("Gemm", "MatMul")
_RATIO, _ALIVE = "dropout@ratio", "dropout@alive"


def with_dropout(graph: Graph, share: float) -> Graph:
    """The graph with Dropout.

    Where the file kept its own, those get the share. Else it is applied to what each dense branch adds to the others,
    as transformers do; in a network without such branches to what each dense layer but the first reads, as VGG does.

    Raises:
        SpecError: the share is none.
        ModelError: there is no such place.
    """
    if not 0.0 < share < 1.0:
        raise SpecError(f"expected --dropout between 0 and 1, found {share:g}")
    nodes: tuple[Node, ...]
    if any(node.op == "Dropout" for node in graph.nodes):
        nodes = tuple(_alive(node) if node.op == "Dropout" else node for node in graph.nodes)
    else:
        around = Surroundings(graph)
        places = list(_branches(around)) or list(_read_by_dense_layers(around))
        if not places:
            raise ModelError(
                f"expected a dense layer behind another to put Dropout before, found none in {graph.path}",
                hint="leave --dropout away, or give the architecture itself with --student-arch module:callable",
            )
        nodes = tuple(_inserted(graph, places))
    numbers = {_RATIO: np.array(share, np.float32), _ALIVE: np.array([True])}
    return replace(graph, nodes=nodes, weights={**graph.weights, **numbers})


def _branches(around: Surroundings) -> Iterator[Use]:
    """Operands of sums that a dense layer gives, with its bias and factor, if the other is no array."""
    for node in around.graph.nodes:
        if node.op != "Add" or around.held.intersection(node.inputs):
            continue
        for slot, name in enumerate(node.inputs):
            if _ends_in_dense_layer(name, around):
                yield Use(node=node, slot=slot)


def _ends_in_dense_layer(name: str, around: Surroundings) -> bool:
    before = around.source(name)
    while before is not None and before.op in ("Add", "Mul") and around.held.intersection(before.inputs):
        before = around.source(next(n for n in before.inputs if n not in around.held))
    return before is not None and before.op in _DENSE and around.is_layer(before)


def _read_by_dense_layers(around: Surroundings) -> Iterator[Use]:
    for node in around.graph.nodes:
        if node.op in _DENSE and around.is_layer(node) and node.inputs[0] not in around.raw | around.held:
            yield Use(node=node, slot=0)


def _inserted(graph: Graph, places: list[Use]) -> Iterator[Node]:
    slots = {use.node: use.slot for use in places}
    for node in graph.nodes:
        if node not in slots:
            yield node
            continue
        slot = slots[node]
        dropped = f"{node.outputs[0]}@dropout"
        yield Node(
            op="Dropout",
            name=dropped,
            inputs=(node.inputs[slot], _RATIO, _ALIVE),
            outputs=(dropped,),
            attributes={},
            metadata={},
        )
        yield replace(node, inputs=(*node.inputs[:slot], dropped, *node.inputs[slot + 1 :]))


def _alive(node: Node) -> Node:
    return replace(node, inputs=(node.inputs[0], _RATIO, _ALIVE))
