"""Model files in, answers out; and the student's architecture as a trainable network."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from kdaudit.errors import SpecError
from kdaudit.types import ModelRef

if TYPE_CHECKING:
    from kdaudit.protocols import Model

LOADERS = {
    "onnx": "kdaudit.models.onnxrt:OnnxModel",
    "state_dict": "kdaudit.models.pytorch:load_state_dict",
    "safetensors": "kdaudit.models.pytorch:load_safetensors",
    "pickle": "kdaudit.models.pickled:load_pickled",
    "torchscript": "kdaudit.models.torchscript:load_torchscript",
    "exported": "kdaudit.models.exported:load_exported",
    "huggingface": "kdaudit.models.huggingface:load_huggingface",
    "control": "kdaudit.models.pytorch:load_control",
}


def load_model(ref: ModelRef, *, device: str) -> Model:
    """The model of a file, not yet on its device: enter it to load the weights.

    Args:
        ref: which file, of which kind.
        device: 'cpu' or 'cuda:N'.

    Raises:
        SpecError: `ref.kind` is no key of LOADERS.
    """
    if ref.kind not in LOADERS:
        raise SpecError(f"expected a model kind of {', '.join(LOADERS)}, found {ref.kind!r}")
    module, name = LOADERS[ref.kind].split(":")
    loader = cast("Callable[..., Model]", getattr(import_module(module), name))
    return loader(ref, device=device)
