"""How much memory the values of an ONNX graph take, told from its shapes before anything is computed."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from kdaudit.errors import ModelError
from kdaudit.models.untrusted import GIB, MAX_VALUE_BYTES

if TYPE_CHECKING:
    import onnx

# Larger arrays are weights; shapes depend on the small ones.
_SETTING_BYTES = 1024
_BYTES = 4


def value_bytes(model: onnx.ModelProto, path: Path) -> tuple[int, ...] | None:
    """Bytes of each value that is computed, open axes counted as 1; None where shapes cannot be inferred.

    Raises:
        ModelError: one takes more than 4 GiB.
    """
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(model), data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        return None
    found = []
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        sizes = [max(dim.dim_value, 1) for dim in value.type.tensor_type.shape.dim]
        found.append(prod(sizes) * _BYTES)
        if found[-1] > MAX_VALUE_BYTES:
            raise ModelError(
                f"expected values of at most {MAX_VALUE_BYTES // GIB} GiB for one example, found {value.name!r} of "
                f"shape {tuple(sizes)}, {found[-1] / GIB:.1f} GiB, in {path}",
                hint="export the network for a batch of 1 or a dynamic batch axis, or for smaller inputs",
            )
    return tuple(found)


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the shapes of its weights and not their numbers."""
    import onnx

    graph = model.graph
    lean = onnx.GraphProto(
        name=graph.name, node=graph.node, input=graph.input, output=graph.output, value_info=graph.value_info
    )
    for tensor in graph.initializer:
        if tensor.ByteSize() <= _SETTING_BYTES:
            lean.initializer.add().CopyFrom(tensor)
        else:
            lean.initializer.add(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    return onnx.ModelProto(
        ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions, graph=lean
    )
