"""Pictures from anywhere, decoded once, in parallel and a few at a time, into one uint8 array of examples."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from kdaudit.data.blobs import Blob
from kdaudit.data.cache import cached_examples, require_space
from kdaudit.data.examples import FORMAT_VERSION, Description, Examples, write_examples
from kdaudit.data.growing import growing
from kdaudit.data.left_out import LeftOut
from kdaudit.data.listing import Listing
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.data.parallel import in_parallel
from kdaudit.data.pictures import header, is_grey, upright
from kdaudit.data.request import Request
from kdaudit.digest import record_digest
from kdaudit.errors import DataError, UnreadableError
from kdaudit.numerics import plural
from kdaudit.types import Geometry, Int64, ProgressEvent, Skipped

Pixels = npt.NDArray[np.uint8]
# Few: the last chunks keep one thread alone busy.
_CHUNK = 8
_COUNTED = {
    "turned": ("is turned as its EXIF orientation says", "are turned as their EXIF orientation says"),
    "sixteen_bit": (
        "has 16 bits per channel: their upper byte is used",
        "have 16 bits per channel: their upper byte is used",
    ),
    "animated": (
        "is an animation: its first picture is used",
        "are animations: their first picture is used",
    ),
    "cmyk": (
        "is CMYK: converted to RGB as Pillow does it, without a colour profile",
        "are CMYK: converted to RGB as Pillow does it, without a colour profile",
    ),
    "transparent": (
        "has transparency: it is dropped, its colours stay",
        "have transparency: it is dropped, their colours stay",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How every picture is decoded: shape (C, H, W); `geometry` None leaves its size alone."""

    shape: tuple[int, int, int]
    geometry: Geometry | None

    @property
    def mode(self) -> str:
        """PIL's mode for that many channels."""
        return "L" if self.shape[0] == 1 else "RGB"


def read_pictures(
    listing: Listing,
    description: Description,
    request: Request,
) -> Examples:
    """The examples of a listing.

    With a `geometry` they are resized and cropped as torchvision's transforms v2 do it with PIL pictures. With
    `image_size` s alone, the shorter side is resized to round(s / 0.875) and s x s is cropped from the centre; pictures
    that all are s x s already stay as they are. With neither all pictures must be equally large. Three channels, or one
    if every picture is greyscale. Alpha is dropped and EXIF orientation applied. Then division by 255, mean and std.
    With `limit`, only those are decoded. Pictures that cannot be decoded are left out, as many as `max_skipped` allows.

    Raises:
        DataError: more pictures that cannot be decoded, or one of another size; too little disk space.
        SpecError: mean and std do not fit the channels.
    """
    if not listing.blobs:
        raise DataError(f"expected at least one picture in {description.location}, found none")
    options = request.options
    wanted = listing.limited(options.limit)
    key = record_digest(
        "pictures",
        FORMAT_VERSION,
        (description.name, description.location, description.kind),
        wanted.digest(),
        (options.image_size, options.mean, options.std, options.max_skipped),
        options.geometry,
    )
    return cached_examples(request.cache, key, lambda folder: _build(folder, wanted, description, request))


def _build(folder: Path, listing: Listing, description: Description, request: Request) -> None:
    options = request.options
    plan = plan_of(listing.blobs, options)
    description = dataclasses.replace(
        description,
        geometry=plan.geometry,
        preprocess=preprocess_for({"x": (len(listing.blobs), *plan.shape)}, options, uint8=True),
    )
    decoded = _decode_all(folder, listing, description, plan, request)
    good = listing.at(decoded.kept)
    counted = [_counted(what, n) for what, n in sorted(decoded.counts.items())]
    complete = dataclasses.replace(
        description,
        class_names=good.class_names,
        columns=tuple(good.slices),
        assumptions=(*description.assumptions, *good.notes, *_assumptions(plan, options), *counted),
        skipped=decoded.skipped,
    )
    write_examples(
        folder,
        complete,
        labels=good.labels,
        ids=np.asarray(good.ids, dtype=np.str_),
        groups=good.groups,
        slices=list(good.slices.values()),
        input_digest=decoded.digest,
    )


def plan_of(pictures: Sequence[Blob], options: DataOptions) -> Plan:
    """How these pictures are decoded; those whose headers cannot be read have no say.

    Raises:
        DataError: none can be read.
    """
    channels = 1 if all(is_grey(image) for image in _headers(pictures)) else 3
    geometry = options.wanted_geometry
    size = None if geometry is None else geometry.crop or geometry.resize
    if not isinstance(size, tuple):
        width, height = _first(pictures).size
        return Plan(shape=(channels, height, width), geometry=None)
    if options.geometry is None and all(image.size == size for image in _headers(pictures)):
        geometry = None
    return Plan(shape=(channels, *size), geometry=geometry)


