"""How a model takes its inputs: presets, tables of the configuration, and what becomes of them on given examples.

Whoever says more exactly wins, step by step: `merged` takes what was stated from the most to the least specific.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from kdaudit.errors import SpecError
from kdaudit.types import (
    ChannelOrder,
    Geometry,
    InputType,
    Interpolation,
    Layout,
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
_CHOICES = {"channels": get_args(ChannelOrder), "layout": get_args(Layout), "dtype": get_args(InputType)}
_INTERPOLATIONS = get_args(Interpolation)
_KEYS = ("preset", "resize", "crop", "interpolation", "scale", "mean", "std", *_CHOICES)


def stated_preprocess(value: str | Mapping[str, object], *, source: str) -> StatedPreprocess:
    """What an option or table says: the name of a preset, a TOML or JSON file, or the table itself.

    Args:
        value: of the option.
        source: who said it, for the report and for messages: "--teacher-preprocess".

    Raises:
        SpecError: no such preset or file, unknown keys, values of another kind.
    """
    if isinstance(value, str):
        if value in PRESETS:
            return _from(PRESETS[value], source=f"{source} {value}")
        if not Path(value).is_file():
            raise SpecError(
                f"expected a preset or a file for {source}, found {value!r}",
                hint=_nearest(value, PRESETS) or f"presets: {', '.join(PRESETS)}",
            )
        source = f"{source} {value}"
        value = _read(Path(value))
    return from_table(value, source=source)


def from_table(table: Mapping[str, object], *, source: str) -> StatedPreprocess:
    """What a table says, on top of its `preset` if it names one.

    Raises:
        SpecError: unknown keys, values of another kind.
    """
    for key in table:
        if key not in _KEYS:
            raise SpecError(
                f"unknown key {key} in {source}", hint=_nearest(key, _KEYS) or f"known: {', '.join(_KEYS)}"
            )
    preset = table.get("preset")
    if preset is not None and preset not in PRESETS:
        raise _wrong("preset", f"one of {', '.join(PRESETS)}", preset, source)
    base = PRESETS[str(preset)] if preset is not None else StatedPreprocess()
    for key, choices in _CHOICES.items():
        if key in table and table[key] not in choices:
            raise _wrong(key, f"one of {', '.join(choices)}", table[key], source)
    stated: dict[str, Any] = {key: table[key] for key in _CHOICES if key in table}
    if "scale" in table:
        stated["scale"] = _number(table["scale"], "scale", source)
    if ("mean" in table) != ("std" in table):
        raise SpecError(f"expected mean and std together in {source}, found only one of them")
    if "mean" in table:
        stated["mean"], stated["std"] = (_numbers(table[key], key, source) for key in ("mean", "std"))
        _require_pair(stated["mean"], stated["std"], source)
    if {"resize", "crop", "interpolation"} & table.keys():
        stated["geometry"] = _geometry(table, base.geometry or Geometry(), source)
    return merged([StatedPreprocess(source=source, **stated), _from(base, source=source)])


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
        dtype=_first(layer.dtype for layer in layers),
    )


def contradictions(said: StatedPreprocess, file: StatedPreprocess) -> Iterator[str]:
    """Steps that an option and a model's own file say differently, as phrases: "mean .5, its file .485 ..."."""
    for name in ("geometry", "scale", "mean", "std", "channels", "layout", "dtype"):
        one, other = getattr(said, name), getattr(file, name)
        if one is not None and other is not None and one != other:
            yield f"{name} {_shown(one)}, its file says {_shown(other)}"


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
        dtype=stated.dtype or own.dtype,
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


def table_schema() -> dict[str, object]:
    """JSON Schema of a table [preprocess]."""
    number: dict[str, object] = {"type": "number"}
    numbers = {"type": "array", "items": number}
    side = {"type": "integer", "minimum": 1}
    size = {"anyOf": [side, {"type": "array", "items": side, "minItems": 2, "maxItems": 2}]}
    properties: dict[str, object] = {
        "preset": {"enum": [*PRESETS]},
        "resize": {**size, "description": "The shorter side, or [height, width]."},
        "crop": {**size, "description": "What is cut from the centre."},
        "interpolation": {"enum": [*_INTERPOLATIONS]},
        "scale": {**number, "description": "What stored values are multiplied by, before mean and std."},
        "mean": numbers,
        "std": numbers,
        **{key: {"enum": [*choices]} for key, choices in _CHOICES.items()},
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _from(base: StatedPreprocess, *, source: str) -> StatedPreprocess:
    return merged([StatedPreprocess(source=source), base])


def _first(values: Iterable[_T | None]) -> _T | None:
    return next((value for value in values if value is not None), None)


def _read(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
        found: object = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (OSError, ValueError) as failure:  # both decoders' errors, and that of UTF-8, are ValueErrors
        raise SpecError(f"expected TOML or JSON in {path}, found: {failure}") from failure
    if not isinstance(found, dict):
        raise SpecError(f"expected a table in {path}, found {type(found).__name__}")
    return found


def _geometry(table: Mapping[str, object], base: Geometry, source: str) -> Geometry:
    interpolation = table.get("interpolation", base.interpolation)
    if interpolation not in _INTERPOLATIONS:
        raise _wrong("interpolation", f"one of {', '.join(_INTERPOLATIONS)}", interpolation, source)
    resize = _size(table["resize"], "resize", source) if "resize" in table else base.resize
    crop = _size(table["crop"], "crop", source) if "crop" in table else base.crop
    found = Geometry(
        resize=resize,
        crop=(crop, crop) if isinstance(crop, int) else crop,
        interpolation=interpolation,  # type: ignore[arg-type]  # checked above
    )
    if isinstance(resize, int) and found.crop is None:
        raise SpecError(
            f"expected a crop beside resize = {resize} in {source}: pictures of other proportions differ in size",
            hint="add crop, or give resize as [height, width]",
        )
    return found


def _size(value: object, key: str, source: str) -> int | tuple[int, int]:
    sides = value if isinstance(value, list | tuple) else [value]
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool) and side >= 1]
    if len(whole) != len(sides) or len(whole) not in {1, 2} or (len(whole) == 1 and sides is value):
        raise _wrong(key, "pixels, or [height, width]", value, source)
    return whole[0] if sides is not value else (whole[0], whole[1])


def _number(value: object, key: str, source: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(key, "a number", value, source)
    return float(value)


def _numbers(value: object, key: str, source: str) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(key, "a list of numbers", value, source)
    return tuple(_number(item, key, source) for item in value)


def _require_pair(mean: tuple[float, ...], std: tuple[float, ...], source: str) -> None:
    if len(mean) != len(std):
        raise SpecError(
            f"expected mean and std of equal length in {source}, found {len(mean)} and {len(std)}"
        )
    if not all(value > 0 for value in std):
        raise SpecError(f"expected positive values in std of {source}, found {list(std)}")


def _require_fit(preprocess: Preprocess, source: str, name: str, shape: tuple[int, ...]) -> None:
    channels = shape[1] if len(shape) > 1 else 1
    if preprocess.mean and len(preprocess.mean) not in {1, channels}:
        raise SpecError(
            f"expected {channels} values in mean and std of {source or 'the data'}, one for each channel of {name} "
            f"{shape}, found {len(preprocess.mean)}"
        )
    if preprocess.layout == "NHWC" and len(shape) != 4:
        raise SpecError(f"expected pictures for layout NHWC of {source}, found {name} of shape {shape}")
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


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _wrong(key: str, expected: str, found: object, source: str) -> SpecError:
    return SpecError(f"expected {expected} for {key} in {source}, found {found!r}")
