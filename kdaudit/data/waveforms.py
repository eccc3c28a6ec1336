"""Sound files as waveforms of one rate and length, or as their log-mel spectrograms."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from importlib import import_module
from math import gcd, log10
from pathlib import Path
from typing import Any

import numpy as np

from kdaudit.errors import DataError
from kdaudit.types import Float32, Float64, SoundForm

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
# What scipy's reader ends with on files that are none.
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    UnboundLocalError,
    MemoryError,
    struct.error,
)
_SMALLEST_POWER = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """What a file holds: samples (n, channels) in [-1, 1] at `rate`."""

    values: Float64
    rate: int


def completed(form: SoundForm | None, *, rate: int, seconds: float) -> SoundForm:
    """A form with the rate and length of the data where nobody states others."""
    stated = form or SoundForm()
    return SoundForm(
        rate=stated.rate or rate,
        seconds=stated.seconds or seconds,
        mels=stated.mels,
        window=stated.window,
        hop=stated.hop,
    )


def shape_of(form: SoundForm) -> tuple[int, ...]:
    """(1, samples), or (1, mels, frames) of spectrograms."""
    n = n_samples(form)
    return (1, n) if form.mels is None else (1, form.mels, 1 + n // form.hop)


def n_samples(form: SoundForm) -> int:
    """Samples of each sound of a complete form."""
    return round((form.rate or 0) * (form.seconds or 0.0))


def sound(path: Path, form: SoundForm) -> Float32:
    """A sound as a model takes it, of `shape_of(form)`.

    Raises:
        DataError: it is no whole sound file, or needs the package soundfile.
    """
    wave = waveform(path, form)
    return wave[None] if form.mels is None else log_mel(wave, form)[None]


def waveform(path: Path, form: SoundForm) -> Float32:
    """The sound (samples,) in [-1, 1]: mono, resampled by a polyphase filter, padded with zeros or cut.

    Raises:
        DataError: it is no whole sound file, or needs the package soundfile.
    """
    from scipy.signal import resample_poly

    found = samples_of(path)
    values, rate = found.values.mean(axis=1), form.rate or found.rate
    if found.rate != rate and len(values):
        common = gcd(found.rate, rate)
        values = resample_poly(values, rate // common, found.rate // common)
    out = np.zeros(n_samples(form), dtype=np.float32)
    kept = values[: len(out)]
    out[: len(kept)] = kept
    return out


def samples_of(path: Path) -> Samples:
    """WAV files by scipy, FLAC, OGG and MP3 by soundfile (extra [audio]).

    Raises:
        DataError: it is no whole sound file, or soundfile is not installed.
    """
    return _wav(path) if path.suffix.lower() == ".wav" else _compressed(path)


def _wav(path: Path) -> Samples:
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are no samples
            rate, samples = wavfile.read(path)
    except _UNREADABLE as failure:
        raise DataError(
            f"expected a whole WAV file at {path}, found: {failure}", hint="fetch it again"
        ) from failure
    kind = samples.dtype
    values = samples.astype(np.float64)
    if kind.kind in "iu":
        values = values / (np.iinfo(kind).max + 1.0) if kind.kind == "i" else (values - 128.0) / 128.0
    return Samples(values=values[:, None] if values.ndim == 1 else values, rate=int(rate))


def _compressed(path: Path) -> Samples:
    try:
        soundfile: Any = import_module("soundfile")
    except (ImportError, OSError) as failure:  # OSError: its library is missing
        raise DataError(
            f"expected the package soundfile for {path}, found: {failure}",
            hint="pip install 'kdaudit[audio]'",
        ) from failure
    try:
        values, rate = soundfile.read(str(path), dtype="float64", always_2d=True)
    except (RuntimeError, OSError) as failure:  # LibsndfileError is a RuntimeError
        raise DataError(
            f"expected a whole sound file at {path}, found: {failure}", hint="fetch it again"
        ) from failure
    return Samples(values=values, rate=int(rate))


def log_mel(wave: Float32, form: SoundForm) -> Float32:
    """log(mel power + 1e-6) (mels, frames) of samples (n,), as torchaudio's MelSpectrogram has the powers.

    Frames of `window` samples every `hop`, centred (the ends mirrored), under a periodic Hann window; |FFT|^2;
    triangles that are equally wide on O'Shaughnessy's scale, mel = 2595 log10(1 + f/700), from 0 to half the rate, of
    height 1.
    """
    half = form.window // 2
    padded = np.pad(wave.astype(np.float64), half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, form.window)[:: form.hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(form.window) / form.window)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    mel = power @ _triangles(form.rate or 0, form.mels or 0, form.window)
    return np.log(mel.T + _SMALLEST_POWER).astype(np.float32)


def _triangles(rate: int, mels: int, window: int) -> Float64:
    """Weights (window // 2 + 1, mels) of each frequency in each band."""
    highest = 2595.0 * log10(1.0 + rate / 1400.0)
    edges = 700.0 * (10.0 ** (np.linspace(0, highest, mels + 2) / 2595.0) - 1.0)
    frequencies = np.linspace(0, rate / 2, window // 2 + 1)
    slopes = edges[None, :] - frequencies[:, None]
    widths = np.diff(edges)
    rising, falling = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    weights: Float64 = np.maximum(0.0, np.minimum(rising, falling))
    return weights
