"""How a model takes its inputs as options, files and tables of the configuration say it."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from kdaudit.data.preprocessing import PRESETS, merged
from kdaudit.errors import SpecError
from kdaudit.types import (
    ChannelOrder,
    Geometry,
    InputType,
    Interpolation,
    Layout,
    SoundForm,
    StatedPreprocess,
)

_CHOICES = {
    "channels": get_args(ChannelOrder),
    "layout": get_args(Layout),
    "stored": get_args(Layout),
    "dtype": get_args(InputType),
}
_INTERPOLATIONS = get_args(Interpolation)
_KEYS = (
    "preset",
    "resize",
    "crop",
    "interpolation",
    "scale",
    "mean",
    "std",
    *_CHOICES,
    "tokenizer",
    "max_length",
    *("rate", "seconds", "mels", "window", "hop"),
)


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
    _require_known(table, source)
    preset = table.get("preset")
    if preset is not None and preset not in PRESETS:
        raise _wrong("preset", f"one of {', '.join(PRESETS)}", preset, source)
    base = PRESETS[str(preset)] if preset is not None else StatedPreprocess()
    stated = _chosen(table, source) | _text(table, source) | _sound(table, source)
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
        "tokenizer": {"type": "string", "description": "A tokenizer.json, or a folder that holds one."},
        "max_length": {**side, "description": "How many tokens a text becomes."},
        "rate": {**side, "description": "Samples a second that sounds are resampled to."},
        "seconds": {**number, "description": "Of each sound: shorter ones are padded, longer ones cut."},
        "mels": {**side, "description": "Log-mel bands; without, sounds are waveforms."},
        "window": {**side, "description": "Samples of a frame."},
        "hop": {**side, "description": "Samples from frame to frame."},
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _require_known(table: Mapping[str, object], source: str) -> None:
    for key in table:
        if key not in _KEYS:
            raise SpecError(
                f"unknown key {key} in {source}", hint=_nearest(key, _KEYS) or f"known: {', '.join(_KEYS)}"
            )


def _chosen(table: Mapping[str, object], source: str) -> dict[str, Any]:
    for key, choices in _CHOICES.items():
        if key in table and table[key] not in choices:
            raise _wrong(key, f"one of {', '.join(choices)}", table[key], source)
    return {key: table[key] for key in _CHOICES if key in table}


def _text(table: Mapping[str, object], source: str) -> dict[str, object]:
    """`tokenizer` and `max_length`."""
    stated: dict[str, object] = {}
    if "tokenizer" in table:
        stated["tokenizer"] = table["tokenizer"]
        if not isinstance(table["tokenizer"], str) or not table["tokenizer"]:
            raise _wrong("tokenizer", "a file or folder", table["tokenizer"], source)
    if "max_length" in table:
        stated["max_length"] = length = table["max_length"]
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            raise _wrong("max_length", "a number of tokens", length, source)
    return stated


def _sound(table: Mapping[str, object], source: str) -> dict[str, object]:
    """What sounds become."""
    found: dict[str, Any] = {}
    for key in ("rate", "mels", "window", "hop"):
        if key in table:
            value = table[key]
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise _wrong(key, "a whole number", value, source)
            found[key] = value
    if "seconds" in table:
        found["seconds"] = _number(table["seconds"], "seconds", source)
        if found["seconds"] <= 0:
            raise _wrong("seconds", "a positive number", table["seconds"], source)
    return {"sound": SoundForm(**found)} if found else {}


def _from(base: StatedPreprocess, *, source: str) -> StatedPreprocess:
    return merged([StatedPreprocess(source=source), base])


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
    if found.crop is not None and not _fits(found.crop, resize):
        raise SpecError(
            f"expected a crop that lies within the resized pictures in {source}, found crop = {list(found.crop)} of "
            f"resize = {resize}: the rest would be black",
            hint="state a larger resize beside it",
        )
    return found


def _fits(crop: tuple[int, int], resize: int | tuple[int, int] | None) -> bool:
    """Whether a crop may lie within pictures of that size; where the shorter side alone is known, its shorter one."""
    if isinstance(resize, tuple):
        return crop[0] <= resize[0] and crop[1] <= resize[1]
    return resize is None or min(crop) <= resize


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


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _wrong(key: str, expected: str, found: object, source: str) -> SpecError:
    return SpecError(f"expected {expected} for {key} in {source}, found {found!r}")
