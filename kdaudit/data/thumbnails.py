"""Pictures of examples for the report's gallery."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from kdaudit.types import AnyArray

SIDE_PIXELS = 96
_QUALITY = 80


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
    image = Image.fromarray(picture[0] if len(picture) == 1 else np.moveaxis(picture, 0, -1))
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
