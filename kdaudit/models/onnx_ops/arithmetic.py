"""Arithmetic with broadcasting, comparisons of types, and means over axes."""

from __future__ import annotations

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
