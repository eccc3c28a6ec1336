"""Shapes, positions and layout: nothing here changes a number, except casts."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from operator import mul

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call, Growth

# The numbers are ONNX's TensorProto.DataType.
DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
}
# ONNX's smallest and largest numbers, which mean the ends of an axis and of which torch would warn.
_BEYOND = (-(2**63), 2**63 - 1)
_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def identity(call: Call) -> Tensor:
    """The input."""
    return call.tensor(0)


def cast(call: Call) -> Tensor:
    """The input in another type."""
    number = call.node.integer("to", 1)
    if number not in DTYPES:
        raise call.refuse(f"type number {number}")
    return call.tensor(0).to(DTYPES[number])


def cast_like(call: Call) -> Tensor:
    """Input 0 in the type of input 1."""
    return call.alone(0).to(call.dtype(1))


def shape(call: Call) -> Tensor:
    """The sizes of the input's axes, from `start` to `end`."""
    sizes = call.shape(0)
    chosen = sizes[call.node.integer("start", 0) : call.node.integer("end", len(sizes))]
    return torch.tensor(chosen, dtype=torch.int64)


def size(call: Call) -> Tensor:
    """The number of elements."""
    return torch.tensor(prod(call.shape(0)), dtype=torch.int64)


def range_(call: Call) -> Tensor:
    """From a start, in steps, up to but without a limit; whole numbers may follow the batch."""
    if call.dtype(0).is_floating_point:
        first, end, width = (call.value(slot).item() for slot in (0, 1, 2))
        return torch.arange(first, end, width, dtype=call.dtype(0))
    start, limit, step = (call.integers(slot)[0] for slot in (0, 1, 2))
    count = -((start - limit) // step)
    places = call.constant(torch.ones(1, dtype=torch.int64)).expand(count).cumsum(0) - 1
    return (places * step + start).to(call.dtype(0))


def reshape(call: Call) -> Tensor:
    """The same elements in another shape; 0 keeps an axis, -1 takes the rest."""

    def target() -> list[int]:
        sizes = call.integers(1)
        if call.node.integer("allowzero", 0):
            return sizes
        return [call.shape(0)[axis] if size == 0 else size for axis, size in enumerate(sizes)]

    return call.tensor(0).reshape(call.new_shape(target, _reshaped))


def expand(call: Call) -> Tensor:
    """The input repeated along axes of size 1.

    One number in all places has whatever shape it is asked for: initial states of recurrent layers are such constants,
    laid out for the batch size of the export.
    """
    number = call.level(0)

    def target() -> list[int]:
        asked, given = call.integers(1), call.shape(0)
        if number is None:
            return list(np.broadcast_shapes(given, tuple(asked)))
        rank = max(len(asked), len(given))
        asked, sizes = [1] * (rank - len(asked)) + asked, [1] * (rank - len(given)) + list(given)
        return [size if want == 1 else want for want, size in zip(asked, sizes, strict=True)]

    filled = None if number is None else torch.full((), number, dtype=call.dtype(0))
    x = call.tensor(0) if filled is None else call.constant(filled)
    return x.expand(call.new_shape(target, expanded))


def flatten(call: Call) -> Tensor:
    """Two axes: those before `axis` and the others."""
    rank = len(call.shape(0))
    axis = call.node.integer("axis", 1)
    axis = axis + rank if axis < 0 else axis
    x = call.tensor(0)
    if axis == 0:
        return x.flatten().unsqueeze(0)
    if axis == rank:
        return x.flatten().unsqueeze(1)
    x = x.flatten(axis)
    return x if axis == 1 else x.flatten(0, axis - 1)


def transpose(call: Call) -> Tensor:
    """The axes in another order; reversed where none is given."""
    order = call.node.integers("perm") or tuple(reversed(range(len(call.shape(0)))))
    return call.tensor(0).permute(order)


def squeeze(call: Call) -> Tensor:
    """Without the named axes of size 1, or without all of them."""
    axes = call.axes(1)
    if axes is None:
        axes = [axis for axis, size in enumerate(call.shape(0)) if size == 1]
    return torch.squeeze(call.tensor(0), tuple(axes)) if axes else call.tensor(0)


def unsqueeze(call: Call) -> Tensor:
    """With axes of size 1 at the named positions of the result."""
    axes = call.axes(1) or []
    rank = len(call.shape(0)) + len(axes)
    x = call.tensor(0)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def concat(call: Call) -> Tensor:
    """The inputs one behind the other along an axis."""
    return torch.cat([call.tensor(i) for i in range(len(call.node.inputs))], dim=call.node.integer("axis", 0))


def slice_(call: Call) -> Tensor:
    """Every `step`-th position from `start` to `end`, per axis."""
    starts, ends = call.axes(1, "starts") or [], call.axes(2, "ends") or []
    axes = call.axes(3) or list(range(len(starts)))
    steps = call.integers(4) if call.node.has(4) else [1] * len(starts)
    sizes = call.shape(0)
    place: list[slice | list[int]] = [slice(None)] * len(sizes)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        place[axis] = slice(_bound(start), _bound(end), step)
        if step < 0:
            # torch has no steps backwards: name the positions.
            place[axis] = list(range(sizes[axis])[start:end:step])
    x = call.tensor(0)
    for axis, part in enumerate(place):
        if part != slice(None):
            x = x[(slice(None),) * axis + (part,)]
    return x


def pad(call: Call) -> Tensor:
    """The input with a margin: constant, mirrored, the edge repeated, or wrapped around."""
    rank = len(call.shape(0))
    pads = call.axes(1, "pads") or []
    axes = call.integers(3) if call.node.has(3) else list(range(rank))
    margins = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        margins[axis] = (pads[i], pads[i + len(axes)])
    while len(margins) > 1 and margins[0] == (0, 0):
        margins.pop(0)
    edges = [width for margin in reversed(margins) for width in margin]
    mode = call.node.text("mode", "constant")
    if mode == "constant":
        return functional.pad(call.tensor(0), edges, value=call.scalar(2, "value") or 0.0)
    # torch mirrors and repeats the last rank - 2 axes, and wants all of them named.
    edges += [0] * (2 * (rank - 2) - len(edges))
    return functional.pad(call.tensor(0), edges, mode=_PAD_MODES[mode])


def _reshaped(growth: Growth) -> list[int] | None:
    """The output's shape with its batch axis grown.

    The batch is the outermost part of some input axis, so as many elements lie before it in the output as in the
    input: the product of the sizes before it says which output axis it is.
    """
    grown = [axis for axis, size in enumerate(growth.before) if growth.after[axis] != size]
    if not grown:
        return list(growth.output)
    ahead = prod(growth.before[: grown[0]])
    elements_before = list(accumulate(growth.output, mul, initial=1))
    return _grow(growth, elements_before.index(ahead)) if ahead in elements_before else None


def expanded(growth: Growth) -> list[int] | None:
    """The output's shape with its batch axis grown: that of the input, or the first where the input has none."""
    shift = len(growth.output) - len(growth.before)
    grown = [axis + shift for axis, size in enumerate(growth.before) if growth.after[axis] != size]
    if grown:
        return _grow(growth, grown[0])
    return _grow(growth, 0) if growth.output[0] == growth.batch else list(growth.output)


def _bound(position: int) -> int | None:
    """A position as a slice takes it; one that follows the batch is no int here, but stands for one."""
    return None if isinstance(position, int) and position in _BEYOND else position


def _grow(growth: Growth, axis: int) -> list[int] | None:
    shape = list(growth.output)
    if axis >= len(shape) or shape[axis] % growth.batch:
        return None
    shape[axis] *= growth.factor
    return shape
