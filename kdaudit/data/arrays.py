"""An `.npz` file: `x`, or one array per model input by its name, and `y`; optional ids, groups, class_names.

It is extracted once into the cache, member by member, without being read into memory and without pickle.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from kdaudit.data.cache import cached_examples, require_space, take_space
from kdaudit.data.columns import class_names_from, groups_from, ids_from, labels_from, slices_from
from kdaudit.data.examples import FORMAT_VERSION, Description, Examples, input_path, write_examples
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import DataError, SpecError
from kdaudit.protocols import Progress
from kdaudit.types import AnyArray

_COLUMNS = ("y", "ids", "groups", "class_names")
_CHUNK_BYTES = 1 << 22
# Labels, ids and the like are read into memory.
_MAX_COLUMN_BYTES = 1 << 30
# A few kilobytes can be made to unpack into all of the disk.
_MAX_PACKED, _PACKED_FREELY_BYTES = 100, 10 << 30
_HINT = "save it with numpy.savez(path, x=..., y=...)"


def load(
    location: str,
    *,
    cache: Path,
    options: DataOptions,
    progress: Progress | None,  # noqa: ARG001 - all sources are called alike; extraction is quick
) -> Examples:
    """The examples of the `.npz` file at `location`.

    uint8 inputs are divided by 255, then mean and std are applied if given. float64 is stored as float32;
    whole numbers other than uint8 are tokens and pass through.

    Raises:
        DataError: the file cannot be read, would need pickle, or its arrays cannot be examples.
        SpecError: an option does not fit the arrays.
    """
    if options.image_size is not None:
        raise SpecError(
            f"expected no --image-size with {location}, found {options.image_size}",
            hint="pictures in an .npz file are used in the size in which they were saved",
        )
    path = Path(location)
    sha256 = file_digest(path, error=DataError, what="an .npz file")
    key = record_digest("arrays", FORMAT_VERSION, sha256, location, options.mean, options.std, options.slices)
    return cached_examples(cache, key, lambda folder: _extract(path, folder, location, options))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What an array is, known before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran: bool

    @property
    def stored(self) -> np.dtype[np.generic]:
        """The dtype in which it is kept: uint8, float16, float32, int32 or int64."""
        if self.dtype.kind in "fb":
            return np.dtype(np.float16 if self.dtype.itemsize == 2 else np.float32)
        return (
            self.dtype.newbyteorder("=")
            if self.dtype.name in {"uint8", "int32", "int64"}
            else np.dtype(np.int64)
        )


def _extract(path: Path, folder: Path, location: str, options: DataOptions) -> None:
    with _opened(path) as archive:
        headers = _headers(archive, location, known := (*_COLUMNS, *options.slices))
        inputs = {name: header for name, header in headers.items() if name not in known}
        _require_size(archive, path, location)
        require_space(
            folder, sum(info.file_size for info in archive.infolist()), what=f"the arrays of {location}"
        )
        columns = {name: _column(archive, name) for name in known if name in headers}
        slices = tuple(name for name in options.slices if name in headers)
        names = class_names_from(columns["class_names"], where=location) if "class_names" in columns else ()
        labels = labels_from(columns["y"], names, where=location)
        mixed = len({header.stored == np.uint8 for header in _valued(inputs).values()}) == 2
        for position, (name, header) in enumerate(inputs.items()):
            target = input_path(folder, position)
            with archive.open(f"{name}.npy") as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, _CHUNK_BYTES)
            _convert(target, header, divide=mixed and header.stored == np.uint8)
            _require_finite(target, f"{name} of {location}")
    shapes = {name: header.shape for name, header in _valued(inputs).items()}
    pixels = [name for name, header in inputs.items() if header.stored == np.uint8]
    description = Description(
        name=path.stem,
        kind="arrays",
        location=location,
        inputs=tuple(inputs),
        columns=slices,
        class_names=names,
        preprocess=preprocess_for(shapes, options, uint8=bool(pixels) and not mixed),
        assumptions=tuple(_assumptions(inputs)),
    )
    write_examples(
        folder,
        description,
        labels=labels,
        ids=ids_from(columns["ids"], where=location) if "ids" in columns else None,
        groups=groups_from(columns["groups"], where=location) if "groups" in columns else None,
        slices=[slices_from(columns[name], name=name, where=location) for name in slices],
    )


def _valued(inputs: dict[str, _Header]) -> dict[str, _Header]:
    """The inputs that are not tokens."""
    return {
        name: header
        for name, header in inputs.items()
        if header.stored.kind == "f" or header.stored == np.uint8
    }


def _assumptions(inputs: dict[str, _Header]) -> Iterator[str]:
    for name, header in inputs.items():
        if header.stored == np.uint8:
            yield f"{name} is uint8: divided by 255"
        elif header.stored != header.dtype.newbyteorder("="):
            yield f"{name} is {header.dtype.name}: stored as {header.stored.name}"


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as failure:
        raise DataError(
            f"expected a whole .npz file at {path}, found: {failure}",
            hint=f"the file is damaged or of another format; {_HINT}",
        ) from failure


def _headers(archive: zipfile.ZipFile, location: str, columns: tuple[str, ...]) -> dict[str, _Header]:
    """The header of every array, after checking all that headers can tell; `columns` are no inputs."""
    names = dict.fromkeys(name[:-4] for name in archive.namelist() if name.endswith(".npy"))
    if "y" not in names:
        raise DataError(
            f"expected labels y in {location}, found {', '.join(names) or 'no array'}", hint=_HINT
        )
    if names.keys() <= set(columns):
        raise DataError(
            f"expected x, or one array per model input, in {location}, found {', '.join(names)}", hint=_HINT
        )
    headers = {name: _header(archive, name, location, is_input=name not in columns) for name in names}
    n = headers["y"].shape[0]
    for name, header in headers.items():
        if name != "class_names" and header.shape[0] != n:
            raise DataError(
                f"expected {n} examples in {name} of {location}, as in y, found {header.shape[0]}",
                hint="every array but class_names holds one row per example, in the same order",
            )
    return headers


def _require_size(archive: zipfile.ZipFile, path: Path, location: str) -> None:
    n_bytes, size = sum(info.file_size for info in archive.infolist()), path.stat().st_size
    if n_bytes > max(_PACKED_FREELY_BYTES, _MAX_PACKED * size):
        raise DataError(
            f"expected arrays of at most {_MAX_PACKED} times the size of {location}, found {n_bytes / 1e9:.0f} GB "
            f"packed into {size / 1e9:.3f} GB",
            hint="save it uncompressed, with numpy.savez",
        )


def _header(archive: zipfile.ZipFile, name: str, location: str, *, is_input: bool) -> _Header:
    with archive.open(f"{name}.npy") as stream:
        header = _parsed(stream, f"{name} of {location}")
        n_bytes = archive.getinfo(f"{name}.npy").file_size - stream.tell()
    if header.dtype.hasobject:
        raise DataError(
            f"expected numbers or text in {name} of {location}, found Python objects",
            hint="reading objects needs pickle, which can run code, and is refused; save a plain array",
        )
    if header.shape == ():
        raise DataError(
            f"expected one row per example in {name} of {location}, found a single value (0-d array)"
        )
    if any(size < 0 for size in header.shape) or prod(header.shape) * header.dtype.itemsize != n_bytes:
        raise DataError(
            f"expected the numbers of shape {header.shape} and type {header.dtype} in {name} of {location}, found "
            f"{n_bytes} bytes",
            hint=f"the file is damaged; {_HINT}",
        )
    if not is_input and n_bytes > _MAX_COLUMN_BYTES:
        raise DataError(
            f"expected at most {_MAX_COLUMN_BYTES / 1e9:.1f} GB in {name} of {location}, found {n_bytes / 1e9:.1f} GB",
            hint="it holds one short value per example",
        )
    if 0 in header.shape:
        raise DataError(f"expected at least one example in {name} of {location}, found shape {header.shape}")
    if is_input and header.dtype.kind not in "fiub":
        raise DataError(f"expected numbers in {name} of {location}, found {header.dtype}")
    return header


def _parsed(stream: IO[bytes], what: str) -> _Header:
    readers: dict[
        tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[np.generic]]]
    ] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, SyntaxError, TokenError) as failure:
        raise DataError(f"expected a numpy array in {what}, found: {failure}", hint=_HINT) from failure
    return _Header(shape=shape, dtype=dtype, fortran=fortran)


def _column(archive: zipfile.ZipFile, name: str) -> AnyArray:
    with archive.open(f"{name}.npy") as stream:
        column: AnyArray = np.lib.format.read_array(stream, allow_pickle=False)
    return column


def _convert(path: Path, header: _Header, *, divide: bool) -> None:
    """Rewrites an extracted array in the dtype and order in which it is kept, if it is in another."""
    dtype = np.dtype(np.float32) if divide else header.stored
    if dtype == header.dtype and not header.fortran:
        return
    copy = path.with_suffix(".converted")
    source = np.load(path, mmap_mode="r", allow_pickle=False)
    target = np.lib.format.open_memmap(copy, mode="w+", dtype=dtype, shape=header.shape)
    take_space(copy)
    for rows in _chunks(source):
        with np.errstate(over="ignore"):
            target[rows] = source[rows]
        if divide:
            target[rows] /= 255.0
    target.flush()
    del source, target
    copy.replace(path)


def _require_finite(path: Path, what: str) -> None:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind != "f":
        return
    for rows in _chunks(array):
        bad = ~np.isfinite(array[rows]).reshape(rows.stop - rows.start, -1).all(axis=1)
        if bad.any():
            raise DataError(
                f"expected finite numbers in {what}, found NaN or infinity in example {rows.start + int(bad.argmax())}",
                hint="a model that is given NaN answers at random",
            )


def _chunks(array: AnyArray) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))
