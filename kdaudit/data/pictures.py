"""One picture, from wherever it lies, upright and of eight bits; what cannot be decoded is an error that names it."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kdaudit.data.blobs import Blob
from kdaudit.errors import UnreadableError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_GREY_MODES = frozenset({"L"}) | _SIXTEEN_BIT_MODES
_EXIF_ORIENTATION = 0x0112
# Pictures of a phone in one JPEG (MPO) are no animation: their first is the picture.
_ANIMATED_FORMATS = frozenset({"GIF", "PNG", "WEBP"})

# By content: Pillow knows formats, such as EPS, for which it would start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, *_TOO_LARGE)
# Pillow warns of 90 megapixels and refuses twice as many: a few kilobytes can claim them. Here it refuses both.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """A decoded picture, and what was done to it or left of it."""

    image: Image.Image
    turned: bool
    sixteen_bit: bool
    animated: bool
    cmyk: bool
    transparent: bool


def is_picture(head: bytes) -> bool:
    """Whether a file that begins so (12 bytes) is JPEG, PNG, WebP, BMP or GIF."""
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return webp or head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8"))


def header(picture: Blob) -> Image.Image:
    """The picture by its header; pixels are not decoded.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        with picture.open() as stream, Image.open(stream, formats=_FORMATS) as image:
            return image
    except _UNREADABLE as failure:
        raise _broken(picture, failure) from failure


def is_grey(image: Image.Image) -> bool:
    """Whether it has one channel and no palette."""
    return image.mode in _GREY_MODES


def upright(picture: Blob) -> Upright:
    """The decoded picture, turned as its EXIF orientation says; the first one of an animation.

    Sixteen bits become eight by their upper byte, as Pillow does for coloured pictures.

    Raises:
        UnreadableError: it cannot be decoded.
    """
    try:
        with picture.open() as stream, Image.open(stream, formats=_FORMATS) as image:
            animated = image.format in _ANIMATED_FORMATS and getattr(image, "is_animated", False)
            image.load()
            transparent = image.has_transparency_data
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) in range(2, 9)
            sixteen_bit = image.mode in _SIXTEEN_BIT_MODES
            found = ImageOps.exif_transpose(image) if turned else image  # which would copy it
            if sixteen_bit:
                found = _upper_byte(found)
    except _UNREADABLE as failure:
        raise _broken(picture, failure) from failure
    if found.mode not in _EIGHT_BIT_MODES:
        raise UnreadableError(
            f"expected 8 or 16 bits per channel in {picture.where}, found mode {found.mode}",
            hint="convert the pictures to 8 bits",
        )
    return Upright(
        image=found,
        turned=turned,
        sixteen_bit=sixteen_bit,
        animated=animated,
        cmyk=found.mode == "CMYK",
        transparent=transparent,
    )


def _upper_byte(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ValueError(f"values from {values.min()} to {values.max()}, which are not of 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _broken(picture: Blob, failure: Exception) -> UnreadableError:
    reason = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
    if isinstance(failure, UnidentifiedImageError):  # whose own words are those of an object in memory
        reason = "no JPEG, PNG, WebP, BMP or GIF"
    return UnreadableError(
        f"expected a whole picture in {picture.where}, found: {reason}",
        hint="make the picture smaller: its header claims more pixels than are decoded"
        if isinstance(failure, _TOO_LARGE)
        else "replace or remove the file, or leave such pictures out: --max-skipped",
    )
