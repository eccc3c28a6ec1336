"""How the named data sets lie on disk: where a split is found, and how it becomes examples."""

from __future__ import annotations

import dataclasses
import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kdaudit.data.blobs import FileBlob
from kdaudit.data.cache import cached_examples, require_space
from kdaudit.data.columns import labels_from
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.decode import read_pictures
from kdaudit.data.description import FORMAT_VERSION, Description
from kdaudit.data.examples import Examples, input_path, write_examples
from kdaudit.data.image_folder import folder_listing
from kdaudit.data.imagenet import find_imagenet, imagenet_listing
from kdaudit.data.listing import Listing
from kdaudit.data.options import preprocess_for
from kdaudit.data.request import Request
from kdaudit.data.table_files import text_lines
from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.types import AnyArray

DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One split that is read: which, for whom, and where it was found."""

    record: DataSet
    split: Split
    path: Path
    description: Description
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`find`: where a split lies under the roots, or None. `load`: its examples."""

    find: Callable[[DataSet, Split, Sequence[Path]], Path | None]
    load: Callable[[Wanted], Examples]


def first_folder(record: DataSet, roots: Sequence[Path], fits: Callable[[Path], object]) -> Path | None:
    """The first of the record's folders under the roots that fits."""
    candidates = (root / folder for root in roots for folder in record.folders)
    return next((path for path in candidates if path.is_dir() and fits(path)), None)


def _find_imagenet(record: DataSet, split: Split, roots: Sequence[Path]) -> Path | None:
    place = find_imagenet(record, split, roots)
    return None if place is None else place.path


def _load_imagenet(wanted: Wanted) -> Examples:
    options = wanted.request.options
    roots = [] if options.data_root is None else [options.data_root]
    place = find_imagenet(wanted.record, wanted.split, roots)
    if place is None:
        raise DataError(f"expected {wanted.record.name} at {wanted.path}, found nothing there any more")
    return _pictures(wanted, imagenet_listing(place, wanted.split, options))


def _pictures(wanted: Wanted, listing: Listing) -> Examples:
    return read_pictures(listing, wanted.description, wanted.request.with_usual(wanted.record.usual))


def _of_arrays(
    wanted: Wanted, key: object, read: Callable[[], tuple[AnyArray, AnyArray]], class_names: tuple[str, ...]
) -> Examples:
    """The examples of pixels or numbers (n, ...) uint8 and labels that `read` gives."""
    record = wanted.record
    options = wanted.request.with_usual(record.usual).options
    name = wanted.description.name
    names = (class_names, record.features)
    digest = record_digest("named", FORMAT_VERSION, name, key, names, options.mean, options.std)

    def build(folder: Path) -> None:
        x, y = read()
        require_space(folder, x.nbytes, what=name)
        np.save(input_path(folder, 0), np.ascontiguousarray(x), allow_pickle=False)
        preprocess = preprocess_for({"x": x.shape}, options, uint8=record.usual.scale is None)
        said = ["x is uint8: divided by 255"]
        if record.usual.scale is not None:
            preprocess = dataclasses.replace(preprocess, scale=record.usual.scale)
            said = [f"x is divided by {1 / record.usual.scale:.0f}"]
        description = dataclasses.replace(
            wanted.description,
            class_names=class_names,
            preprocess=preprocess,
            assumptions=(*wanted.description.assumptions, *said),
            feature_names=record.features,
        )
        write_examples(folder, description, labels=labels_from(y, class_names, where=name))

    return cached_examples(wanted.request.cache, digest, build)


def _names(record: DataSet) -> tuple[str, ...]:
    return record.classes if isinstance(record.classes, tuple) else ()


