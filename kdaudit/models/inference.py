"""Files that were exported in training mode are evaluated as what they are for: inference.

onnxruntime runs a BatchNormalization with `training_mode=1` without complaint, with the statistics of the batch, so
that each answer depends on the examples beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kdaudit.models.untrusted import read_message, subgraphs
from kdaudit.types import ModelRef

if TYPE_CHECKING:
    import onnx

# The Dropout input that says whether it is alive.
_ALIVE = 2


def for_inference(model: onnx.ModelProto) -> bool:
    """Sets BatchNorm and Dropout to inference, in place; whether anything had to be changed.

    Statistics that BatchNorm gives in training mode have no reader in a model with one output, and are dropped.
    """
    nodes = in_training_mode(model)
    for node in nodes:
        if node.op_type == "Dropout":
            del node.input[_ALIVE:]
            continue
        del node.output[1:]
        for attribute in node.attribute:
            if attribute.name == "training_mode":
                attribute.i = 0
    return bool(nodes)


def trains_when_run(ref: ModelRef) -> bool:
    """Whether a model is an ONNX file that was exported in training mode.

    Raises:
        ModelError: the file cannot be read.
    """
    return ref.kind == "onnx" and bool(in_training_mode(read_message(Path(ref.path))))


def in_training_mode(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes that behave otherwise than in inference."""
    nodes = list(_all_nodes(model))
    false = {t.name for t in model.graph.initializer if _is_false(t)}
    false.update(
        node.output[0]
        for node in nodes
        if node.op_type == "Constant" and any(a.HasField("t") and _is_false(a.t) for a in node.attribute)
    )
    return [node for node in nodes if node.domain in ("", "ai.onnx") and _trains(node, false)]


def _trains(node: onnx.NodeProto, false: set[str]) -> bool:
    if node.op_type == "Dropout":
        return len(node.input) > _ALIVE and node.input[_ALIVE] not in {"", *false}
    if node.op_type != "BatchNormalization":
        return False
    # Before opset 14 the number of outputs says it.
    training = any(a.name == "training_mode" and a.i for a in node.attribute)
    return training or sum(name != "" for name in node.output) > 1


def _is_false(tensor: onnx.TensorProto) -> bool:
    """Whether a tensor is a single False."""
    import onnx

    single = tensor.data_type == onnx.TensorProto.BOOL and not any(size > 1 for size in tensor.dims)
    return single and not any(tensor.raw_data) and not any(tensor.int32_data)


def _all_nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        yield from _with_branches(nodes)


def _with_branches(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Nodes, and those of the graphs that they hold."""
    for node in nodes:
        yield node
        for graph in subgraphs(node):
            yield from _with_branches(graph.node)
