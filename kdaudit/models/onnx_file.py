"""An ONNX file goes in; the graph that leads to its output comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kdaudit.errors import ModelError
from kdaudit.models.branches import without_branches
from kdaudit.models.graph import WAYS_OUT, Attribute, Branch, Graph, Node
from kdaudit.models.inference import in_training_mode
from kdaudit.models.sequences import without_sequences
from kdaudit.models.standardised import with_instance_norms
from kdaudit.models.ties import own_constants, retie
from kdaudit.models.untrusted import fetch_external, read_message
from kdaudit.types import AnyArray, TensorSpec, read_only

if TYPE_CHECKING:
    import onnx

_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
_INPUT_TYPES = ("float32", "int64", "int32", "uint8", "bool")
_UNTRAINED = ("BUFFER", "CONSTANT_TENSOR")
# How names begin that torch's exporters give to numbers of their own.
_MADE_UP = ("onnx::", "/", "val_")


def read_graph(path: str) -> Graph:
    """The graph of an ONNX file.

    Raises:
        ModelError: the file is cut off or no ONNX, reads data outside its folder, has several outputs, or holds
            what cannot be trained: half-precision weights, inputs that are not float32.
    """
    model = _load(Path(path))
    main = _branch(model.graph)
    output = _only_output(model, path)
    inputs = [value for value in model.graph.input if value.name not in main.weights]
    kinds = _kinds(model)
    graph = Graph(
        path=path,
        opset=max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1),
        nodes=main.nodes,
        weights=main.weights,
        parameters=_parameters(model, kinds),
        buffers=frozenset(name for name, kind in kinds.items() if kind in _UNTRAINED),
        inputs=tuple(_input(value, path) for value in inputs),
        fixed_batch=_fixed_batch(inputs, path),
        output=output,
        in_training_mode=bool(in_training_mode(model)),
    )
    graph = with_instance_norms(without_sequences(without_branches(graph)))
    return _only_used(retie(own_constants(replace(graph, nodes=graph.leading_to(graph.output)))))


def _branch(proto: onnx.GraphProto) -> Branch:
    """The nodes and constant arrays of a graph, the file's main one or a branch of an If."""
    weights = {t.name: _array(t) for t in proto.initializer}
    nodes = []
    for node in proto.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            weights[node.output[0]] = _constant(node)
        else:
            nodes.append(_node(node))
    return Branch(nodes=tuple(nodes), weights=weights, outputs=tuple(v.name for v in proto.output))


def _kinds(model: onnx.ModelProto) -> dict[str, str]:
    """What torch's dynamo exporter notes of each array: PARAMETER, BUFFER, CONSTANT_TENSOR; {} of other exporters."""
    return {
        value.name: entry.value
        for value in model.graph.value_info
        for entry in value.metadata_props
        if entry.key == _KIND
    }


def _parameters(model: onnx.ModelProto, kinds: Mapping[str, str]) -> frozenset[str]:
    """Names of the arrays that were the network's own parameters, as far as torch's exporters tell.

    The TorchScript exporter has names of its own for numbers that it made, and does not tell parameters from buffers.
    """
    if model.producer_name != "pytorch":
        return frozenset()
    if kinds:
        return frozenset(name for name, kind in kinds.items() if kind == "PARAMETER")
    return frozenset(t.name for t in model.graph.initializer if not t.name.startswith(_MADE_UP))


def _load(path: Path) -> onnx.ModelProto:
    import onnx.inliner

    model = read_message(path)
    if not model.graph.node:
        raise ModelError(
            f"expected an ONNX graph, found no operator in {path}", hint="export or copy it again"
        )
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    fetch_external(model, path)
    return model


def _node(proto: onnx.NodeProto) -> Node:
    own = proto.domain in ("", "ai.onnx")
    return Node(
        op=proto.op_type if own else f"{proto.domain}::{proto.op_type}",
        name=proto.name,
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={a.name: value for a in proto.attribute if (value := _attribute(a)) is not None},
        # What is no text comes as bytes.
        metadata={entry.key: str(entry.value) for entry in proto.metadata_props},
        branches={a.name: _branch(a.g) for a in proto.attribute if own and proto.op_type == "If"},
    )


