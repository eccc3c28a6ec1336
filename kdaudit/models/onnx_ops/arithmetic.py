"""Arithmetic with broadcasting, and means over axes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kdaudit.models.onnx_ops.call import Call


def add(call: Call) -> Tensor:
    """A + B."""
    return torch.add(call.tensor(0), call.tensor(1))


def sub(call: Call) -> Tensor:
    """A - B."""
    return torch.sub(call.tensor(0), call.tensor(1))


def mul(call: Call) -> Tensor:
    """A times B, element by element."""
    return torch.mul(call.tensor(0), call.tensor(1))


def div(call: Call) -> Tensor:
    """A / B; integers are cut towards zero."""
    whole = not call.dtype(0).is_floating_point
    return torch.div(call.tensor(0), call.tensor(1), rounding_mode="trunc" if whole else None)


def reduce_mean(call: Call) -> Tensor:
    """Mean over axes: all of them where none are named, unless `noop_with_empty_axes`."""
    x, axes = call.tensor(0), call.axes(1)
    if not axes:
        if call.node.integer("noop_with_empty_axes", 0):
            return x
        axes = list(range(len(call.shape(0))))
    return torch.mean(x, dim=axes, keepdim=bool(call.node.integer("keepdims", 1)))


def maximum(call: Call) -> Tensor:
    """The larger of the inputs, element by element."""
    return _pairwise(call, torch.maximum)


def minimum(call: Call) -> Tensor:
    """The smaller of the inputs, element by element."""
    return _pairwise(call, torch.minimum)


def absolute(call: Call) -> Tensor:
    """|x|."""
    return torch.abs(call.tensor(0))


def sign(call: Call) -> Tensor:
    """-1, 0 or 1."""
    return torch.sign(call.tensor(0))


def floor(call: Call) -> Tensor:
    """The next whole number below."""
    return torch.floor(call.tensor(0))


def range_(call: Call) -> Tensor:
    """From a start, in steps, up to but without a limit."""
    start, limit, step = (call.value(slot).item() for slot in (0, 1, 2))
    return torch.arange(start, limit, step, dtype=call.dtype(0))


def _pairwise(call: Call, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    result = call.tensor(0)
    for slot in range(1, len(call.node.inputs)):
        result = function(result, call.tensor(slot))
    return result
