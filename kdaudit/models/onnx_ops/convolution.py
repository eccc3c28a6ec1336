"""Convolutions, and the padding rules that they share with pooling."""

from __future__ import annotations

from dataclasses import dataclass

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
