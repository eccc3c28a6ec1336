"""An ONNX file goes in; its message comes out, checked before anything believes what it says.

onnx and onnxruntime allocate what a file claims and read what it points at. So sizes are compared with the bytes that
are there, and places with the file's own folder, before either of them sees the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from kdaudit.errors import ModelError

if TYPE_CHECKING:
    import onnx

GIB = 1 << 30
# Swin-L has 5,000 nodes, an LSTM unrolled over 1,000 steps 20,000.
MAX_NODES = 100_000
MAX_VALUE_BYTES = 4 * GIB
# protobuf itself ends here.
_MAX_MESSAGE_BYTES = (1 << 31) - 1
_MAX_FUNCTION_DEPTH = 50
_EXTERNAL_KEYS = {"location", "offset", "length", "checksum", "basepath"}
_STRING = 8
# Bits of one element by ONNX's number of its type.
_BITS = {
    **dict.fromkeys((25, 26), 2),
    **dict.fromkeys((21, 22, 23), 4),
    **dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8),
    **dict.fromkeys((4, 5, 10, 16), 16),
    **dict.fromkeys((1, 6, 12), 32),
    **dict.fromkeys((7, 11, 13, 14), 64),
    15: 128,
}
_EXPORT_AGAIN = "the file is damaged or not what an exporter writes; export or copy it again"


def read_message(path: Path) -> onnx.ModelProto:
    """The message of an ONNX file, without the weights that it keeps in other files.

    Raises:
        ModelError: it is no ONNX file, or too large; it has too many nodes; an array claims other bytes than it has,
            or lies outside the file's folder.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        size = path.stat().st_size
        if not path.is_file() or size > _MAX_MESSAGE_BYTES:
            found = f"{size / GIB:.1f} GiB" if path.is_file() else "no regular file"
            raise ModelError(
                f"expected an ONNX file of at most 2 GiB, found {found} at {path}",
                hint="keep the weights of a larger network beside it: onnx.save(..., save_as_external_data=True)",
            )
        model = onnx.ModelProto()
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise ModelError(f"expected an ONNX file, found none that can be read at {path}: {error}") from error
    except DecodeError as error:
        raise ModelError(
            f"expected an ONNX file, found bytes of another kind or cut off in {path}",
            hint="export or copy it again",
        ) from error
    _check_nodes(model, path)
    for tensor in tensors(model):
        _check_tensor(tensor, path)
    _check_inputs(model, path)
    return model


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every array in the file, wherever it stands: initializers, attributes, bodies of loops and of functions."""
    graphs = [model.graph]
    for training in model.training_info:
        graphs += [training.initialization, training.algorithm]
    for graph in graphs:
        yield from _tensors_of_graph(graph)
    for function in model.functions:
        yield from _tensors_of_nodes(function.node)
        yield from _tensors_of_attributes(function.attribute_proto)


def external_files(model: onnx.ModelProto, path: Path) -> tuple[Path, ...]:
    """The files in which an ONNX file at `path`, that `read_message` has read, keeps weights."""
    return tuple(sorted({_beside(path, _entry(tensor, "location")) for tensor in _outside(model)}))


def fetch_external(model: onnx.ModelProto, path: Path) -> None:
    """Puts into the message what `read_message` has found to lie in other files."""
    for tensor in _outside(model):
        with _beside(path, _entry(tensor, "location")).open("rb") as stream:
            stream.seek(int(_entry(tensor, "offset") or 0))
            tensor.raw_data = stream.read(_n_bytes(tensor))
        tensor.ClearField("data_location")
        tensor.ClearField("external_data")


def _outside(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    import onnx

    return [tensor for tensor in tensors(model) if tensor.data_location == onnx.TensorProto.EXTERNAL]


def _beside(path: Path, location: str) -> Path:
    """The file that an ONNX file at `path` calls `location`; links are followed before it is judged."""
    # Caches of downloaded files link model and weights to one folder of theirs.
    folders = (path.parent.resolve(), path.resolve().parent)
    try:
        file = (folders[0] / location).resolve()
        regular = file.is_file()
    except (ValueError, OSError, RuntimeError):  # a zero byte; a name too long; a link to itself
        file, regular = folders[0] / "?", False
    if not any(file.is_relative_to(folder) for folder in folders):
        raise ModelError(
            f"expected the weights of {path} beside it, found {location!r}, outside its folder",
            hint="keep the file and its data in one folder",
        )
    if not regular:
        raise ModelError(
            f"expected the weights of {path} in {location!r} beside it, found no such file",
            hint="copy the data file together with the ONNX file",
        )
    return file


def _check_nodes(model: onnx.ModelProto, path: Path) -> None:
    functions = {_key(f.domain, f.name, f): f for f in model.functions}
    known: dict[tuple[str, ...], int] = {}

    def count(nodes: Iterable[onnx.NodeProto], inside: tuple[tuple[str, ...], ...]) -> int:
        total = 0
        for node in nodes:
            key = _key(node.domain, node.op_type, node)
            if key in functions and key not in known:
                if key in inside or len(inside) == _MAX_FUNCTION_DEPTH:
                    raise ModelError(
                        f"expected functions that end, found {node.op_type} to call itself or more than "
                        f"{_MAX_FUNCTION_DEPTH} others, one inside the other, in {path}",
                        hint=_EXPORT_AGAIN,
                    )
                known[key] = count(functions[key].node, (*inside, key))
            total += 1 + known.get(key, 0) + sum(count(graph.node, inside) for graph in subgraphs(node))
        return total

    if (found := count(model.graph.node, ())) > MAX_NODES:
        raise ModelError(
            f"expected at most {MAX_NODES:,} nodes, with functions written out, found {found:,} in {path}",
            hint="export the network with its loops kept (LSTM, GRU, Scan), or a smaller part of it",
        )


def _key(domain: str, name: str, named: onnx.NodeProto | onnx.FunctionProto) -> tuple[str, ...]:
    return (domain, name, named.overload)


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs that a node holds: branches and bodies."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors_of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from _tensors_of_sparse(graph.sparse_initializer)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        yield from _tensors_of_attributes(node.attribute)
        for graph in subgraphs(node):
            yield from _tensors_of_graph(graph)


def _tensors_of_attributes(attributes: Iterable[onnx.AttributeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        yield from _tensors_of_sparse(attribute.sparse_tensors)
        if attribute.HasField("sparse_tensor"):
            yield from _tensors_of_sparse([attribute.sparse_tensor])


def _tensors_of_sparse(found: Iterable[onnx.SparseTensorProto]) -> Iterator[onnx.TensorProto]:
    for sparse in found:
        if prod(sparse.dims) * 8 > MAX_VALUE_BYTES or any(size < 0 for size in sparse.dims):
            raise ModelError(
                f"expected sparse arrays of at most {MAX_VALUE_BYTES // GIB} GiB, found one of shape "
                f"{tuple(sparse.dims)}",
                hint="export the network with ordinary arrays",
            )
        yield from (sparse.values, sparse.indices)


def _check_tensor(tensor: onnx.TensorProto, path: Path) -> None:
    """Its shape must claim just the bytes that are there."""
    import onnx

    shape, bits = tuple(tensor.dims), _BITS.get(tensor.data_type)
    if (bits is None and tensor.data_type != _STRING) or any(size < 0 for size in shape):
        raise ModelError(
            f"expected arrays of a known type and of sizes from 0 on, found type {tensor.data_type} and shape {shape} "
            f"for {tensor.name!r} in {path}",
            hint=_EXPORT_AGAIN,
        )
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        _check_external(tensor, path)
    elif tensor.HasField("raw_data"):
        _require_bytes(tensor, _n_bytes(tensor), len(tensor.raw_data), path)
    else:
        entries = (tensor.float_data, tensor.int32_data, tensor.string_data, tensor.int64_data)
        n_entries = max(map(len, (*entries, tensor.double_data, tensor.uint64_data)))
        # An entry of int32_data may hold two or four numbers of a few bits.
        per_entry = max(1, 8 // (bits or 8))
        _require_bytes(tensor, prod(shape), min(prod(shape), n_entries * per_entry), path)


def _n_bytes(tensor: onnx.TensorProto) -> int:
    n: int = prod(tensor.dims)
    return -(-n * _BITS.get(tensor.data_type, 8) // 8)


def _check_external(tensor: onnx.TensorProto, path: Path) -> None:
    file = _beside(path, _entry(tensor, "location"))
    numbers = [_entry(tensor, "offset") or "0", _entry(tensor, "length") or str(_n_bytes(tensor))]
    unknown = {entry.key for entry in tensor.external_data} - _EXTERNAL_KEYS
    if unknown or not all(text.isascii() and text.isdigit() and len(text) < 20 for text in numbers):
        raise ModelError(
            f"expected a place, an offset and a length of {tensor.name!r} of {path}, found "
            f"{ {entry.key: entry.value for entry in tensor.external_data} }",
            hint=_EXPORT_AGAIN,
        )
    offset, length = map(int, numbers)
    _require_bytes(tensor, _n_bytes(tensor), length, path)
    if offset + length > (size := file.stat().st_size):
        raise ModelError(
            f"expected the weights of {path} beside it, found data cut off: {tensor.name!r} should end at byte "
            f"{offset + length} of {file.name}, which has {size}",
            hint="copy the data file together with the ONNX file",
        )


def _require_bytes(tensor: onnx.TensorProto, claimed: int, found: int, path: Path) -> None:
    if claimed != found:
        raise ModelError(
            f"expected {claimed} bytes or numbers for {tensor.name!r} of shape {tuple(tensor.dims)}, found {found} in "
            f"{path}",
            hint=_EXPORT_AGAIN,
        )


def _entry(tensor: onnx.TensorProto, key: str) -> str:
    # The last one counts, as for onnx and onnxruntime.
    return next((str(e.value) for e in reversed(tensor.external_data) if e.key == key), "")


def _check_inputs(model: onnx.ModelProto, path: Path) -> None:
    """A batch size in the file is one that is filled."""
    for value in model.graph.input:
        sizes = [max(dim.dim_value, 1) for dim in value.type.tensor_type.shape.dim]
        if prod(sizes) * 4 > MAX_VALUE_BYTES:
            raise ModelError(
                f"expected inputs of at most {MAX_VALUE_BYTES // GIB} GiB, found {value.name!r} of shape "
                f"{tuple(sizes)} in {path}",
                hint="export the network for a batch of 1, or with a dynamic batch axis",
            )
