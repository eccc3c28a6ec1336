"""Stored inputs as one model takes them: channel order, arithmetic, layout, type."""

from __future__ import annotations

import numpy as np

from kdaudit.types import AnyArray, Float32, Preprocess

# Whole numbers that stand for things: no arithmetic makes sense of them.
TOKENS = (np.dtype(np.int32), np.dtype(np.int64))
_PICTURES = 4


def prepared(stored: AnyArray, preprocess: Preprocess) -> AnyArray:
    """Model input from stored input; the arithmetic is in float32, as on a device."""
    if stored.dtype in TOKENS:
        return stored
    if preprocess.dtype == "uint8":
        return arranged(stored, preprocess)
    values: Float32 = _ordered(stored, preprocess).astype(np.float32)
    if preprocess.scale != 1.0:
        values *= np.float32(preprocess.scale)
    if preprocess.mean:
        shape = (1, -1) + (1,) * (values.ndim - 2)
        values -= np.asarray(preprocess.mean, dtype=np.float32).reshape(shape)
        values /= np.asarray(preprocess.std, dtype=np.float32).reshape(shape)
    return _laid_out(values.astype(np.float16) if preprocess.dtype == "float16" else values, preprocess)


def arranged(stored: AnyArray, preprocess: Preprocess) -> AnyArray:
    """Stored pictures in a model's channel order and layout, their numbers as they are."""
    return stored if stored.dtype in TOKENS else _laid_out(_ordered(stored, preprocess), preprocess)


def _ordered(stored: AnyArray, preprocess: Preprocess) -> AnyArray:
    """Pictures with their channels on axis 1, in the model's order; anything else as it is."""
    if stored.ndim != _PICTURES:
        return stored
    values = np.moveaxis(stored, preprocess.channel_axis, 1)
    return values[:, ::-1] if preprocess.channels == "BGR" else values


def _laid_out(values: AnyArray, preprocess: Preprocess) -> AnyArray:
    if preprocess.layout == "NHWC" and values.ndim == _PICTURES:
        values = np.moveaxis(values, 1, -1)
    return np.ascontiguousarray(values)
