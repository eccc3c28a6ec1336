"""Pictures in class folders, `root/<class>/*.jpg|jpeg|png|webp|bmp`, decoded once into one uint8 memory map."""

from __future__ import annotations

import dataclasses
import os
import struct
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from kdaudit.cores import usable_cores
from kdaudit.data.cache import cached_examples, require_space, take_space
from kdaudit.data.examples import FORMAT_VERSION, Description, Examples, input_path, write_examples
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.data.subset import limited
from kdaudit.digest import record_digest
from kdaudit.errors import DataError
from kdaudit.protocols import Progress
from kdaudit.types import Int64, ProgressEvent

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_EXIF_ORIENTATION = 0x0112
_CHUNK = 32

Pixels = npt.NDArray[np.uint8]

# By content: Pillow knows formats, such as EPS, for which it would start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, *_TOO_LARGE)
# Pillow warns of 90 megapixels and refuses twice as many: a few kilobytes can claim them. Here it refuses both.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def load(location: str, *, cache: Path, options: DataOptions, progress: Progress | None) -> Examples:
    """The examples of the image folder at `location`."""
    root = Path(location)
    name = printable(root.resolve().name)
    description = Description(name=name, kind="image-folder", location=location)
    return read_folder(root, description, cache=cache, options=options, progress=progress)


def read_folder(
    root: Path, description: Description, *, cache: Path, options: DataOptions, progress: Progress | None
) -> Examples:
    """The pictures under `root`, classes and files in torchvision's ImageFolder order.

    With `image_size` s, the shorter side is resized to `resize`, or round(s / 0.875), and s x s is cropped from the
    centre (torchvision's transforms v2 on PIL pictures); pictures that all are s x s already stay as they are.
    Without it all pictures must be equally large. Three channels, or one if every picture is greyscale. Alpha is
    dropped and EXIF orientation applied. Then division by 255, mean and std. With `limit`, only those are decoded.

    Raises:
        DataError: no class folders, fewer than two classes, a class without pictures, a picture that cannot be
            decoded or has another size, too little disk space.
        SpecError: mean and std do not fit the channels.
    """
    listing = _listing(root)
    index = limited(listing.labels, options.limit)
    files = [listing.files[i] for i in index]
    key = record_digest(
        "image-folder",
        FORMAT_VERSION,
        (description.name, description.location, os.fsencode(root.resolve()).hex()),
        record_digest([(listing.ids[i], *_stamp(listing.files[i])) for i in index]),
        (options.image_size, options.resize, options.mean, options.std),
    )

    def build(folder: Path) -> None:
        plan = _plan(files, options)
        turned = _decode_all(files, plan, input_path(folder, 0), progress=progress)
        complete = dataclasses.replace(
            description,
            class_names=listing.class_names,
            preprocess=preprocess_for({"x": (len(files), *plan.shape)}, options, uint8=True),
            assumptions=tuple(_assumptions(plan, options, turned)),
        )
        ids = np.asarray([listing.ids[i] for i in index], dtype=np.str_)
        write_examples(folder, complete, labels=listing.labels[index], ids=ids)

    return cached_examples(cache, key, build)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Listing:
    """What the folders hold: class names, and file, label and id of every picture."""

    class_names: tuple[str, ...]
    files: tuple[Path, ...]
    labels: Int64
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How every picture is decoded: shape (C, H, W); `resize` None leaves its size alone."""

    shape: tuple[int, int, int]
    resize: int | None

    @property
    def mode(self) -> str:
        """PIL's mode for that many channels."""
        return "L" if self.shape[0] == 1 else "RGB"


