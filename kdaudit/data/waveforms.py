"""Sound files as waveforms of one rate and length, or as their log-mel spectrograms."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass, replace
from math import gcd, log10
from typing import Any, Literal

import numpy as np

from kdaudit.data.blobs import Blob
from kdaudit.errors import DataError, UnreadableError
from kdaudit.installed import required
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
_SMALLEST_VARIANCE = np.float32(1e-7)  # as in transformers
_RIFF = (b"RIFF", b"RIFX", b"RF64")
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """What a file holds: samples (n, channels) in [-1, 1] at `rate`."""

    values: Float64
    rate: int


def completed(form: SoundForm | None, *, rate: int, seconds: float) -> SoundForm:
    """A form with the rate and length of the data where nobody states others."""
    stated = form or SoundForm()
    return replace(stated, rate=stated.rate or rate, seconds=stated.seconds or seconds)


def shape_of(form: SoundForm) -> tuple[int, ...]:
    """(1, samples), (samples,) where they are flat, or (1, mels, frames) of spectrograms."""
    n = n_samples(form)
    if form.flat:
        return (n,)
    return (1, n) if form.mels is None else (1, form.mels, 1 + n // form.hop)


def n_samples(form: SoundForm) -> int:
    """Samples of each sound of a complete form."""
    return round((form.rate or 0) * (form.seconds or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """A sound as a model takes it, of `shape_of(form)`, and what was done to it: "resampled", "padded", "cut"."""

    values: Float32
    changes: tuple[str, ...]


def is_sound(head: bytes) -> bool:
    """Whether a file that begins so (12 bytes) is WAV, FLAC, OGG or MP3."""
    wave = head[:4] in _RIFF and head[8:12] == b"WAVE"
    frame = (
        head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2
    )  # MP3's layer III without a title
    return wave or frame or head.startswith((b"fLaC", b"OggS", b"ID3"))


def sound(blob: Blob, form: SoundForm) -> Sound:
    """A sound: mono, in [-1, 1], resampled by a polyphase filter, padded with zeros or cut; log-mel bands if asked.

    Raises:
        UnreadableError: it is no whole sound.
        DataError: it needs the package soundfile.
    """
    from scipy.signal import resample_poly

    found = samples_of(blob)
    values, rate = found.values.mean(axis=1), form.rate or found.rate
    changes = []
    if found.rate != rate and len(values):
        common = gcd(found.rate, rate)
        values = resample_poly(values, rate // common, found.rate // common)
        changes.append("resampled")
    wave = np.zeros(n_samples(form), dtype=np.float32)
    if len(values) != len(wave):
        changes.append("padded" if len(values) < len(wave) else "cut")
    kept = values[: len(wave)]
    wave[: len(kept)] = kept
    if form.normalised:
        wave = (wave - wave.mean()) / np.sqrt(wave.var() + _SMALLEST_VARIANCE)
    made = wave if form.mels is None else log_mel(wave, form)
    return Sound(values=made if form.flat else made[None], changes=tuple(changes))


def samples_of(blob: Blob) -> Samples:
    """By content: WAV by scipy, FLAC, OGG and MP3 by soundfile (extra [audio]).

    Raises:
        UnreadableError: it is no whole sound.
        DataError: soundfile is not installed.
    """
    try:
        with blob.open() as stream:
            data = stream.read()
    except (OSError, ValueError) as failure:
        raise _broken(blob, getattr(failure, "strerror", None) or failure) from failure
    if data[:4] in _RIFF:
        return _wav(blob, data)
    if not is_sound(data[:12]):
        raise _broken(blob, "no WAV, FLAC, OGG or MP3")
    return _compressed(blob, data)


def _wav(blob: Blob, data: bytes) -> Samples:
    from scipy.io import wavfile

    if _ends_early(data):
        raise _broken(blob, "fewer samples than its header says")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are no samples
            rate, samples = wavfile.read(io.BytesIO(data))
    except _UNREADABLE as failure:
        raise _broken(blob, failure) from failure
    kind = samples.dtype
    values = samples.astype(np.float64)
    if kind.kind in "iu":
        values = values / (np.iinfo(kind).max + 1.0) if kind.kind == "i" else (values - 128.0) / 128.0
    return Samples(values=values[:, None] if values.ndim == 1 else values, rate=int(rate))


def _ends_early(data: bytes) -> bool:
    """Whether a WAV file ends before its samples do; a length of 2^32 - 1 says that the writer did not know it."""
    order: Literal["big", "little"] = "big" if data.startswith(b"RIFX") else "little"
    start = 12
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], order)
        if data[start : start + 4] == b"data":
            return size != _UNKNOWN_SIZE and start + 8 + size > len(data)
        start += 8 + size + size % 2
    return False


def _compressed(blob: Blob, data: bytes) -> Samples:
    soundfile: Any = required("soundfile", extra="audio", needed_for=blob.where, error=DataError)
    if data.startswith(b"OggS") and _lacks_its_last_page(data):
        raise _broken(blob, "no last page")
    try:
        values, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    except (RuntimeError, OSError, ValueError) as failure:  # LibsndfileError is a RuntimeError
        raise _broken(blob, failure) from failure
    return Samples(values=values, rate=int(rate))


def _lacks_its_last_page(data: bytes) -> bool:
    """Whether the last page of an OGG file is not marked as such, or not whole: libsndfile reads what there is."""
    last = data.rfind(b"OggS")
    if len(data) < last + 27:
        return True
    n_segments = data[last + 26]
    end = last + 27 + n_segments + sum(data[last + 27 : last + 27 + n_segments])
    return not data[last + 5] & 4 or end > len(data)


def _broken(blob: Blob, found: object) -> UnreadableError:
    return UnreadableError(
        f"expected a whole sound in {blob.where}, found: {found}",
        hint="replace or remove the file, or leave such sounds out: --max-skipped",
    )


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
