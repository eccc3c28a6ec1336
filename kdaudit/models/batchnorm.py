"""Exporters fold BatchNorm into the layer before it; here it is found on evidence and put back.

A deep network without the BatchNorm that it was designed with hardly learns from fresh weights: a control that lacks
one which the student had in training is no control.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kdaudit.errors import ModelError
from kdaudit.models.graph import WAYS_OUT, Graph, Node
from kdaudit.models.onnx_ops.call import Shape
from kdaudit.types import Float32

Mode = Literal["auto", "always", "never"]

# torch's default: that of a folded BatchNorm is lost.
_EPSILON = 1e-5
_NORMS = {"BatchNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization"}
_REWRITES = "pkg.onnxscript.rewriter.rule_name"
_FOLDED_NAME = re.compile(r"onnx::Conv_\d+")

_BY_NOTE = "the exporter's own note that it folded BatchNorm"
_BY_BIAS_NAME = "a bias that folding named after the weight"
_BY_NAMES = "names that only folding gives"
_BY_STRUCTURE = (
    "a convolution with a bias, of a name that is no layer's, and no normalisation in the whole network"
)
_BY_OWN_NAMES = "a bias with its layer's own name, so nothing was folded into it"
_BY_REQUEST = "asked for, without evidence"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reinsertion:
    """A graph with its folded BatchNorm put back.

    `folded` layers lost a BatchNorm by the evidence, `inserted` got one back, `kept` BatchNorms were still there.
    """

    graph: Graph
    folded: int
    inserted: int
    kept: int
    evidence: tuple[str, ...]


def reinsert(graph: Graph, shapes: Mapping[str, Shape], *, mode: Mode) -> Reinsertion:
    """The graph with BatchNorm after the layers that lost one, giving the same outputs in evaluation mode.

    Args:
        graph: the graph of the file.
        shapes: every value's shape.
        mode: auto: where there is evidence; always: after every convolution with a bias too (in a network without
            convolutions: after every dense layer but the last); never.
    """
    found = _on_evidence(graph, shapes)
    asked = dict.fromkeys(_candidates(graph, shapes), _BY_REQUEST) if mode == "always" else {}
    chosen = {} if mode == "never" else {**asked, **found}
    reasons = Counter((chosen or found or _own_names(graph, shapes)).values())
    return Reinsertion(
        graph=_insert(graph, chosen, shapes),
        folded=len(found),
        inserted=len(chosen),
        kept=sum(node.op == "BatchNormalization" for node in graph.nodes),
        evidence=tuple(
            f"{reason}: {n}" if len(reasons) > 1 else reason for reason, n in sorted(reasons.items())
        ),
    )


def _on_evidence(graph: Graph, shapes: Mapping[str, Shape]) -> dict[Node, str]:
    """The layers that lost a BatchNorm, with the reason to think so."""
    direct = {
        node: reason
        for node in graph.nodes
        if (reason := _trace_of_folding(node)) and (not node.has(2) or node.inputs[2] in graph.weights)
    }
    if direct or any(node.op in _NORMS for node in graph.nodes):
        return direct
    named = _own_names(graph, shapes)
    return {
        node: _BY_STRUCTURE for node in _candidates(graph, shapes) if node.op == "Conv" and node not in named
    }


def _trace_of_folding(node: Node) -> str | None:
    """What folding left on a node: the note of torch's dynamo exporter, or names that either exporter made up."""
    if "FuseBatchNormInto" in node.metadata.get(_REWRITES, "") and node.op in ("Conv", "Gemm"):
        return _BY_NOTE
    if node.op != "Conv" or not node.has(2):
        return None
    weight, bias = node.inputs[1], node.inputs[2]
    if weight.endswith("weight") and bias == f"{weight}_bias":
        return _BY_BIAS_NAME
    return _BY_NAMES if all(_FOLDED_NAME.fullmatch(name) for name in (weight, bias)) else None


def _own_names(graph: Graph, shapes: Mapping[str, Shape]) -> dict[Node, str]:
    """Layers whose bias is their own: named by the module, in a file whose exporter would have left a trace.

    The TorchScript exporter renames what it folds and writes the module's path into the node's name; the dynamo
    exporter notes what it folds and where each node came from.
    """
    own = {}
    for node in _candidates(graph, shapes):
        weight, bias = node.inputs[1], node.inputs[2]
        named = weight.endswith("weight") and bias == f"{weight.removesuffix('weight')}bias"
        if named and (node.name.startswith("/") or node.metadata):
            own[node] = _BY_OWN_NAMES
    return own


def _candidates(graph: Graph, shapes: Mapping[str, Shape]) -> list[Node]:
    """Layers with a stored bias after which a BatchNorm may have stood.

    Convolutions onto a single point are left out: those are heads and gates.
    """
    consumers = graph.consumers()
    convolutions = any(node.op == "Conv" for node in graph.nodes)
    return [
        node
        for node in graph.nodes
        if node.op == ("Conv" if convolutions else "Gemm")
        and node.has(2)
        and node.inputs[2] in graph.weights
        and node.outputs[0] != graph.output
        and (not convolutions or any(size > 1 for size in shapes[node.outputs[0]][2:]))
        and all(use.node.op != "BatchNormalization" for use in consumers[node.outputs[0]])
    ]


def _insert(graph: Graph, chosen: Mapping[Node, str], shapes: Mapping[str, Shape]) -> Graph:
    nodes: list[Node] = []
    weights = dict(graph.weights)
    for node in graph.nodes:
        if node not in chosen:
            nodes.append(node)
            continue
        output, channels = node.outputs[0], shapes[node.outputs[0]][1]
        bare = f"{output}@folded"
        arrays = {
            f"{output}@batchnorm.weight": np.ones(channels, np.float32),
            f"{output}@batchnorm.bias": _bias(node, graph, channels),
            f"{output}@batchnorm.running_mean": np.zeros(channels, np.float32),
            # With this variance the BatchNorm passes everything on as it is.
            f"{output}@batchnorm.running_var": np.full(channels, 1.0 - _EPSILON, np.float32),
        }
        weights.update(arrays)
        nodes.append(replace(node, inputs=node.inputs[:2], outputs=(bare,)))
        nodes.append(
            Node(
                op="BatchNormalization",
                name=f"{node.name}@batchnorm",
                inputs=(bare, *arrays),
                outputs=(output,),
                attributes={"epsilon": _EPSILON},
                metadata={},
            )
        )
    read = {name for node in nodes for name in node.inputs}
    return replace(graph, nodes=tuple(nodes), weights={k: v for k, v in weights.items() if k in read})


def _bias(node: Node, graph: Graph, channels: int) -> Float32:
    """The bias of a layer as it enters the BatchNorm's offset; zeros where there is none."""
    if not node.has(2):
        return np.zeros(channels, np.float32)
    bias = np.asarray(graph.weights[node.inputs[2]], np.float32)
    if bias.size not in (1, channels):
        raise ModelError(
            f"expected a bias of {channels} numbers for {node}, found {bias.size}, in {graph.path}",
            hint=f"say --reinsert-bn never, or {WAYS_OUT}",
        )
    scale = node.number("beta", 1.0) if node.op == "Gemm" else 1.0
    return np.broadcast_to(bias.reshape(-1) * np.float32(scale), (channels,)).astype(np.float32)
