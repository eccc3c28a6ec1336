"""Pooling over the axes of space."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call
from kdaudit.models.onnx_ops.convolution import Window, window

_MAX = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_GLOBAL_MAX = {
    1: functional.adaptive_max_pool1d,
    2: functional.adaptive_max_pool2d,
    3: functional.adaptive_max_pool3d,
}
_MEAN = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def max_pool(call: Call) -> Tensor:
    """The largest element under each window."""
    place, ceil = _window(call)
    x, padding = call.tensor(0), list(place.before)
    if not _fits(place):
        x, padding = functional.pad(x, place.edges, value=float("-inf")), [0] * len(place.kernel)
    return _MAX[len(place.kernel)](
        x, place.kernel, place.strides, padding=padding, dilation=place.dilations, ceil_mode=ceil
    )


def average_pool(call: Call) -> Tensor:
    """The mean under each window; padding counts only with `count_include_pad`."""
    place, ceil = _window(call)
    if any(d != 1 for d in place.dilations):
        raise call.refuse(f"dilations {place.dilations}")
    pool, counted = _MEAN[len(place.kernel)], bool(call.node.integer("count_include_pad", 0))
    if _fits(place):
        return pool(call.tensor(0), place.kernel, place.strides, list(place.before), ceil, counted)
    padded = functional.pad(call.tensor(0), place.edges)
    means = pool(padded, place.kernel, place.strides, 0, ceil)
    if counted:
        return means
    # Dividing by each window's share of elements that are no padding corrects the mean.
    inside = functional.pad(torch.ones_like(call.tensor(0)), place.edges)
    return means / pool(inside, place.kernel, place.strides, 0, ceil)


def global_average_pool(call: Call) -> Tensor:
    """The mean over all axes of space, which keep size 1."""
    return torch.mean(call.tensor(0), dim=list(range(2, len(call.shape(0)))), keepdim=True)


def global_max_pool(call: Call) -> Tensor:
    """The largest element over all axes of space, which keep size 1."""
    pool = _GLOBAL_MAX.get(len(call.shape(0)) - 2)
    if pool is None:
        raise call.refuse(f"an input of rank {len(call.shape(0))}")
    return pool(call.tensor(0), 1)


def _window(call: Call) -> tuple[Window, bool]:
    kernel = call.node.integers("kernel_shape") or ()
    if len(kernel) not in _MAX:
        raise call.refuse(f"a kernel of {len(kernel)} axes")
    return window(call, kernel), bool(call.node.integer("ceil_mode", 0))


def _fits(place: Window) -> bool:
    """Whether torch's own padding will do: alike on both sides and at most half the kernel."""
    return place.even and all(p <= k // 2 for p, k in zip(place.before, place.kernel, strict=True))
