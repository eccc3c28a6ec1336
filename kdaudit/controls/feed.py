"""Stored examples to tensors on the device: gathered by position, augmented, preprocessed there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from kdaudit.errors import SpecError
from kdaudit.protocols import TrainingData
from kdaudit.types import AnyArray, Int64, Preprocess, n_asked

CROP_PADDING = 4
_PICTURES = 4
# Token numbers and the like reach the network as they are; pictures and measurements become float32.
_INDEX_TYPES = (np.dtype(np.int32), np.dtype(np.int64))


class Feed:
    """Gives the inputs and labels of any examples as tensors on `device`, in the order of `data.stored`.

    Pictures (n, channels, height, width) come channels-last, which the CPU and the GPU compute faster.

    Raises:
        SpecError: an augmentation is asked for, but the data are not one picture input.
    """

    def __init__(
        self,
        data: TrainingData,
        *,
        device: str,
        augment: str = "none",
        generator: torch.Generator | None = None,
    ) -> None:
        if augment != "none":
            _require_pictures(data, augment)
        self._arrays = tuple(data.stored.values())
        self._labels = data.labels
        self._preprocess = data.preprocess
        self._device = torch.device(device)
        self._augment = augment
        self._generator = generator

    @property
    def largest_label(self) -> int:
        """The highest class number among all labels."""
        return int(self._labels.max())

    def inputs(self, index: Int64) -> list[torch.Tensor]:
        """Inputs (b, ...) of the examples at positions `index` (b,)."""
        return [self._tensor(array, index) for array in self._arrays]

    def labels(self, index: Int64) -> torch.Tensor:
        """Labels (b,) or (b, T) int64."""
        return torch.from_numpy(self._labels[index]).to(self._device)

    def n_asked(self, index: Int64) -> int:
        """How many labels the examples at positions `index` have."""
        return n_asked(self._labels[index])

    def _tensor(self, array: AnyArray, index: Int64) -> torch.Tensor:
        x = torch.from_numpy(np.asarray(array[index])).to(self._device)
        if x.ndim == _PICTURES:
            x = x.movedim(self._preprocess.channel_axis, 1)
        if self._augment != "none":
            x = augmented(x, augment=self._augment, generator=self._generator)
        if x.ndim == _PICTURES:
            x = x.contiguous(memory_format=torch.channels_last)
        if array.dtype in _INDEX_TYPES:
            return x
        return preprocessed(x.float(), self._preprocess)


def preprocessed(x: torch.Tensor, preprocess: Preprocess) -> torch.Tensor:
    """(x * scale - mean) / std with the channels on axis 1, in the model's channel order and layout.

    Weights are trained in float32, whatever type the saved model takes.
    """
    pictures = x.ndim == _PICTURES
    if pictures and preprocess.channels == "BGR":
        x = x.flip(1)
    if preprocess.scale != 1.0:
        x = x * preprocess.scale
    if preprocess.mean:
        x = x - _per_channel(preprocess.mean, x)
    if preprocess.std:
        x = x / _per_channel(preprocess.std, x)
    if pictures and preprocess.layout == "NHWC":
        x = x.permute(0, 2, 3, 1).contiguous()
    return x


def _per_channel(values: tuple[float, ...], x: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=x.dtype, device=x.device).reshape(1, -1, *[1] * (x.ndim - 2))


def augmented(x: torch.Tensor, *, augment: str, generator: torch.Generator | None) -> torch.Tensor:
    """Pictures (b, c, h, w) mirrored left to right with probability 1/2 each ('flip').

    'crop-flip' also moves each by up to four pixels either way; what moves in is stored zero.
    """
    n, _, height, width = x.shape
    device = x.device
    padding = CROP_PADDING if augment == "crop-flip" else 0

    def places(size: int) -> torch.Tensor:
        start = torch.randint(2 * padding + 1, (n, 1), generator=generator, device=device)
        return start + torch.arange(size, device=device)

    rows, columns = places(height), places(width)
    mirrored = torch.rand((n, 1), generator=generator, device=device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    each = torch.arange(n, device=device)[:, None, None]
    padded = functional.pad(x, [padding] * 4)
    return padded[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def split_batches(index: Int64, size: int) -> list[Int64]:
    """`index` in pieces of `size`; a last piece of one joins the one before: BatchNorm needs two."""
    stops = list(range(size, len(index), size))
    if stops and len(index) - stops[-1] == 1:
        stops.pop()
    return list(np.split(index, stops))


def shuffled_epochs(examples: Int64, batch_size: int, rng: np.random.Generator) -> Iterator[list[Int64]]:
    """The batches of one epoch after the other, without end, each epoch in a new order."""
    while True:
        yield split_batches(rng.permutation(examples), batch_size)


def _require_pictures(data: TrainingData, augment: str) -> None:
    shapes = {name: array.shape for name, array in data.stored.items()}
    if [len(shape) for shape in shapes.values()] != [4]:
        raise SpecError(
            f"--augment {augment} needs one picture input (n, channels, height, width), found {shapes}",
            hint="train without: --augment none",
        )