def printable(name: str) -> str:
    """A file name as text that can be written anywhere; bytes that are not UTF-8 are spelled out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _listing(root: Path) -> _Listing:
    where = printable(str(root))
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise DataError(
            f"expected one folder per class in {where}, found none",
            hint="put the pictures of class A into A/, those of class B into B/ ...",
        )
    if len(classes) == 1:
        raise DataError(
            f"expected at least two class folders in {where}, found only {printable(classes[0].name)}"
        )
    by_class = [list(_pictures(folder)) for folder in classes]
    for folder, pictures in zip(classes, by_class, strict=True):
        if not pictures:
            raise DataError(
                f"expected pictures in {where}/{printable(folder.name)}, found none",
                hint=f"known suffixes: {' '.join(sorted(SUFFIXES))}; remove the folder if the class is not used",
            )
    files = tuple(path for pictures in by_class for path in pictures)
    return _Listing(
        class_names=tuple(printable(folder.name) for folder in classes),
        files=files,
        labels=np.repeat(np.arange(len(classes), dtype=np.int64), [len(pictures) for pictures in by_class]),
        ids=tuple(printable(path.relative_to(root).as_posix()) for path in files),
    )


def _pictures(folder: Path) -> Iterator[Path]:
    for parent, _, names in sorted(os.walk(folder, followlinks=True)):
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(parent) / name


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return (status.st_size, status.st_mtime_ns)


def _plan(files: Sequence[Path], options: DataOptions) -> _Plan:
    channels = 1 if all(_opened(path).mode == "L" for path in files) else 3
    size = options.image_size
    if size is None:
        width, height = _upright(files[0])[0].size
        return _Plan(shape=(channels, height, width), resize=None)
    if options.resize is None and all(_opened(path).size == (size, size) for path in files):
        return _Plan(shape=(channels, size, size), resize=None)
    return _Plan(shape=(channels, size, size), resize=options.resize or round(size / 0.875))


def _assumptions(plan: _Plan, options: DataOptions, turned: int) -> Iterator[str]:
    yield "pixels are divided by 255"
    if plan.shape[0] == 1:
        yield "every picture is greyscale: one channel"
    size = options.image_size
    if size is not None and plan.resize is None:
        yield f"every picture is {size} x {size} already: not resized"
    elif options.resize is None and plan.resize is not None:
        yield f"pictures are resized to {plan.resize} on the shorter side, then cropped to {size} x {size}"
    if turned:
        yield f"{turned} pictures are turned as their EXIF orientation says"


def _decode_all(files: Sequence[Path], plan: _Plan, target: Path, *, progress: Progress | None) -> int:
    """Decodes every picture into `target` (n, C, H, W); the number of pictures that EXIF turned."""
    require_space(target.parent, len(files) * int(np.prod(plan.shape)), what=f"{len(files)} decoded pictures")
    out = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=(len(files), *plan.shape))
    take_space(target)
    starts = range(0, len(files), _CHUNK)
    # Threads: Pillow decodes and resizes outside the interpreter's lock, and no worker has to import torchvision.
    pool = ThreadPoolExecutor(usable_cores())
    began = time.monotonic()
    turned = 0
    try:
        for start, n_turned in zip(
            starts, pool.map(partial(_decode_chunk, files, plan, out), starts), strict=True
        ):
            turned += n_turned
            if progress is not None:
                done = min(start + _CHUNK, len(files))
                rate = done / max(time.monotonic() - began, 1e-9)
                progress(_event(done, len(files), rate))
    finally:
        pool.shutdown(cancel_futures=True)
    out.flush()
    return turned


def _event(done: int, total: int, rate: float) -> ProgressEvent:
    left = (total - done) / rate
    return ProgressEvent(stage="decode", done=done, total=total, examples_per_second=rate, seconds_left=left)


def _decode_chunk(files: Sequence[Path], plan: _Plan, out: Pixels, start: int) -> int:
    turned = 0
    for i in range(start, min(start + _CHUNK, len(files))):
        picture, was_turned = _upright(files[i])
        out[i] = _pixels(picture, plan, files[i])
        turned += was_turned
    return turned


def _pixels(picture: Image.Image, plan: _Plan, path: Path) -> Pixels:
    from torchvision.transforms import v2

    _, height, width = plan.shape
    if picture.mode == "P":
        picture = picture.convert("RGBA")  # so that transparent palette entries keep their colour
    picture = picture.convert(plan.mode)
    if plan.resize is not None:
        picture = v2.functional.center_crop(v2.functional.resize(picture, [plan.resize]), [height, width])
    if picture.size != (width, height):
        raise DataError(
            f"expected pictures of {width} x {height} pixels as the first, found {picture.width} x {picture.height} "
            f"in {printable(str(path))}",
            hint="give --image-size to resize and crop them",
        )
    pixels: Pixels = np.asarray(picture, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _opened(path: Path) -> Image.Image:
    """The picture's header; pixels are read on demand."""
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            return picture
    except _UNREADABLE as failure:
        raise _broken(path, failure) from failure


def _upright(path: Path) -> tuple[Image.Image, bool]:
    """The decoded picture, turned as its EXIF orientation says, and whether it was."""
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            picture.load()
            turned = picture.getexif().get(_EXIF_ORIENTATION, 1) in range(2, 9)
            upright = ImageOps.exif_transpose(picture)
    except _UNREADABLE as failure:
        raise _broken(path, failure) from failure
    if upright.mode not in _EIGHT_BIT_MODES:
        raise DataError(
            f"expected 8 bits per channel in {printable(str(path))}, found mode {upright.mode}",
            hint="convert the pictures to 8 bits",
        )
    return upright, turned


def _broken(path: Path, failure: Exception) -> DataError:
    return DataError(
        f"expected a whole picture in {printable(str(path))}, found: {str(failure) or type(failure).__name__}",
        hint="make the picture smaller: its header claims more pixels than are decoded"
        if isinstance(failure, _TOO_LARGE)
        else "replace or remove the file",
    )
