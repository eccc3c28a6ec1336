"""Pictures of examples for the report's gallery."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from kdaudit.types import AnyArray, Float64

SIDE_PIXELS = 96
_QUALITY = 80
_WAVE_ROWS = 24
_WINDOW = 288  # two frequencies for each of the 72 rows
_DECIBEL = 80

Uint8 = npt.NDArray[np.uint8]


def thumbnail(raw: Mapping[str, AnyArray]) -> str | None:
    """A WebP data URI of at most 96 x 96 pixels of one example as `Examples.raw` gives it.

    Small pictures are not enlarged. None where the example is no picture: a picture is the only input, (C, H, W)
    with one or three channels, uint8, or float, which is stretched from its smallest to its largest value.
    """
    if len(raw) != 1:
        return None
    (picture,) = raw.values()
    if picture.ndim != 3 or picture.shape[0] not in {1, 3} or 0 in picture.shape:
        return None
    if picture.dtype.kind == "f":
        picture = _stretched(picture)
    if picture.dtype != np.uint8:
        return None
    return _webp(Image.fromarray(picture[0] if len(picture) == 1 else np.moveaxis(picture, 0, -1)))


def sound_picture(raw: Mapping[str, AnyArray]) -> str | None:
    """A WebP data URI of 96 x 96 pixels: the waveform above, below it the spectrogram, low frequencies at the bottom.

    The spectrogram shows 80 dB below its loudest place. None where the example is no sound: the only input, (samples,)
    or (1, samples) of at least `_WINDOW` samples.
    """
    (samples, *others) = raw.values()
    samples = samples.reshape(-1) if samples.ndim == 2 and len(samples) == 1 else samples
    if others or samples.ndim != 1 or len(samples) < _WINDOW:
        return None
    values = samples.astype(np.float64)
    loudest = np.abs(values).max()
    wave = values / loudest if loudest > 0 else values
    return _webp(Image.fromarray(np.concatenate([_waveform(wave), _spectrogram(wave)])))


def _waveform(wave: Float64) -> Uint8:
    """(24, 96): from the lowest to the highest sample of each column's stretch of time; -1 to 1."""
    columns = np.array_split(wave, SIDE_PIXELS)
    middle = (_WAVE_ROWS - 1) / 2
    low = np.rint(middle - middle * np.array([column.max() for column in columns]))
    high = np.rint(middle - middle * np.array([column.min() for column in columns]))
    rows = np.arange(_WAVE_ROWS)[:, None]
    lit: Uint8 = np.zeros((_WAVE_ROWS, SIDE_PIXELS), dtype=np.uint8)
    lit[(rows >= low) & (rows <= high)] = 255
    return lit


def _spectrogram(wave: Float64) -> Uint8:
    """(72, 96): mean power of the frequencies of each row around the time of each column, in dB."""
    starts = np.linspace(0, len(wave) - _WINDOW, SIDE_PIXELS).round().astype(np.int64)
    frames = wave[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2
    rows = SIDE_PIXELS - _WAVE_ROWS
    pooled = np.stack([band.mean(axis=1) for band in np.array_split(power, rows, axis=1)])[::-1]
    decibel = 10 * np.log10(np.maximum(pooled / max(pooled.max(), 1e-30), 10 ** (-_DECIBEL / 10)))
    grey: Uint8 = np.rint(255 * (1 + decibel / _DECIBEL)).astype(np.uint8)
    return grey


def _webp(image: Image.Image) -> str:
    image.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    out = io.BytesIO()
    image.save(out, format="WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _stretched(picture: AnyArray) -> AnyArray:
    values = picture.astype(np.float64)
    low, high = values.min(), values.max()
    factor = 255.0 / (high - low) if high > low else 0.0
    stretched: AnyArray = np.rint((values - low) * factor).astype(np.uint8)
    return stretched
