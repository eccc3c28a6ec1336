"""Bytes of a good file go in, bytes of a bad one come out; the same generator gives the same file."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from math import inf, nan
from random import Random
from typing import TYPE_CHECKING, Any

import onnx

if TYPE_CHECKING:
    from google.protobuf.message import Message

_NUMBERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 255, 65_536, 2**31 - 1, 2**31, 2**40, 2**63 - 1)
_FRACTIONS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e38, -1e38, inf, -inf, nan)
_OPERATORS = sorted({schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""})
_SHARE = 0.7


def mutated(kind: str, content: bytes, others: list[bytes], rng: Random) -> bytes:
    """A bad file of a kind, made of a good one: by what its format means, by its bytes alone, or with another's."""
    change = _BY_MEANING[kind] if rng.random() < _SHARE else _change_bytes
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        try:
            content = change(content, rng)
        except ValueError:  # no longer of that format
            content = _change_bytes(content, rng)
    if rng.random() < 0.03:
        content = _spliced(content, rng.choice(others), rng)
    return content


def _change_bytes(content: bytes, rng: Random) -> bytes:
    """Flips, cuts, zeros, doubles, drops or adds bytes."""
    data = bytearray(content)
    start = rng.randrange(len(data) + 1)
    stop = min(len(data), start + rng.choice((1, 2, 8, 64, 1024)))
    how = rng.randrange(7)
    if how <= 1:
        for _ in range(rng.randint(1, 8)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
    elif how == 2:
        del data[start:]
    elif how == 3:
        data[start:stop] = bytes(stop - start)
    elif how == 4:
        data[start:start] = data[start:stop]
    elif how == 5:
        del data[start:stop]
    else:
        data[start:start] = rng.randbytes(stop - start)
    return bytes(data)


def _spliced(content: bytes, other: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other)) :]