def _headers(pictures: Sequence[Blob]) -> Iterator[Image.Image]:
    for picture in pictures:
        try:
            yield header(picture)
        except UnreadableError:
            continue  # counted where it is decoded


def _first(pictures: Sequence[Blob]) -> Image.Image:
    for picture in pictures[:-1]:
        try:
            return upright(picture).image
        except UnreadableError:
            continue
    return upright(pictures[-1]).image


def _assumptions(plan: Plan, options: DataOptions) -> Iterator[str]:
    yield "pixels are divided by 255"
    if plan.shape[0] == 1:
        yield "every picture is greyscale: one channel"
    size = options.image_size
    if size is not None and plan.geometry is None:
        yield f"every picture is {size} x {size} already: not resized"
    elif size is not None and plan.geometry is not None:
        yield f"pictures are resized to {plan.geometry.resize} on the shorter side, then cropped to {size} x {size}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Decoded:
    """Positions of the pictures that were written, their digest if known, those that were not, how many needed what."""

    kept: Int64
    digest: str | None
    skipped: tuple[Skipped, ...]
    counts: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Chunk:
    """Pixels of the pictures that can be decoded, and the errors of the others by position."""

    pixels: Pixels
    errors: dict[int, UnreadableError]
    counts: Counter[str]


def _decode_all(
    folder: Path, listing: Listing, description: Description, plan: Plan, request: Request
) -> _Decoded:
    n = len(listing.blobs)
    require_space(folder, n * int(np.prod(plan.shape)), what=f"{n} decoded pictures")
    left_out = LeftOut(what="pictures", n=n, allowed=request.options.n_skippable(n))
    counts: Counter[str] = Counter()
    began = time.monotonic()
    decode = partial(_decode_chunk, listing.blobs, plan)
    with growing(folder, description, plan.shape, np.uint8, n=n, follow=request.follow) as examples:
        for start, chunk in zip(range(0, n, _CHUNK), in_parallel(decode, range(0, n, _CHUNK)), strict=True):
            examples.extend(chunk.pixels)
            left_out.add(chunk.errors)
            counts += chunk.counts
            if request.progress is not None:
                done = min(start + _CHUNK, n)
                request.progress(_event(done, n, done / max(time.monotonic() - began, 1e-9)))
    return _Decoded(
        kept=left_out.kept(),
        digest=examples.digest,
        skipped=left_out.records(listing.ids),
        counts=counts,
    )


def _event(done: int, total: int, rate: float) -> ProgressEvent:
    left = (total - done) / rate
    return ProgressEvent(stage="decode", done=done, total=total, examples_per_second=rate, seconds_left=left)


def _decode_chunk(pictures: Sequence[Blob], plan: Plan, start: int) -> _Chunk:
    pixels, errors = [], {}
    counts: Counter[str] = Counter()
    for i in range(start, min(start + _CHUNK, len(pictures))):
        try:
            found = upright(pictures[i])
        except UnreadableError as error:
            errors[i] = error
            continue
        pixels.append(pixels_of(found.image, plan, pictures[i].where))
        counts.update(what for what in _COUNTED if getattr(found, what))
    stacked = np.stack(pixels) if pixels else np.empty((0, *plan.shape), dtype=np.uint8)
    return _Chunk(pixels=stacked, errors=errors, counts=counts)


def _counted(what: str, n: int) -> str:
    one, several = _COUNTED[what]
    return plural(n, f"picture {one}", f"pictures {several}")


def pixels_of(picture: Image.Image, plan: Plan, where: str) -> Pixels:
    """Pixels (C, H, W) of an upright picture of eight bits.

    Raises:
        DataError: it has another size than the plan's, and is not resized.
    """
    _, height, width = plan.shape
    if picture.mode == "P":
        picture = picture.convert("RGBA")  # so that transparent palette entries keep their colour
    if picture.mode != plan.mode:
        picture = picture.convert(plan.mode)
    if plan.geometry is not None:
        picture = transformed(picture, plan.geometry)
    if picture.size != (width, height):
        raise DataError(
            f"expected pictures of {width} x {height} pixels as the first, found {picture.width} x {picture.height} "
            f"in {where}",
            hint="give --image-size to resize and crop them",
        )
    pixels: Pixels = np.asarray(picture, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def transformed(picture: Image.Image, geometry: Geometry) -> Image.Image:
    """The picture resized, then cropped from its centre, by torchvision's transforms v2; Pillow smooths as it shrinks.

    timm's evaluation transforms are the same functions on the same pictures.
    """
    from torchvision.transforms import InterpolationMode, v2

    if geometry.resize is not None:
        size = [geometry.resize] if isinstance(geometry.resize, int) else list(geometry.resize)
        picture = v2.functional.resize(picture, size, InterpolationMode(geometry.interpolation))
    if geometry.crop is not None:
        picture = v2.functional.center_crop(picture, list(geometry.crop))
    return picture