def _attribute(proto: onnx.AttributeProto) -> Attribute | None:
    """An attribute's value; None for subgraphs, whose operators are refused by their names."""
    import onnx

    value = onnx.helper.get_attribute_value(proto)
    if isinstance(value, onnx.TensorProto):
        return _array(value)
    if isinstance(value, bytes):
        return value.decode()
    if proto.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS):
        return tuple(value)
    if proto.type == onnx.AttributeProto.STRINGS:
        return tuple(text.decode() for text in value)
    return value if isinstance(value, int | float) else None


def _constant(proto: onnx.NodeProto) -> AnyArray:
    value = _attribute(proto.attribute[0])
    if isinstance(value, np.ndarray):
        return value
    wide = np.asarray(value)
    # ONNX's `value_float` is single precision, numpy's default double.
    return read_only(wide.astype(np.float32) if wide.dtype == np.float64 else wide)


def _array(tensor: onnx.TensorProto) -> AnyArray:
    from onnx import numpy_helper

    array = np.asarray(numpy_helper.to_array(tensor))
    full = array.dtype.kind in "iubOSU" or array.dtype in (np.float32, np.float64)
    # A single half-precision number is a setting, not a weight.
    if not full and (array.dtype != np.float16 or array.size > 1):
        raise ModelError(
            f"expected float32 weights, found {array.dtype} in {tensor.name!r}",
            hint=f"export the network in float32, or {WAYS_OUT}",
        )
    return read_only(array)


def _only_output(model: onnx.ModelProto, path: str) -> str:
    names = [str(value.name) for value in model.graph.output]
    if len(names) != 1:
        raise ModelError(
            f"expected one output, found {len(names)} ({', '.join(names)}) in {path}",
            hint="export the network with its class scores as the only output",
        )
    return names[0]


def _input(value: onnx.ValueInfoProto, path: str) -> TensorSpec:
    import onnx

    tensor = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    dtype = {"float": "float32"}.get(name, name)
    if dtype not in _INPUT_TYPES:
        raise ModelError(
            f"expected inputs of {', '.join(_INPUT_TYPES)} to train on, found {dtype} for {value.name!r} in {path}",
            hint=WAYS_OUT,
        )
    sizes = tuple(_size(axis) for axis in tensor.shape.dim)
    return TensorSpec(name=value.name, shape=sizes[1:], dtype=dtype)


def _fixed_batch(inputs: Iterable[onnx.ValueInfoProto], path: str) -> int | None:
    sizes = {_size(v.type.tensor_type.shape.dim[0]) for v in inputs if v.type.tensor_type.shape.dim}
    if len(sizes) != 1:
        raise ModelError(
            f"expected inputs that share their first axis, the batch, found sizes {sorted(map(str, sizes))} "
            f"in {path}"
        )
    return sizes.pop()


def _size(axis: onnx.TensorShapeProto.Dimension) -> int | None:
    """The size of an axis; None where it is open: old exporters write -1 for that, or 0."""
    return axis.dim_value if axis.dim_value > 0 else None


def _only_used(graph: Graph) -> Graph:
    known = {name for node in graph.nodes for name in node.inputs} | {graph.output}
    given = {spec.name for spec in graph.inputs} | set(graph.weights) | set(graph.producers()) | {""}
    if unknown := sorted(known - given):
        raise ModelError(
            f"expected every value to come from somewhere, found no source of {unknown[0]!r} in {graph.path}"
        )
    weights = {name: array for name, array in graph.weights.items() if name in known}
    if text := next((name for name, array in weights.items() if array.dtype.kind in "OSU"), None):
        raise ModelError(f"expected arrays of numbers, found text in {text!r} of {graph.path}", hint=WAYS_OUT)
    return replace(graph, weights=weights)