def _change_onnx(content: bytes, rng: Random) -> bytes:
    """Changes one field of the message, or one thing that graphs are made of."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as failure:
        raise ValueError(str(failure)) from failure
    if rng.random() < 0.5 and model.graph.node:
        rng.choice(_GRAPH_CHANGES)(model.graph, rng)
    else:
        _change_field(model, rng)
    changed: bytes = model.SerializeToString()
    return changed


def _change_field(model: Message, rng: Random) -> None:
    """A random walk down the message, and a change where it ends."""
    message: Any = model
    while True:
        present = [(field, value) for field, value in message.ListFields()]
        if not present:
            return
        field, value = rng.choice(present)
        repeated = hasattr(value, "extend")
        chosen = rng.choice(value) if repeated else value
        if field.message_type is not None and rng.random() < 0.85:
            message = chosen
            continue
        if repeated and rng.random() < 0.4:
            _change_list(value, rng)
        elif field.message_type is None:
            fresh = _fresh(chosen, rng)
            if repeated:
                value[rng.randrange(len(value))] = fresh
            else:
                setattr(message, field.name, fresh)
        else:
            message.ClearField(field.name)
        return


def _change_list(values: Any, rng: Random) -> None:
    place = rng.randrange(len(values))
    if rng.random() < 0.5:
        del values[place]
    else:
        values.extend([values[place]] * rng.choice((1, 2, 50)))


def _fresh(value: object, rng: Random) -> object:
    if isinstance(value, bytes):
        return _change_bytes(value, rng)
    if isinstance(value, float):
        return rng.choice(_FRACTIONS)
    if isinstance(value, int):
        fitting = [n for n in _NUMBERS if -(2**31) <= n < 2**31] if abs(value) < 1000 else list(_NUMBERS)
        return rng.choice([*fitting, value + 1, value - 1, value * 2])
    return rng.choice(("", "x", "relu", "linear", "../w.bin", "\0", str(value) + "1", str(value).swapcase()))


def _other_operator(graph: onnx.GraphProto, rng: Random) -> None:
    rng.choice(graph.node).op_type = rng.choice((*_OPERATORS, *(node.op_type for node in graph.node)))


def _other_input(graph: onnx.GraphProto, rng: Random) -> None:
    node = rng.choice(graph.node)
    names = [name for other in graph.node for name in (*other.input, *other.output)]
    names += [tensor.name for tensor in graph.initializer]
    if node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    else:
        node.input.append(rng.choice(names))


def _swapped_inputs(graph: onnx.GraphProto, rng: Random) -> None:
    node = rng.choice(graph.node)
    names = list(node.input)
    rng.shuffle(names)
    node.input[:] = names


def _other_attributes(graph: onnx.GraphProto, rng: Random) -> None:
    node, other = rng.choice(graph.node), rng.choice(graph.node)
    if other.attribute:
        node.attribute.extend([rng.choice(other.attribute)])


def _other_number(graph: onnx.GraphProto, rng: Random) -> None:
    having = [
        a for node in graph.node for a in node.attribute if a.HasField("i") or a.ints or a.HasField("f")
    ]
    if not having:
        return
    attribute = rng.choice(having)
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(_NUMBERS)
    elif attribute.HasField("i"):
        attribute.i = rng.choice(_NUMBERS)
    else:
        attribute.f = rng.choice(_FRACTIONS)


def _other_shape(graph: onnx.GraphProto, rng: Random) -> None:
    """Axes exchanged, joined or split: the same number of elements in another shape."""
    if not graph.initializer:
        return
    tensor = rng.choice(graph.initializer)
    sizes = list(tensor.dims)
    how = rng.randrange(3)
    if how == 0:
        rng.shuffle(sizes)
    elif how == 1 and len(sizes) > 1:
        sizes[:2] = [sizes[0] * sizes[1]]
    else:
        sizes.insert(rng.randrange(len(sizes) + 1), 1)
    tensor.dims[:] = sizes


def _other_contents(graph: onnx.GraphProto, rng: Random) -> None:
    """Whole numbers among the weights are shapes, axes and positions."""
    whole = [t for t in graph.initializer if t.data_type == onnx.TensorProto.INT64 and len(t.raw_data) >= 8]
    whole += [a.t for n in graph.node for a in n.attribute if a.HasField("t") and len(a.t.raw_data) == 8]
    if whole:
        tensor = rng.choice(whole)
        data = bytearray(tensor.raw_data)
        data[:8] = struct.pack("<q", rng.choice(_NUMBERS))
        tensor.raw_data = bytes(data)


def _other_order(graph: onnx.GraphProto, rng: Random) -> None:
    nodes = list(graph.node)
    i, j = rng.randrange(len(nodes)), rng.randrange(len(nodes))
    nodes[i], nodes[j] = nodes[j], nodes[i]
    copied = onnx.GraphProto(node=nodes)
    graph.ClearField("node")
    graph.node.extend(copied.node)


_GRAPH_CHANGES: tuple[Callable[[onnx.GraphProto, Random], None], ...] = (
    _other_operator,
    _other_input,
    _swapped_inputs,
    _other_attributes,
    _other_number,
    _other_number,
    _other_shape,
    _other_contents,
    _other_contents,
    _other_order,
)


def _change_text(text: bytes, rng: Random) -> bytes:
    """Another number, word or sign in a header."""
    spots = list(re.finditer(rb"-?\d+|\w+|[^\w\s]", text))
    if not spots:
        return text
    spot = rng.choice(spots)
    others = [str(n).encode() for n in _NUMBERS]
    others += [
        rng.choice(spots)[0],
        b"",
        b"(",
        b"'",
        b"True",
        b"None",
        b"|O",
        b"<U9",
        b">f8",
        b"1e9",
        b"\xff",
    ]
    return text[: spot.start()] + rng.choice(others) + text[spot.end() :]


def _change_archive(content: bytes, rng: Random) -> bytes:
    """Changes a member, and writes the archive anew so that its checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as failure:
        raise ValueError(str(failure)) from failure
    if not members:
        raise ValueError("empty")
    place = rng.randrange(len(members))
    name, data = members[place]
    how = rng.random()
    if how < 0.08:
        del members[place]
    elif how < 0.16:
        members[place] = (rng.choice(("y.npy", "x.npy", "ids.npy", "../x.npy", name + "1", "")), data)
    elif data.startswith(b"\x93NUMPY") and how < 0.8:
        members[place] = (name, _change_array(data, rng))
    else:
        members[place] = (name, _change_bytes(data, rng))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name or "x"), data)
    return out.getvalue()


def _change_array(data: bytes, rng: Random) -> bytes:
    """An .npy file with another header."""
    length = int.from_bytes(data[8:10], "little")
    header = _change_text(data[10 : 10 + length], rng)
    return data[:8] + len(header).to_bytes(2, "little") + header + data[10 + length :]


def _change_safetensors(content: bytes, rng: Random) -> bytes:
    """A number, name or type in the header; its length fits, mostly."""
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    if rng.random() < 0.5:
        header = _change_text(header, rng)
    else:
        entries = json.loads(header)
        entry = entries[rng.choice(list(entries))]
        key = rng.choice(list(entry))
        entry[key] = rng.choice(
            ([2**63, 1], [0, 2**62], [-1], [], "F8_E8M0", "F4", "BOOL", "U64", None, 1.5, {})
        )
        header = json.dumps(entries).encode()
    claimed = len(header) if rng.random() < 0.95 else rng.choice(_NUMBERS) % 2**64
    return claimed.to_bytes(8, "little") + header + data


_BY_MEANING: dict[str, Callable[[bytes, Random], bytes]] = {
    "onnx": _change_onnx,
    "npz": _change_archive,
    "state_dict": _change_archive,
    "safetensors": _change_safetensors,
}
