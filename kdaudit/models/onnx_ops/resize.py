"""Sampling between the elements of space: Resize, and grids whose places are computed.

Every rule of Resize becomes one matrix, or one list of positions, for each axis. The rules are those of ONNX: where an
output element lies in the input (`coordinate_transformation_mode`), and which of its neighbours count how much (`mode`,
`antialias`, `cubic_coeff_a`, `exclude_outside`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call
from kdaudit.types import AnyArray, Float32, Float64

# What ONNX called as torch does before opset 20.
_GRID_MODES = {"linear": "bilinear", "cubic": "bicubic"}
_RADIUS = {"linear": 1, "cubic": 2}
_HALF = np.float32(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """An axis to be resized: its number, its sizes before and after, and the scale that the file names."""

    number: int
    before: int
    after: int
    scale: np.float32

    def half_pixel(self) -> Float32:
        return (np.arange(self.after, dtype=np.float32) + _HALF) / self.scale - _HALF

    def half_pixel_symmetric(self) -> Float32:
        # The middles of input and output are laid upon each other.
        return self.half_pixel() + np.float32((self.before - self.after / float(self.scale)) / 2)

    def pytorch_half_pixel(self) -> Float32:
        return self.half_pixel() if self.after > 1 else np.zeros(1, np.float32)

    def align_corners(self) -> Float32:
        return np.linspace(0, self.before - 1 if self.after > 1 else 0, self.after, dtype=np.float32)

    def asymmetric(self) -> Float32:
        return np.arange(self.after, dtype=np.float32) / self.scale

    def tf_half_pixel_for_nn(self) -> Float32:
        return (np.arange(self.after, dtype=np.float32) + _HALF) / self.scale


# Where the output's elements lie in the input, in single precision, as onnxruntime computes it.
_PLACES: dict[str, Callable[[_Axis], Float32]] = {
    "half_pixel": _Axis.half_pixel,
    "half_pixel_symmetric": _Axis.half_pixel_symmetric,
    "pytorch_half_pixel": _Axis.pytorch_half_pixel,
    "align_corners": _Axis.align_corners,
    "asymmetric": _Axis.asymmetric,
    "tf_half_pixel_for_nn": _Axis.tf_half_pixel_for_nn,
}
_ROUNDED: dict[str, Callable[[Float32], AnyArray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - _HALF),
    "round_prefer_ceil": lambda x: np.floor(x + _HALF),
    "floor": np.floor,
    "ceil": np.ceil,
}


def resize(call: Call) -> Tensor:
    """The input with axes stretched or shrunk."""
    places = call.node.text("coordinate_transformation_mode", "half_pixel")
    if places not in _PLACES:
        raise call.refuse(f"coordinate_transformation_mode {places!r}")
    return _resized(call, places, rounding=call.node.text("nearest_mode", "round_prefer_floor"))


def upsample(call: Call) -> Tensor:
    """The input with axes stretched, as files before opset 10 want it."""
    return _resized(call, "asymmetric", rounding="floor")


def affine_grid(call: Call) -> Tensor:
    """Where each place of the output lies in the input, for each example's affine map."""
    aligned = bool(call.node.integer("align_corners", 0))
    return functional.affine_grid(call.tensor(0), call.integers(1), align_corners=aligned)


def grid_sample(call: Call) -> Tensor:
    """The input at the places of a grid, between its elements too."""
    mode = call.node.text("mode", "linear")
    return functional.grid_sample(
        call.tensor(0),
        call.tensor(1),
        mode=_GRID_MODES.get(mode, mode),
        padding_mode=call.node.text("padding_mode", "zeros"),
        align_corners=bool(call.node.integer("align_corners", 0)),
    )


def _resized(call: Call, places: str, *, rounding: str) -> Tensor:
    x, mode = call.tensor(0), call.node.text("mode", "nearest")
    for axis in _axes(call):
        where = _PLACES[places](axis)
        if mode == "nearest":
            chosen = np.clip(_ROUNDED[rounding](where), 0, axis.before - 1).astype(np.int64)
            x = x.index_select(axis.number, call.constant(torch.from_numpy(chosen)))
        else:
            shares = call.constant(torch.from_numpy(_shares(call, axis, where, mode)))
            x = torch.matmul(x.movedim(axis.number, -1), shares).movedim(-1, axis.number)
    return x


def _axes(call: Call) -> list[_Axis]:
    """The axes that change their size. The first is the batch, whatever size the file gives it."""
    numbers = call.node.integers("axes") or range(len(call.shape(0)))
    sizes = [call.shape(0)[number] for number in numbers]
    if call.node.has(3):
        axes = _of_sizes(call, numbers, sizes)
    else:
        scales = call.value(2 if call.node.has(2) else 1).flatten().tolist()
        axes = [
            _Axis(
                number=number,
                before=size,
                after=int(np.float32(size) * np.float32(scale)),
                scale=np.float32(scale),
            )
            for number, size, scale in zip(numbers, sizes, scales, strict=True)
        ]
    return [axis for axis in axes if axis.number and (axis.scale != 1.0 or axis.after != axis.before)]


def _of_sizes(call: Call, numbers: Sequence[int], sizes: Sequence[int]) -> list[_Axis]:
    wanted = call.integers(3)
    policy = call.node.text("keep_aspect_ratio_policy", "stretch")
    places = [i for i, number in enumerate(numbers) if number]
    scales = {i: np.float32(wanted[i]) / np.float32(sizes[i]) for i in places}
    if policy != "stretch":
        common = min(scales.values()) if policy == "not_larger" else max(scales.values())
        scales = dict.fromkeys(places, common)
        wanted = [int(np.floor(common * np.float32(size) + _HALF)) for size in sizes]
    return [_Axis(number=numbers[i], before=sizes[i], after=wanted[i], scale=scales[i]) for i in places]


def _shares(call: Call, axis: _Axis, where: Float32, mode: str) -> Float32:
    """How much each input element counts for each output element, (before, after)."""
    antialias = bool(call.node.integer("antialias", 0))
    outside = bool(call.node.integer("exclude_outside", 0))
    narrow = min(float(axis.scale), 1.0) if antialias else 1.0
    reach = int(np.ceil(_RADIUS[mode] / narrow))
    neighbours = np.floor(where).astype(np.int64)[:, None] + np.arange(1 - reach, 1 + reach)
    shares = _kernel(np.abs(neighbours - np.float64(where[:, None])) * narrow, call, mode)
    if outside:
        shares = np.where((neighbours >= 0) & (neighbours < axis.before), shares, 0.0)
    if outside or antialias:
        shares = shares / shares.sum(axis=1, keepdims=True)
    table = np.zeros((axis.before, axis.after))
    # What lies outside counts as the edge.
    rows = np.clip(neighbours, 0, axis.before - 1)
    np.add.at(table, (rows, np.arange(axis.after)[:, None]), shares)
    return table.astype(np.float32)


def _kernel(distance: Float64, call: Call, mode: str) -> Float64:
    """How much a neighbour at a distance counts."""
    if mode == "linear":
        return np.maximum(1.0 - distance, 0.0, dtype=np.float64)
    a = call.node.number("cubic_coeff_a", -0.75)
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
