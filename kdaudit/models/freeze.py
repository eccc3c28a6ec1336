"""Arrays that keep the student's numbers (`--freeze`): a pretrained embedding, a backbone that was not trained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kdaudit.errors import ModelError, SpecError
from kdaudit.models.graph import Graph, Node
from kdaudit.models.onnx_ops.call import Shape

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frozen:
    """A graph and the `names` of its arrays that keep their numbers."""

    graph: Graph
    names: tuple[str, ...]


def freeze(graph: Graph, pattern: str | None, shapes: Mapping[str, Shape]) -> Frozen:
    """What of a graph is not to be trained: the float arrays in whose names the pattern is found.

    A BatchNorm whose four arrays all match keeps its running statistics too: it becomes the factor and the addend that
    it is in evaluation.

    Args:
        graph: the graph.
        pattern: a regular expression; None: nothing.
        shapes: the shape of every value.

    Raises:
        SpecError: the pattern is no regular expression.
        ModelError: it is found in no name, or in some names of a BatchNorm and not in the others.
    """
    if pattern is None:
        return Frozen(graph=graph, names=())
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise SpecError(
            f"expected a regular expression after --freeze, found {pattern!r}: {error}"
        ) from error
    floats = [name for name, array in graph.weights.items() if array.dtype.kind == "f" and array.size > 1]
    chosen = {name for name in floats if found.search(name)}
    if not chosen:
        raise ModelError(
            f"expected --freeze {pattern!r} to name arrays of {graph.path}, found none among {len(floats)}, "
            f"such as {', '.join(floats[:_SHOWN])}",
            hint="names as in the file; an export without folding (do_constant_folding=False) keeps all of them",
        )
    return _without_batchnorm(graph, chosen, shapes)


def _in_evaluation(node: Node, factor: str, addend: str) -> list[Node]:
    product = f"{node.outputs[0]}@product"
    return [
        replace(node, op="Mul", inputs=(node.inputs[0], factor), outputs=(product,), attributes={}),
        replace(node, op="Add", inputs=(product, addend), outputs=node.outputs[:1], attributes={}),
    ]


def _without_batchnorm(graph: Graph, chosen: set[str], shapes: Mapping[str, Shape]) -> Frozen:
    nodes: list[Node] = []
    weights = dict(graph.weights)
    names = list(chosen)
    for node in graph.nodes:
        own = node.inputs[1:] if node.op == "BatchNormalization" else ()
        if not chosen.intersection(own):
            nodes.append(node)
            continue
        if not chosen.issuperset(own):
            kept = sorted(set(own) - chosen)
            raise ModelError(
                f"expected --freeze to name all arrays of {node} or none, found {', '.join(kept)} left out",
                hint="name the layer, not its weight alone",
            )
        scale, offset, mean, variance = (np.asarray(graph.weights[name], np.float64) for name in own)
        factor = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
        layout = (-1, *[1] * (len(shapes[node.inputs[0]]) - 2))
        pair = {f"{own[0]}@factor": factor, f"{own[0]}@addend": offset - mean * factor}
        weights.update({name: array.reshape(layout).astype(np.float32) for name, array in pair.items()})
        names += list(pair)
        nodes += _in_evaluation(node, *pair)
    read = {name for node in nodes for name in node.inputs}
    graph = replace(graph, nodes=tuple(nodes), weights={k: v for k, v in weights.items() if k in read})
    return Frozen(graph=graph, names=tuple(name for name in names if name in read))
