"""How a model takes its inputs: presets, and what becomes of what is stated on given examples.

Whoever says more exactly wins, step by step: `merged` takes what was stated from the most to the least specific.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from kdaudit.errors import SpecError
from kdaudit.types import (
    Geometry,
    Interpolation,
    Preprocess,
    StatedPreprocess,
)

_T = TypeVar("_T")

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5)


def _square(resize: int, crop: int, interpolation: Interpolation = "bilinear") -> Geometry:
    return Geometry(resize=resize, crop=(crop, crop), interpolation=interpolation)


# torchvision's evaluation of ImageNet; its figures for CIFAR-10; OpenAI's CLIP; Inception and TensorFlow's [-1, 1].
PRESETS = {
    "imagenet": StatedPreprocess(geometry=_square(256, 224), mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "cifar10": StatedPreprocess(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),
    "clip": StatedPreprocess(
        geometry=_square(224, 224, "bicubic"),
        mean=(0.48145466, 0.4578275, 0.40821073),
        std=(0.26862954, 0.26130258, 0.27577711),
    ),
    "inception": StatedPreprocess(geometry=_square(342, 299, "bicubic"), mean=_HALF, std=_HALF),
    "raw": StatedPreprocess(scale=1.0, mean=(), std=()),
}


def merged(stated: Iterable[StatedPreprocess]) -> StatedPreprocess:
    """Each step as the first of `stated` says it that says anything; mean and std together. Keeps the first source."""
    layers = list(stated)
    pair = next((layer for layer in layers if layer.mean is not None), StatedPreprocess())
    return StatedPreprocess(
        source=layers[0].source if layers else "",
        geometry=_first(layer.geometry for layer in layers),
        scale=_first(layer.scale for layer in layers),
        mean=pair.mean,
        std=pair.std,
        channels=_first(layer.channels for layer in layers),
        layout=_first(layer.layout for layer in layers),
        stored=_first(layer.stored for layer in layers),
        dtype=_first(layer.dtype for layer in layers),
        tokenizer=_first(layer.tokenizer for layer in layers),
        max_length=_first(layer.max_length for layer in layers),
        tokens=_first(layer.tokens for layer in layers),
        sound=_first(layer.sound for layer in layers),
    )


def contradictions(said: StatedPreprocess, file: StatedPreprocess) -> Iterator[str]:
    """Steps that an option and a model's own file say differently, as phrases: "mean .5, its file .485 ..."."""
    for name in (
        *("geometry", "scale", "mean", "std", "channels", "layout", "stored", "dtype"),
        *("tokenizer", "max_length"),
    ):
        one, other = getattr(said, name), getattr(file, name)
        if one is not None and other is not None and one != other:
            yield f"{name} {_shown(one)}, its file says {_shown(other)}"
    rates = [form.rate for form in (said.sound, file.sound) if form is not None and form.rate is not None]
    if len(set(rates)) > 1:
        yield f"rate {rates[0]:,}, its file says {rates[1]:,}"


def applied(stated: StatedPreprocess, own: Preprocess, shapes: Mapping[str, tuple[int, ...]]) -> Preprocess:
    """What is done to the examples for one model: what is stated, else what their source does.

    Args:
        stated: what options and files say of the model.
        own: the source's preprocessing.
        shapes: (n, ...) of the inputs that are no tokens, by name.

    Raises:
        SpecError: numbers per channel that do not fit, or that are meant for one input of several; channels or a
            layout where there are no pictures.
    """
    mean, std = (own.mean, own.std) if stated.mean is None else (stated.mean, stated.std or ())
    found = Preprocess(
        scale=own.scale if stated.scale is None else stated.scale,
        mean=mean,
        std=std,
        channels=stated.channels or own.channels,
        layout=stated.layout or own.layout,
        stored=stated.stored or own.stored,
        dtype=stated.dtype or own.dtype,
        axis=own.axis,
    )
    if found.mean and len(shapes) != 1:
        raise SpecError(
            f"expected one input that the mean of {stated.source or 'the data'} applies to, found {len(shapes)}: "
            f"{', '.join(shapes) or 'none'}",
            hint="normalise the arrays before they are saved",
        )
    for name, shape in shapes.items():
        _require_fit(found, stated.source, name, shape)
    return found


def described(preprocess: Preprocess, geometry: Geometry | None) -> str:
    """One line for the report: what is done, in order."""
    steps = [*_geometry_steps(geometry)] if geometry is not None else []
    if preprocess.axis != "kept":
        steps.append(f"an axis of length one {preprocess.axis}")
    if preprocess.stored != "NCHW":
        steps.append(f"read as {preprocess.stored}")
    if preprocess.channels != "RGB":
        steps.append(f"channels {preprocess.channels}")
    if preprocess.dtype == "uint8":
        steps.append("given as uint8")
    else:
        if math.isclose(preprocess.scale, 1 / 255, rel_tol=1e-4):
            steps.append("divided by 255")
        elif preprocess.scale != 1.0:
            steps.append(f"times {preprocess.scale:.6g}")
        if preprocess.mean:
            steps.append(f"mean {_shown(preprocess.mean)}, std {_shown(preprocess.std)}")
        if preprocess.dtype is not None:
            steps.append(f"given as {preprocess.dtype}")
    if preprocess.layout != "NCHW":
        steps.append(f"axes {preprocess.layout}")
    return ", ".join(steps) or "as stored"


def _first(values: Iterable[_T | None]) -> _T | None:
    return next((value for value in values if value is not None), None)


def _require_fit(preprocess: Preprocess, source: str, name: str, shape: tuple[int, ...]) -> None:
    for key, layout in (("layout", preprocess.layout), ("stored", preprocess.stored)):
        if layout == "NHWC" and len(shape) != 4:
            raise SpecError(f"expected pictures for {key} NHWC of {source}, found {name} of shape {shape}")
    channels = shape[preprocess.channel_axis] if len(shape) > 1 else 1
    if preprocess.mean and len(preprocess.mean) not in {1, channels}:
        raise SpecError(
            f"expected {channels} values in mean and std of {source or 'the data'}, one for each channel of {name} "
            f"{shape}, found {len(preprocess.mean)}",
            hint='the channels of the data come last: say stored = "NHWC" in a table [preprocess], or in a file of '
            "--preprocess (preset = NAME there starts from a preset)"
            if len(shape) == 4 and shape[3] == len(preprocess.mean) and preprocess.stored == "NCHW"
            else None,
        )
    if preprocess.channels == "BGR" and (len(shape) != 4 or channels != 3):
        raise SpecError(
            f"expected pictures with three channels for BGR of {source}, found {name} of shape {shape}"
        )


def _geometry_steps(geometry: Geometry) -> Iterator[str]:
    if isinstance(geometry.resize, int):
        yield f"resized to {geometry.resize} on the shorter side ({geometry.interpolation})"
    elif geometry.resize is not None:
        yield f"resized to {geometry.resize[0]} x {geometry.resize[1]} ({geometry.interpolation})"
    if geometry.crop is not None:
        yield f"cropped to {geometry.crop[0]} x {geometry.crop[1]}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Geometry):
        return " and ".join(_geometry_steps(value)) or "as it is"
    if isinstance(value, tuple):
        few = " ".join(f"{number:.4g}" for number in value[:3])
        return f"{few} ..." if len(value) > 3 else few or "none"
    return str(value)
