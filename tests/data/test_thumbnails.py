"""Pictures for the gallery."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from kdaudit.data.thumbnails import sound_picture, thumbnail
from kdaudit.types import AnyArray

from .factories import pixels


def opened(uri: str | None) -> Image.Image:
    """The picture inside a data URI."""
    assert uri is not None
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 28, 28), (28, 28)), ((3, 20, 40), (40, 20)), ((3, 300, 150), (48, 96)), ((3, 1, 5000), (96, 1))],
)
def test_at_most_96_pixels_and_never_enlarged(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    """The longer side is 96 at most; small pictures keep their size."""
    assert size == opened(thumbnail({"x": pixels(1, shape)[0]})).size


def test_colours_survive() -> None:
    """Red stays red: channels come first in the array and last in the picture."""
    red = np.zeros((3, 16, 16), np.uint8)
    red[0] = 255
    r, g, b = opened(thumbnail({"x": red})).convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert r > 240
    assert max(g, b) < 15


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_floats_are_stretched(dtype: type[np.floating]) -> None:
    """The smallest value is black and the largest white, whatever they are."""
    ramp = np.linspace(-3, 2, 256).reshape(1, 16, 16).astype(dtype)
    values = np.asarray(opened(thumbnail({"x": ramp})).convert("L"))
    assert values[0, 0] < 20
    assert values[-1, -1] > 235


def test_a_constant_picture_is_a_picture() -> None:
    """Nothing is divided by zero."""
    assert (4, 4) == opened(thumbnail({"x": np.full((1, 4, 4), 7.5, np.float32)})).size


@pytest.mark.parametrize(
    "raw",
    [
        {"x": np.zeros(5, np.float32)},
        {"x": np.zeros((2, 4, 4), np.float32)},
        {"x": np.zeros((3, 4, 4), np.int64)},
        {"x": np.zeros((1, 0, 4), np.uint8)},
        {"x": np.zeros((1, 4, 4), np.uint8), "z": np.zeros(3)},
    ],
)
def test_what_is_no_picture_has_no_thumbnail(raw: dict[str, AnyArray]) -> None:
    """Tables, tokens, other channel counts and several inputs are shown in another way."""
    assert thumbnail(raw) is None


def test_the_same_picture_gives_the_same_text() -> None:
    """Reports are byte-identical for the same audit, and 48 thumbnails fit a megabyte."""
    raw = {"x": pixels(1, (3, 300, 300))[0]}
    first = thumbnail(raw)
    assert first == thumbnail(raw)
    assert first is not None
    assert len(first) < 21_000


def sound(*, hertz: float, rate: int = 16000) -> AnyArray:
    """A second of one tone that starts in the middle."""
    t = np.arange(rate) / rate
    return (np.sin(2 * np.pi * hertz * t) * (t > 0.5)).astype(np.float32)


@pytest.mark.parametrize(("hertz", "row"), [(500, 91), (4000, 60), (7500, 28)])
def test_a_sound_is_its_waveform_above_its_spectrogram(hertz: float, row: int) -> None:
    """A tone is a line at its height: 72 rows from 24 on, 0 Hz at the bottom and 8 kHz at the top."""
    image = np.asarray(opened(sound_picture({"x": sound(hertz=hertz)})).convert("L"), dtype=float)
    assert (96, 96) == image.shape
    assert image[:24, 60:].mean() > 100 > image[:24, :40].mean()
    assert abs(int(image[24:, 60:].mean(axis=1).argmax()) + 24 - row) <= 1


@pytest.mark.parametrize("samples", [np.zeros(16000, np.float32), np.zeros((1, 300), np.float32)])
def test_silence_is_a_sound(samples: AnyArray) -> None:
    """Nothing is divided by zero, and a channel axis is no second sound."""
    assert (96, 96) == opened(sound_picture({"x": samples})).size


@pytest.mark.parametrize(
    "raw", [{"x": np.zeros(287)}, {"x": np.zeros((2, 900))}, {"x": np.zeros(900), "y": np.zeros(900)}]
)
def test_what_is_no_sound_is_not_shown(raw: dict[str, AnyArray]) -> None:
    """Too short, stereo, or with other inputs beside it."""
    assert sound_picture(raw) is None
