"""Other preprocessings that a model may have been trained with: what people forget, or do twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from kdaudit.data.examples import Examples
from kdaudit.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from kdaudit.types import AnyArray, ChannelOrder, Float64, Layout, Preprocess

_PICTURES = 4
_BYTE = 255
# Numbers up to here are taken to be shares of 255 already.
_LARGEST_SHARE = 1.5
_FEW = 3
_CHANNELS = (1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A preprocessing and how it is said after "with"."""

    name: str
    preprocess: Preprocess


def arithmetics(sample: Examples, base: Alternative) -> Iterator[Alternative]:
    """Other numbers: as stored, times or by 255, ImageNet's mean and std, .5 and .5, those of `sample` itself.

    In the channel order and layout of `base`. None where there is not exactly one input besides tokens.
    """
    prefix = f"{base.name} and " if base.name else ""
    for alternative in _numbers(sample, base.preprocess):
        yield replace(alternative, name=f"{prefix}{alternative.name}")


def _numbers(sample: Examples, base: Preprocess) -> Iterator[Alternative]:
    if len(sample.shapes) != 1:
        return
    ((name, shape),) = sample.shapes.items()
    values = np.asarray(sample.stored[name])
    plain = replace(base, scale=1.0, mean=(), std=())
    unit = _unit(values)
    scaled = replace(plain, scale=unit)
    yield Alternative(name="the numbers as stored", preprocess=plain)
    if unit != 1.0:
        yield Alternative(name="division by 255 alone", preprocess=scaled)
    elif len(shape) == _PICTURES and 0.0 <= values.min() and values.max() > 0:
        yield Alternative(name="numbers times 255", preprocess=replace(plain, scale=float(_BYTE)))
    if len(shape) == _PICTURES and shape[base.channel_axis] == len(IMAGENET_MEAN):
        yield Alternative(
            name="ImageNet's mean and std", preprocess=_normalised(scaled, IMAGENET_MEAN, IMAGENET_STD)
        )
    if len(shape) == _PICTURES:
        yield Alternative(name="mean .5 and std .5", preprocess=_normalised(scaled, (0.5,), (0.5,)))
    axis = base.channel_axis if len(shape) == _PICTURES else 1
    mean, std = _own(values.astype(np.float64) * unit, axis)
    own = f"mean {_shown(mean)} and std {_shown(std)}, " if len(mean) <= _FEW else ""
    yield Alternative(
        name=f"{own}the data's own{'' if own else ' mean and std, feature by feature'}",
        preprocess=_normalised(scaled, mean, std),
    )


def arrangements(sample: Examples, base: Alternative) -> Iterator[Alternative]:
    """The same numbers with the channels in the other order, and with the axes in the other layout.

    Arrays (n, height, width, 1 or 3) are also tried as what they look like: pictures with their channels last.
    """
    if len(sample.shapes) != 1:
        return
    (shape,) = sample.shapes.values()
    found = base.preprocess
    prefix = f"{base.name} and " if base.name else ""
    if len(shape) != _PICTURES:
        return
    if shape[found.channel_axis] == len(IMAGENET_MEAN):
        order: ChannelOrder = "RGB" if found.channels == "BGR" else "BGR"
        yield Alternative(name=f"{prefix}channels {order}", preprocess=replace(found, channels=order))
    layout: Layout = "NCHW" if found.layout == "NHWC" else "NHWC"
    yield Alternative(name=f"{prefix}axes {layout}", preprocess=replace(found, layout=layout))
    if shape[3] in _CHANNELS and shape[1] not in _CHANNELS and found.stored == "NCHW" and not found.mean:
        yield Alternative(name=f"{prefix}stored NHWC", preprocess=replace(found, stored="NHWC"))


def _normalised(preprocess: Preprocess, mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocess:
    """With figures that are in the order red, green, blue."""
    if preprocess.channels == "BGR":
        mean, std = mean[::-1], std[::-1]
    return replace(preprocess, mean=mean, std=std)


def _unit(values: AnyArray) -> float:
    """What brings bytes, or floats from 0 to 255, to 0 to 1; 1 for other numbers."""
    is_bytes = values.dtype == np.uint8
    like_bytes = values.ndim == _PICTURES and values.min() >= 0 and _LARGEST_SHARE < values.max() <= _BYTE
    return 1 / _BYTE if is_bytes or like_bytes else 1.0


def _own(values: Float64, channel_axis: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation per channel; a constant channel is divided by 1."""
    axes = tuple(axis for axis in range(values.ndim) if axis != channel_axis)
    mean, std = values.mean(axis=axes), values.std(axis=axes)
    return tuple(np.atleast_1d(mean).tolist()), tuple(np.atleast_1d(np.where(std > 0, std, 1.0)).tolist())


def _shown(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.2f}".removeprefix("0") for value in values)
