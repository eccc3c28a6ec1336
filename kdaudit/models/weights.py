"""Files of PyTorch weights: read without running code from them, and put into a module."""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from kdaudit.errors import ModelError
from kdaudit.models.archives import is_archive, members
from kdaudit.models.quiet import silent_torch

# Keys under which training scripts keep the weights in a checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model")
_SAVE_TENSORS = "save model.state_dict() instead of the model, or export to ONNX"
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_SHOWN = 5
# What torch's reader of pickles stumbles over in a damaged file.
_DAMAGED = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    struct.error,
)


def read_state_dict(path: str) -> dict[str, torch.Tensor]:
    """The tensors of a file written by torch.save. Never runs code from it (`weights_only=True`).

    Raises:
        ModelError: the file holds anything but tensors and plain containers, or is damaged.
    """
    if is_archive(Path(path)):
        members(Path(path))
    try:
        with silent_torch():  # of unusual pickle protocols, which then fail or not
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as failure:
        raise unsafe_pickle(path, unsafe_classes(path), hint=_SAVE_TENSORS) from failure
    except _DAMAGED as failure:
        raise ModelError(
            f"expected weights saved by torch.save in {path}, found a damaged file: {failure}",
            hint="the file is cut off; save or copy it again",
        ) from failure
    return state_of(found, path)


def state_of(found: object, path: str) -> dict[str, torch.Tensor]:
    """The weights in what a file of torch.save holds: alone, or under a known key of a checkpoint.

    Raises:
        ModelError: there are none.
    """
    for key in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise ModelError(
            f"expected a state_dict in {path}, found {type(found).__name__} without one",
            hint=f"save model.state_dict(), alone or under one of the keys {', '.join(_NESTED)}",
        )
    return {name.removeprefix("module."): tensor for name, tensor in found.items()}


def read_safetensors(path: str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as failure:
        raise ModelError(
            f"expected safetensors in {path}, found: {failure}",
            hint="the file is cut off or damaged; save or copy it again",
        ) from failure


def fill(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: str) -> torch.nn.Module:
    """`module` with these weights; every tensor must find its place and every place its tensor.

    Raises:
        ModelError: names, shapes or kinds of numbers differ; the first few are listed.
    """
    own = module.state_dict()
    missing = sorted(own.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - own.keys())
    both = sorted(own.keys() & tensors.keys())
    shapes = [name for name in both if own[name].shape != tensors[name].shape]
    dtypes = [name for name in both if _number(own[name]) != _number(tensors[name])]
    if missing or unknown or shapes or dtypes:
        parts = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for what, names in (
                ("missing", missing),
                ("unknown", unknown),
                ("of another shape", shapes),
                ("of another type", dtypes),
            )
            if names
        ]
        raise ModelError(
            f"expected the weights in {path} to fit the architecture, found {', '.join(parts)}",
            hint="check the architecture and its arguments, such as the number of classes",
        )
    module.load_state_dict(dict(tensors))
    return module


def _number(tensor: torch.Tensor) -> str:
    """Floating, complex or whole: precisions may differ, kinds of numbers (quantised weights) may not."""
    if tensor.is_floating_point():
        return "floating"
    return "complex" if tensor.is_complex() else "whole"


def unsafe_classes(path: str) -> tuple[str, ...]:
    """The classes and functions whose code would run if a file of torch.save were loaded; () if none would.

    Found by reading, not by running. A damaged file has none: whoever reads its weights says so.
    """
    try:
        return tuple(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)))
    except ValueError:
        return _first_unsafe_class(path)  # torch lists them for its newer format only
    except (pickle.UnpicklingError, *_DAMAGED):
        return ()


def unsafe_pickle(path: str, classes: tuple[str, ...], *, hint: str) -> ModelError:
    """The error for a file that would run the code of these classes."""
    shown = f"{', '.join(classes[:_SHOWN])}{', ...' if len(classes) > _SHOWN else ''}"
    return ModelError(
        f"expected only tensors in {path}, found Python objects whose loading would run code"
        f"{f' ({shown})' if shown else ''}",
        hint=hint,
    )


def _first_unsafe_class(path: str) -> tuple[str, ...]:
    try:
        with silent_torch():
            torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as failure:
        return tuple(_GLOBAL.findall(str(failure))[:1]) or ("unnamed objects",)
    except _DAMAGED:
        return ()
    return ()
