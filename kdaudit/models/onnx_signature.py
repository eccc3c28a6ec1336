"""What an ONNX file has in common with others of its architecture, whichever exporter wrote it.

Exporters fold BatchNorm or keep it, and each writes sizes, rearrangements and constants in its own way: a control that
was saved as ONNX and a student of the same network have few operators in common by name.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from kdaudit.models.signature import weight_shapes
from kdaudit.types import Signature

if TYPE_CHECKING:
    import onnx

_FLOATS = {1, 10, 11, 16}  # FLOAT, FLOAT16, DOUBLE, BFLOAT16
_QUANTISED = {2, 3}  # UINT8, INT8
_FOLDING = ("Conv", "ConvTranspose", "Gemm")
# What makes a network more than one matrix; all but these come and go with the exporter, or show in the weights.
_BENDING = {
    "Relu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish",
    "Tanh", "Erf", "Softplus", "Softsign", "Mish", "Softmax", "LogSoftmax", "MaxPool", "LSTM", "GRU", "RNN",
}  # fmt: skip
# Operators of newer opsets, by what they bend with when written out.
_WITHIN = {"Swish": "Sigmoid", "Attention": "Softmax"}


def onnx_signature(model: onnx.ModelProto) -> Signature:
    """The arrays, counted as if each BatchNorm behind a layer were folded into it, and the operators that bend.

    Single numbers are not counted: exporters write out what others compute.
    """
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    held = [(node, a.t) for node in graph.node for a in node.attribute if a.HasField("t") and node.output]
    tensors.update((node.output[0], tensor) for node, tensor in held)
    sizes = {name: prod(t.dims) for name, t in tensors.items() if t.data_type in _FLOATS and prod(t.dims) > 1}
    return Signature(
        kind="onnx",
        n_parameters=sum(sizes.values()) - _folded_away(graph, sizes),
        operators=tuple(sorted(Counter(bent for node in graph.node if (bent := _bending(node))).items())),
        weights=weight_shapes(t.dims for t in tensors.values() if t.data_type in _FLOATS | _QUANTISED),
    )


def _folded_away(graph: onnx.GraphProto, sizes: dict[str, int]) -> int:
    """How many numbers fewer there are once BatchNorm is folded: a layer without a bias gets one."""
    layers = {node.output[0]: node for node in graph.node if node.op_type in _FOLDING}
    n = 0
    for norm in graph.node:
        if norm.op_type == "BatchNormalization" and (layer := layers.get(norm.input[0])):
            own = [sizes.get(name, 0) for name in norm.input[1:]]
            # Unoptimised files add zeros that are computed.
            biased = len(layer.input) > 2 and layer.input[2] in sizes
            n += sum(own) - (0 if biased else max(own, default=0))
    return n


def _bending(node: onnx.NodeProto) -> str:
    """The function that an operator applies, by one name for all ways to write it; '' if it bends nothing."""
    if node.op_type == "Gelu":
        by_tanh = any(a.name == "approximate" and a.s == b"tanh" for a in node.attribute)
        return "Tanh" if by_tanh else "Erf"
    if node.op_type in _WITHIN:
        return _WITHIN[node.op_type]
    return node.op_type if node.op_type in _BENDING else ""
