"""What a model's own files say of how it takes its inputs: read, never trusted blindly.

ONNX: `metadata_props`, the shape of the input; Hugging Face: `preprocessor_config.json`; timm: the configuration of
the pretrained weights that a name stands for; `tokenizer.json` beside a model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kdaudit.errors import ModelError
from kdaudit.installed import required
from kdaudit.models.declared_sounds import sound_form
from kdaudit.models.timm_names import TIMM
from kdaudit.models.untrusted import read_message
from kdaudit.types import Geometry, Interpolation, ModelRef, StatedPreprocess

if TYPE_CHECKING:
    import onnx

# The key of ONNX metadata_props that kdaudit itself reads.
PREPROCESS_KEY = "kdaudit.preprocess"
HF_PREPROCESSOR = "preprocessor_config.json"
_TOKENIZER = "tokenizer.json"
_TOKENS = ("input_ids", "attention_mask", "token_type_ids")
_LONGEST = 1 << 20
_WHOLE = {6, 7}  # INT32, INT64
_UNIT = 1 / 255
_HALF = (0.5, 0.5, 0.5)
# Pillow's numbers, which Hugging Face writes.
_RESAMPLING: dict[int, Interpolation] = {
    0: "nearest",
    1: "lanczos",
    2: "bilinear",
    3: "bicubic",
    4: "box",
    5: "hamming",
}
_TIMM_INTERPOLATIONS = {"bilinear", "bicubic", "nearest", "lanczos", "box", "hamming"}
# ONNX's documented image metadata (docs/MetadataProps.md), in lower case: keys and values are case insensitive.
_PIXEL_RANGES = {
    "nominalrange_0_255": {"scale": 1.0, "mean": (), "std": ()},
    "normalized_0_1": {"scale": _UNIT, "mean": (), "std": ()},
    "normalized_1_1": {"scale": _UNIT, "mean": _HALF, "std": _HALF},
}
_CHANNEL_SIZES = (1, 3)


class Declared(NamedTuple):
    """What a model's files say, and the table under `kdaudit.preprocess` where an ONNX file carries one.

    The table is as its author wrote it: whoever uses it checks it. `shape` is an example's as the only input of an ONNX
    file takes it, 0 for a size that may be any; None where that is not known.
    """

    stated: StatedPreprocess
    table: Mapping[str, object] | None = None
    shape: tuple[int, ...] | None = None


def declared_preprocess(ref: ModelRef) -> Declared:
    """What the model's files say of how it takes its inputs.

    Raises:
        ModelError: what is there cannot be read.
    """
    if ref.kind == "onnx":
        model = read_message(Path(ref.path))
        tokens = _token_inputs(model)
        found = _tokenizer(Path(ref.path).parent, tokens) if tokens else _of_onnx(model)
        return Declared(found, _own_table(model, ref.path), _input_shape(model))
    if ref.kind == "huggingface":
        image = _of_huggingface(Path(ref.path) / HF_PREPROCESSOR)
        return Declared(image if image.source else _tokenizer(Path(ref.path), _TOKENS[:2]))
    if ref.arch is not None and ref.arch.startswith(f"{TIMM}:"):
        return Declared(_of_timm(ref.arch.removeprefix(f"{TIMM}:")))
    return Declared(StatedPreprocess())


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """`metadata_props` of an ONNX file, with keys in lower case."""
    return {entry.key.lower(): entry.value for entry in model.metadata_props}


def _own_table(model: onnx.ModelProto, path: str) -> Mapping[str, object] | None:
    text = metadata(model).get(PREPROCESS_KEY)
    if text is None:
        return None
    try:
        table = json.loads(text)
    except ValueError as failure:
        raise ModelError(f"expected JSON under {PREPROCESS_KEY} in {path}, found: {failure}") from failure
    if not isinstance(table, dict):
        raise ModelError(
            f"expected a JSON object under {PREPROCESS_KEY} in {path}, found {type(table).__name__}"
        )
    return table


def _of_onnx(model: onnx.ModelProto) -> StatedPreprocess:
    """Image.BitmapPixelFormat, Image.NominalPixelRange, and the layout by the sizes of the only input."""
    found: dict[str, Any] = {}
    entries = metadata(model)
    found |= _PIXEL_RANGES.get(entries.get("image.nominalpixelrange", "").lower(), {})
    if entries.get("image.bitmappixelformat", "").lower().startswith("bgr"):
        found["channels"] = "BGR"
    if _is_channels_last(_input_shape(model) or ()):
        found["layout"] = "NHWC"
    return StatedPreprocess(source="its ONNX file", **found) if found else StatedPreprocess()


def _input_shape(model: onnx.ModelProto) -> tuple[int, ...] | None:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1 or not inputs[0].type.tensor_type.HasField("shape"):
        return None
    return tuple(d.dim_value for d in inputs[0].type.tensor_type.shape.dim)[1:]


def _is_channels_last(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[2] in _CHANNEL_SIZES and shape[0] not in _CHANNEL_SIZES


def _token_inputs(model: onnx.ModelProto) -> tuple[str, ...]:
    """Which of a tokenizer's outputs an ONNX file takes; its only input of whole numbers is token numbers."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: v.type.tensor_type.elem_type for v in model.graph.input if v.name not in weights}
    if not set(inputs.values()) <= _WHOLE:
        return ()
    return _TOKENS[:1] if len(inputs) == 1 else tuple(name for name in _TOKENS if name in inputs)


