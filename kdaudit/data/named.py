"""Data sets known by name and read from where their own tools put them."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from kdaudit.data.cache import cached_examples, require_space
from kdaudit.data.columns import labels_from
from kdaudit.data.decode import read_pictures
from kdaudit.data.examples import FORMAT_VERSION, Description, Examples, input_path, write_examples
from kdaudit.data.image_folder import folder_listing
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.data.preprocessing import PRESETS
from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.protocols import Progress

IMAGENET_CLASSES = 1000
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedData:
    """One split of a known data set: where it lies under the data root, in order of preference."""

    kind: Literal["imagenet", "idx"]
    split: str
    folders: tuple[str, ...]


def _imagenet(split: str) -> NamedData:
    folders = (f"imagenet/{split}", f"ILSVRC2012_img_{split}", f"ILSVRC/Data/CLS-LOC/{split}", split)
    return NamedData(kind="imagenet", split=split, folders=folders)


def _fashion(split: str) -> NamedData:
    folders = ("fashion-mnist", "FashionMNIST/raw", "")
    return NamedData(kind="idx", split=split, folders=folders)


NAMED = {
    "imagenet-val": _imagenet("val"),
    "imagenet-train": _imagenet("train"),
    "fashion-mnist:test": _fashion("t10k"),
    "fashion-mnist:train": _fashion("train"),
}


def load(location: str, *, cache: Path, options: DataOptions, progress: Progress | None) -> Examples:
    """The examples of the data set that `NAMED` knows as `location`.

    Raises:
        DataError: it is not under the data root, is incomplete or damaged; the message says what to put where.
    """
    record = NAMED[location]
    if record.kind == "idx":
        return _load_idx(location, record, cache=cache, options=options)
    root = _folder(location, record, options.data_root)
    found = sum(path.is_dir() and not path.name.startswith(".") for path in root.iterdir())
    if found != IMAGENET_CLASSES:
        raise DataError(
            f"expected {IMAGENET_CLASSES} class folders (n01440764 ...) in {root}, found {found}",
            hint="sort the pictures into one folder per class; labels follow the folders' order",
        )
    complete = options.with_usual(PRESETS["imagenet"])
    description = Description(name=location, kind="named", location=location)
    return read_pictures(folder_listing(root), description, cache=cache, options=complete, progress=progress)


def _folder(location: str, record: NamedData, data_root: Path | None) -> Path:
    candidates = [] if data_root is None else [data_root / folder for folder in record.folders]
    for folder in candidates:
        if folder.is_dir():
            return folder
    searched = "no data root is set" if data_root is None else f"none of {_listed(candidates)} is there"
    raise DataError(
        f"expected {location} under the data root, found nothing: {searched}",
        hint=f"put the {record.split} pictures into DATA_ROOT/{record.folders[0]}/<class>/*.JPEG "
        "and set --data-root DATA_ROOT or KDAUDIT_DATA_ROOT",
    )


def _load_idx(location: str, record: NamedData, *, cache: Path, options: DataOptions) -> Examples:
    pictures = _idx_file(location, f"{record.split}-images-idx3-ubyte", record, options.data_root)
    labels = _idx_file(location, f"{record.split}-labels-idx1-ubyte", record, options.data_root)
    digests = [file_digest(path, error=DataError, what=location) for path in (pictures, labels)]
    key = record_digest("idx", FORMAT_VERSION, digests, location, options.mean, options.std)

    def build(folder: Path) -> None:
        x = _read_idx(pictures, n_axes=3)[:, None]
        y = _read_idx(labels, n_axes=1)
        if len(x) != len(y):
            raise DataError(f"expected {len(y)} pictures in {pictures}, as in {labels.name}, found {len(x)}")
        require_space(folder, x.nbytes, what=location)
        np.save(input_path(folder, 0), x, allow_pickle=False)
        description = Description(
            name=location,
            kind="named",
            location=location,
            class_names=FASHION_CLASSES,
            preprocess=preprocess_for({"x": x.shape}, options, uint8=True),
            assumptions=("x is uint8: divided by 255",),
        )
        write_examples(folder, description, labels=labels_from(y, FASHION_CLASSES, where=str(labels)))

    return cached_examples(cache, key, build)


def _idx_file(location: str, name: str, record: NamedData, data_root: Path | None) -> Path:
    under_root = [] if data_root is None else [data_root / folder for folder in record.folders]
    for folder in (*under_root, _DEBIAN_FASHION):
        for path in (folder / f"{name}.gz", folder / name):
            if path.is_file():
                return path
    raise DataError(
        f"expected {name}.gz for {location}, found it in none of {_listed([*under_root, _DEBIAN_FASHION])}",
        hint=f"install Debian's dataset-fashion-mnist, or put the file into DATA_ROOT/{record.folders[0]} "
        "and set --data-root DATA_ROOT or KDAUDIT_DATA_ROOT",
    )


def _read_idx(path: Path, *, n_axes: int) -> npt.NDArray[np.uint8]:
    """An idx file of unsigned bytes: 0, 0, 8, number of axes, their lengths (big-endian int32), the bytes."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as failure:
        raise DataError(
            f"expected a whole idx file at {path}, found: {failure}", hint="fetch it again"
        ) from failure
    start = 4 + 4 * n_axes
    if len(data) < start or data[:4] != bytes([0, 0, 8, n_axes]):
        raise DataError(
            f"expected an idx file of unsigned bytes with {n_axes} axes at {path}, found another header",
            hint="fetch it again",
        )
    shape = struct.unpack(f">{n_axes}i", data[4:start])
    if len(data) - start != int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"expected {shape} bytes at {path}, found {len(data) - start}", hint="fetch it again")
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in paths)
