"""If operators whose branch is settled by constants and shapes are replaced by that branch.

Exporters write them where they do not know an axis: the usual one asks whether an axis to be squeezed has size 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from kdaudit.errors import ModelError
from kdaudit.models.graph import Branch, Graph, Node
from kdaudit.models.onnx_ops import OPERATORS
from kdaudit.models.specialise import run_graph
from kdaudit.types import TensorSpec


def without_branches(graph: Graph) -> Graph:
    """The graph with, in place of each If, the branch that it takes whatever the examples are.

    An If that depends on the examples stays, as does one whose condition rests on axes that the file leaves open.
    """
    place = 0
    while place < len(graph.nodes):
        branch = _taken(graph, graph.nodes[place])
        if branch is None:
            place += 1
        else:
            graph = _with_branch(graph, place, branch)
    return graph


def _taken(graph: Graph, node: Node) -> Branch | None:
    if not node.branches:
        return None
    conditions = _known(graph, node.inputs[0])
    if len(conditions) != 1:
        return None
    return node.branches["then_branch" if conditions.pop() else "else_branch"]


def _known(graph: Graph, name: str) -> set[bool]:
    """What a condition is at the batch sizes of the file; nothing if it cannot be known."""
    before = graph.leading_to(name)
    read = {name for node in before for name in node.inputs}
    inputs = [spec for spec in graph.inputs if spec.name in read]
    if any(node.op not in OPERATORS for node in before) or any(None in spec.shape for spec in inputs):
        return set()
    sizes = [graph.fixed_batch] if graph.fixed_batch else [2, 3]
    try:
        found = [run_graph(replace(graph, nodes=before), _examples(inputs, n))[name] for n in sizes]
    except ModelError:
        return set()
    return set() if any(value.is_meta for value in found) else {bool(value.any()) for value in found}


def _examples(inputs: Sequence[TensorSpec], n: int) -> dict[str, Tensor]:
    """As many examples, without numbers."""
    return {
        spec.name: torch.empty(
            (n, *(size for size in spec.shape if size is not None)),
            dtype=getattr(torch, spec.dtype),
            device="meta",
        )
        for spec in inputs
    }


def _with_branch(graph: Graph, place: int, branch: Branch) -> Graph:
    node = graph.nodes[place]
    passed_on = [
        Node(op="Identity", name=node.name, inputs=(inner,), outputs=(outer,), attributes={}, metadata={})
        for inner, outer in zip(branch.outputs, node.outputs, strict=True)
    ]
    return replace(
        graph,
        nodes=(*graph.nodes[:place], *branch.nodes, *passed_on, *graph.nodes[place + 1 :]),
        weights={**graph.weights, **branch.weights},
    )
