"""Convolutions, and the padding rules that they share with pooling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a kernel moves over the axes of space: one number per axis, padding before and after."""

    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape

    @property
    def even(self) -> bool:
        """Whether both sides of every axis are padded alike, as torch's kernels want it."""
        return self.before == self.after

    @property
    def edges(self) -> list[int]:
        """The padding as torch's `pad` wants it: last axis first."""
        pairs = zip(reversed(self.before), reversed(self.after), strict=True)
        return [width for pair in pairs for width in pair]


def window(call: Call, kernel: Shape) -> Window:
    """The window of a node over the axes of space of its input 0."""
    rank = len(kernel)
    strides = call.node.integers("strides") or (1,) * rank
    dilations = call.node.integers("dilations") or (1,) * rank
    rule = call.node.text("auto_pad", "NOTSET")
    pads = call.node.integers("pads") or (0,) * (2 * rank)
    before, after = pads[:rank], pads[rank:]
    if rule == "VALID":
        before = after = (0,) * rank
    if rule in ("SAME_UPPER", "SAME_LOWER"):
        sizes = call.shape(0)[2:]
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        total = [
            max((-(-size // stride) - 1) * stride + extent - size, 0)
            for size, stride, extent in zip(sizes, strides, reach, strict=True)
        ]
        small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        before, after = (small, large) if rule == "SAME_UPPER" else (large, small)
    return Window(kernel=kernel, strides=strides, dilations=dilations, before=before, after=after)


def conv(call: Call) -> Tensor:
    """A convolution over one, two or three axes of space."""
    convolve = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}.get(len(call.shape(0)) - 2)
    if convolve is None:
        raise call.refuse(f"an input of rank {len(call.shape(0))}")
    place = window(call, call.shape(1)[2:])
    x = call.tensor(0) if place.even else functional.pad(call.tensor(0), place.edges)
    return convolve(
        x,
        call.tensor(1),
        call.optional(2),
        stride=place.strides,
        padding=place.before if place.even else 0,
        dilation=place.dilations,
        groups=call.node.integer("group", 1),
    )


def _transposed_window(call: Call) -> tuple[Window, Shape]:
    """The window, and how much larger than it gives the output is to be at its end."""
    place = window(call, call.shape(1)[2:])
    sizes, rule = call.shape(0)[2:], call.node.text("auto_pad", "NOTSET")
    extra = call.node.integers("output_padding") or (0,) * len(sizes)
    wanted = call.node.integers("output_shape")
    if rule in ("SAME_UPPER", "SAME_LOWER") and wanted is None:
        wanted = tuple(size * stride for size, stride in zip(sizes, place.strides, strict=True))
    if wanted is None:
        return place, extra
    surplus = [
        stride * (size - 1) + (k - 1) * dilation + 1 + more - target
        for size, stride, k, dilation, more, target in zip(
            sizes, place.strides, place.kernel, place.dilations, extra, wanted, strict=True
        )
    ]
    extra = tuple(more + max(-total, 0) for more, total in zip(extra, surplus, strict=True))
    small = tuple(max(total, 0) // 2 for total in surplus)
    large = tuple(max(total, 0) - less for total, less in zip(surplus, small, strict=True))
    before, after = (small, large) if rule == "SAME_UPPER" else (large, small)
    return replace(place, before=before, after=after), extra


def conv_transpose(call: Call) -> Tensor:
    """The transpose of a convolution over one, two or three axes of space."""
    convolve = {
        1: functional.conv_transpose1d,
        2: functional.conv_transpose2d,
        3: functional.conv_transpose3d,
    }.get(len(call.shape(0)) - 2)
    if convolve is None:
        raise call.refuse(f"an input of rank {len(call.shape(0))}")
    place, extra = _transposed_window(call)
    convolve = partial(
        convolve, stride=place.strides, groups=call.node.integer("group", 1), dilation=place.dilations
    )
    x, weight, bias = call.tensor(0), call.tensor(1), call.optional(2)
    if place.even and all(e < stride for e, stride in zip(extra, place.strides, strict=True)):
        return convolve(x, weight, bias, padding=place.before, output_padding=extra)
    # torch cuts both sides alike: cut here, or widen where the output is to be larger.
    edges = [-width for width in place.edges]
    edges[1::2] = [width + more for width, more in zip(edges[1::2], reversed(extra), strict=True)]
    y = functional.pad(convolve(x, weight), edges)
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(place.kernel))