def _idx_files(split: Split, folder: Path) -> list[Path]:
    stem = {"test": "t10k", "train": "train"}[split]
    names = (f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte")
    found = [next((p for p in (folder / f"{n}.gz", folder / n) if p.is_file()), None) for n in names]
    return [path for path in found if path is not None]


def _find_idx(record: DataSet, split: Split, roots: Sequence[Path]) -> Path | None:
    def fits(path: Path) -> bool:
        return len(_idx_files(split, path)) == 2

    found = first_folder(record, roots, fits)
    if found is None and record.name == "fashion-mnist" and fits(DEBIAN_FASHION):
        return DEBIAN_FASHION
    return found


def _load_idx(wanted: Wanted) -> Examples:
    pictures, labels = _idx_files(wanted.split, wanted.path)
    digests = [file_digest(path, error=DataError, what=wanted.record.name) for path in (pictures, labels)]

    def read() -> tuple[AnyArray, AnyArray]:
        x, y = _read_idx(pictures, n_axes=3)[:, None], _read_idx(labels, n_axes=1)
        if len(x) != len(y):
            raise DataError(f"expected {len(y)} pictures in {pictures}, as in {labels.name}, found {len(x)}")
        return x, y

    return _of_arrays(wanted, digests, read, _names(wanted.record))


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


def _find_cifar(record: DataSet, split: Split, roots: Sequence[Path]) -> Path | None:
    name = ("test_batch", "test") if split == "test" else ("data_batch_1", "train")
    return first_folder(record, roots, lambda path: any((path / n).is_file() for n in name))


def _load_torchvision(wanted: Wanted) -> Examples:
    """Files that only torchvision's own class reads, after it compared their MD5 with the published ones."""
    from torchvision import datasets

    kind = getattr(datasets, str(wanted.record.torchvision))
    cifar = wanted.record.layout == "cifar"
    root = wanted.path.parent if cifar else wanted.path
    stated = {"train": wanted.split == "train"} if cifar else {"split": wanted.split}
    try:
        found = kind(str(root), **stated)
    except (RuntimeError, OSError, KeyError) as failure:
        raise DataError(
            f"expected the published files of {wanted.record.name} in {wanted.path}, found others: "
            f"{str(failure).partition('. You can use download')[0]}",
            hint="their MD5 differs, or one is missing: fetch them again; nothing of them was loaded",
        ) from failure
    if cifar:
        x, y = np.moveaxis(found.data, -1, 1), np.array(found.targets)
        names = tuple(str(name) for name in found.classes)
    else:
        x, y, names = found.data, found.labels, _names(wanted.record)
    return _of_arrays(wanted, "published", lambda: (x, y), names)


def _find_svhn(record: DataSet, split: Split, roots: Sequence[Path]) -> Path | None:
    return first_folder(record, roots, lambda path: (path / f"{split}_32x32.mat").is_file())


def _split_folder(split: Split) -> str:
    return "val" if split == "test" else "train"


def _find_split_folder(record: DataSet, split: Split, roots: Sequence[Path]) -> Path | None:
    return first_folder(record, roots, lambda path: (path / _split_folder(split)).is_dir())


def _load_imagenette(wanted: Wanted) -> Examples:
    listing = folder_listing(wanted.path / _split_folder(wanted.split))
    require_classes(wanted, len(listing.class_names))
    return _pictures(wanted, dataclasses.replace(listing, class_names=_names(wanted.record)))


def require_classes(wanted: Wanted, found: int) -> None:
    """Return if all classes of the data set are there.

    Raises:
        DataError: they are not.
    """
    expected = wanted.record.n_classes
    if found != expected:
        raise DataError(
            f"expected {expected} classes of {wanted.record.name} in {wanted.path}, found {found}",
            hint="labels follow the order of all classes: a part of them would be mislabelled",
        )


def _load_tiny_imagenet(wanted: Wanted) -> Examples:
    """Classes by their WordNet ids in order, as torchvision's ImageFolder numbers the training folders."""
    split = wanted.path / _split_folder(wanted.split)
    words = wanted.path / "words.txt"
    annotations = split / "val_annotations.txt"
    if annotations.is_file() and (split / "images").is_dir():
        rows = [line.split("\t")[:2] for line in text_lines(annotations) if line.strip()]
        wnids = sorted({row[1] for row in rows if len(row) > 1})
        numbers = {wnid: i for i, wnid in enumerate(wnids)}
        listing = Listing(
            blobs=[FileBlob(str((split / "images" / row[0]).absolute())) for row in rows],
            labels=np.array([numbers[row[1]] for row in rows], dtype=np.int64),
            ids=[row[0] for row in rows],
            class_names=tuple(wnids),
        )
    else:
        listing = folder_listing(split)
    require_classes(wanted, len(listing.class_names))
    if words.is_file():
        named = dict(line.rstrip("\n").split("\t", 1) for line in text_lines(words) if "\t" in line)
        names = tuple(named.get(wnid, wnid).split(",")[0] for wnid in listing.class_names)
        if len(set(names)) == len(names):
            listing = dataclasses.replace(listing, class_names=names)
    return _pictures(wanted, listing)


def _find_bundled(record: DataSet, *_: object) -> Path | None:
    with as_file(files("kdaudit.data.bundled").joinpath(f"{record.name}.npz")) as path:
        return path


def _load_bundled(wanted: Wanted) -> Examples:
    n_train = wanted.record.n["train"]
    rows = slice(None, n_train) if wanted.split == "train" else slice(n_train, None)
    with np.load(wanted.path) as arrays:
        x, y = arrays["x"][rows], arrays["y"][rows]
    return _of_arrays(wanted, "bundled", lambda: (x, y), _names(wanted.record))


LAYOUTS = {
    "imagenet": Layout(find=_find_imagenet, load=_load_imagenet),
    "imagenette": Layout(find=_find_split_folder, load=_load_imagenette),
    "tiny-imagenet": Layout(find=_find_split_folder, load=_load_tiny_imagenet),
    "idx": Layout(find=_find_idx, load=_load_idx),
    "cifar": Layout(find=_find_cifar, load=_load_torchvision),
    "svhn": Layout(find=_find_svhn, load=_load_torchvision),
    "bundled": Layout(find=_find_bundled, load=_load_bundled),
}
