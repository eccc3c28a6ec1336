"""Arrays that the network shared, or did not share, as it had them: exporters copy the one and merge the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kdaudit.models.graph import Graph, Node
from kdaudit.types import AnyArray

_Mark = tuple[tuple[int, ...], float, float]


def own_constants(graph: Graph) -> Graph:
    """Exporters store equal arrays once: all-equal ones (zero biases, unit scales) become each reader's own again.

    Arrays that are not all equal do not coincide by chance: those are truly shared and stay so.
    """
    weights = dict(graph.weights)
    parameters = set(graph.parameters)
    renamed: dict[str, str] = {}
    nodes = []
    taken: set[str] = set()
    for node in graph.nodes:
        source = renamed.get(node.inputs[0], node.inputs[0]) if node.inputs else ""
        if node.op == "Identity" and source in weights:
            if _is_level(weights[source]):
                _copy(source, node.outputs[0], weights, parameters)
            else:
                renamed[node.outputs[0]] = source
            continue
        inputs = []
        for name in (renamed.get(name, name) for name in node.inputs):
            own = name
            if name in taken and _is_level(weights[name]):
                own = f"{name}@{node.outputs[0]}"
                _copy(name, own, weights, parameters)
            elif name in weights:
                taken.add(name)
            inputs.append(own)
        nodes.append(replace(node, inputs=tuple(inputs)))
    return replace(graph, nodes=tuple(nodes), weights=weights, parameters=frozenset(parameters))


def retie(graph: Graph) -> Graph:
    """Exporters fold the transposition of a shared array into a copy: equal tables become one array again.

    An embedding that is also the output layer would otherwise be drawn and trained twice.
    """
    firsts: dict[_Mark, str] = {}
    renamed: dict[str, str] = {}
    turned: list[Node] = []
    for name in sorted(_tables(graph), key=lambda name: name not in graph.parameters):
        array = graph.weights[name]
        first = firsts.setdefault(_mark(array), name)
        if first == name:
            continue
        if np.array_equal(graph.weights[first], array):
            renamed[name] = first
        elif array.ndim == 2 and np.array_equal(graph.weights[first].T, array):
            turned.append(_transposition(first, name))
    nodes = [replace(node, inputs=tuple(renamed.get(n, n) for n in node.inputs)) for node in graph.nodes]
    gone = {*renamed, *(node.outputs[0] for node in turned)}
    weights = {name: array for name, array in graph.weights.items() if name not in gone}
    return replace(graph, nodes=(*turned, *nodes), weights=weights)


def _copy(source: str, target: str, weights: dict[str, AnyArray], parameters: set[str]) -> None:
    weights[target] = weights[source]
    if source in parameters:
        parameters.add(target)


def _tables(graph: Graph) -> list[str]:
    return [n for n, a in graph.weights.items() if a.dtype.kind == "f" and a.ndim > 1 and not _is_flat(a)]


def _is_flat(array: AnyArray) -> bool:
    """Whether an array may equal another by chance: all of its numbers are the same, or it has hardly any."""
    return array.size < 16 or bool(np.all(array == array.flat[0]))


def _is_level(array: AnyArray) -> bool:
    return array.dtype.kind == "f" and array.size > 1 and bool(np.all(array == array.flat[0]))


def _mark(array: AnyArray) -> _Mark:
    """What an array and its transpose have in common, and other arrays hardly."""
    return (tuple(sorted(array.shape)), float(array.min()), float(array.max()))


def _transposition(source: str, target: str) -> Node:
    return Node(
        op="Transpose",
        name=f"{target}@tie",
        inputs=(source,),
        outputs=(target,),
        attributes={"perm": (1, 0)},
        metadata={},
    )