def _tokenizer(folder: Path, tokens: tuple[str, ...]) -> StatedPreprocess:
    """tokenizer.json beside a model, with the length in tokenizer_config.json; its makers write 1e30 for none."""
    if not (folder / _TOKENIZER).is_file():
        return StatedPreprocess()
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        stated = int(config["model_max_length"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        stated = 0
    length = stated if 0 < stated <= _LONGEST else None
    return StatedPreprocess(
        source=f"its {_TOKENIZER}", tokenizer=str(folder / _TOKENIZER), max_length=length, tokens=tokens
    )


def _of_huggingface(path: Path) -> StatedPreprocess:
    if not path.is_file():
        return StatedPreprocess()
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise ModelError(f"expected JSON in {path}, found: {failure}") from failure
    if not isinstance(config, dict):
        raise ModelError(f"expected a JSON object in {path}, found {type(config).__name__}")
    try:
        if "image_mean" in config or "do_rescale" in config:
            return _image_processor(config)
        form = sound_form(config)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as failure:
        raise ModelError(
            f"expected the settings of an image processor or feature extractor in {path}, found: {failure!r}",
            hint="say how the model takes its inputs: --teacher-preprocess, --student-preprocess",
        ) from failure
    return (
        StatedPreprocess() if form is None else StatedPreprocess(source=f"its {HF_PREPROCESSOR}", sound=form)
    )


def _image_processor(config: Mapping[str, Any]) -> StatedPreprocess:
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    if config.get("do_normalize", True) and "image_mean" in config:
        mean, std = (tuple(map(float, config[key])) for key in ("image_mean", "image_std"))
    rescale = config.get("do_rescale", True)
    return StatedPreprocess(
        source=f"its {HF_PREPROCESSOR}",
        geometry=_hf_geometry(config),
        scale=float(config.get("rescale_factor", _UNIT)) if rescale else 1.0,
        mean=mean,
        std=std,
    )


def _hf_geometry(config: Mapping[str, Any]) -> Geometry | None:
    """Resized to `size` where `do_resize`, then cropped to `crop_size` where `do_center_crop`.

    With `crop_pct` (ConvNeXt, PoolFormer) the shorter side becomes size / crop_pct below 384 pixels, as its processor
    has it, and is cropped to size; from 384 pixels on pictures are resized to size x size.
    """
    interpolation = _RESAMPLING[int(config.get("resample", 2))]
    resize: int | tuple[int, int] | None = None
    if config.get("do_resize", True) and "size" in config:
        size = config["size"]
        if isinstance(size, int):
            resize = (size, size)
        elif "shortest_edge" in size:
            resize = int(size["shortest_edge"])
        elif "height" in size:
            resize = (int(size["height"]), int(size["width"]))
        if isinstance(resize, int) and config.get("crop_pct"):
            if resize >= 384:
                return Geometry(resize=(resize, resize), interpolation=interpolation)
            scaled = int(resize / config["crop_pct"])
            return Geometry(resize=scaled, crop=(resize, resize), interpolation=interpolation)
    crop = config.get("crop_size") if config.get("do_center_crop") else None
    if isinstance(crop, int):
        crop = {"height": crop, "width": crop}
    if crop is None and not isinstance(resize, tuple):
        return None
    return Geometry(
        resize=resize,
        crop=None if crop is None else (int(crop["height"]), int(crop["width"])),
        interpolation=interpolation,
    )


def _of_timm(name: str) -> StatedPreprocess:
    """The evaluation transforms that timm's own scripts use for the weights of this name."""
    models = required(
        "timm.models", extra="timm", needed_for=f"the architecture {TIMM}:{name}", error=ModelError
    )
    found: Any = models.get_pretrained_cfg(name)
    if found is None or not found.mean:
        return StatedPreprocess()
    _, height, width = found.input_size
    scaled = tuple(math.floor(side / (found.crop_pct or 0.875)) for side in (height, width))
    squash = found.crop_mode == "squash"
    geometry = None
    if found.interpolation in _TIMM_INTERPOLATIONS and (squash or height == width):
        geometry = Geometry(
            resize=(scaled[0], scaled[1]) if squash else scaled[0],
            crop=(height, width),
            interpolation=found.interpolation,
        )
    return StatedPreprocess(
        source=f"timm's configuration of {name}",
        geometry=geometry,
        scale=_UNIT,
        mean=tuple(found.mean),
        std=tuple(found.std),
    )


def without_arithmetic(stated: StatedPreprocess) -> StatedPreprocess:
    """What is left of it for inputs that were saved as numbers of their own: those are taken to be ready."""
    return replace(stated, scale=None, mean=None, std=None)
