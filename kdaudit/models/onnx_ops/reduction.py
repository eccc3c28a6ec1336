"""What is computed along axes: sums, extremes, positions, running sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from kdaudit.models.onnx_ops.call import Call


def over_axes(reduce: Callable[..., Tensor]) -> Callable[[Call], Tensor]:
    """The operator that reduces axes: all of them where none are named, unless `noop_with_empty_axes`.

    `reduce` has the signature of torch's reductions: (x, dim=[...], keepdim=bool).
    """

    def apply(call: Call) -> Tensor:
        x, axes = call.tensor(0), call.axes(1)
        if not axes:
            if call.node.integer("noop_with_empty_axes", 0):
                return x
            axes = list(range(len(call.shape(0))))
        return reduce(x, dim=axes, keepdim=bool(call.node.integer("keepdims", 1)))

    return apply


l1_norm = partial(torch.linalg.vector_norm, ord=1)
l2_norm = partial(torch.linalg.vector_norm, ord=2)


def product(x: Tensor, *, dim: list[int], keepdim: bool) -> Tensor:
    """The product over axes."""
    for axis in dim:
        x = torch.prod(x, dim=axis, keepdim=True)
    return x if keepdim else torch.squeeze(x, tuple(dim))


def sum_of_squares(x: Tensor, *, dim: list[int], keepdim: bool) -> Tensor:
    """The sum of squares over axes."""
    return torch.sum(x * x, dim=dim, keepdim=keepdim)


def log_of_sum(x: Tensor, *, dim: list[int], keepdim: bool) -> Tensor:
    """The logarithm of the sum over axes."""
    return torch.log(torch.sum(x, dim=dim, keepdim=keepdim))


def arg_max(call: Call) -> Tensor:
    """The position of the largest element along an axis."""
    return _position(call, torch.argmax)


def arg_min(call: Call) -> Tensor:
    """The position of the smallest element along an axis."""
    return _position(call, torch.argmin)


def top_k(call: Call) -> tuple[Tensor, ...]:
    """The k largest or smallest elements along an axis, and their positions; of equals the first ones."""
    axis, k = call.node.integer("axis", -1), call.integers(1)[0]
    descending = bool(call.node.integer("largest", 1))
    # torch.topk may take any of equal elements.
    found = torch.sort(call.tensor(0), dim=axis, descending=descending, stable=True)
    return found[0].narrow(axis, 0, k), found[1].narrow(axis, 0, k)


def running_sum(call: Call) -> Tensor:
    """The sum of the elements up to each position along an axis; `exclusive` leaves the position itself out."""
    x, axis = call.tensor(0), call.integers(1)[0]
    back = bool(call.node.integer("reverse", 0))
    x = x.flip(axis) if back else x
    sums = torch.cumsum(x, dim=axis, dtype=call.dtype(0))
    sums = sums - x if call.node.integer("exclusive", 0) else sums
    return sums.flip(axis) if back else sums


def _position(call: Call, function: Callable[..., Tensor]) -> Tensor:
    x, axis = call.tensor(0), call.node.integer("axis", 0)
    keep = bool(call.node.integer("keepdims", 1))
    if not call.node.integer("select_last_index", 0):
        return function(x, dim=axis, keepdim=keep)
    return call.shape(0)[axis] - 1 - function(x.flip(axis), dim=axis, keepdim=keep)
