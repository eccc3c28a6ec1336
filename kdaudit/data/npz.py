"""Arrays of an `.npz` file that nobody vouches for: what a header claims is compared with the bytes that are there."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import IO, Protocol

import numpy as np

from kdaudit.errors import DataError
from kdaudit.types import AnyArray

HINT = "save it with numpy.savez(path, x=..., y=...)"
# Labels, ids and the like are read into memory.
_MAX_COLUMN_BYTES = 1 << 30
# A few kilobytes can be made to unpack into all of the disk.
_MAX_PACKED, _PACKED_FREELY_BYTES = 100, 10 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
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


class Member(Protocol):
    """An array as it is stored."""

    file_size: int


class Archive(Protocol):
    """Arrays by name: an `.npz`, or `.npy` files beside each other."""

    def namelist(self) -> Sequence[str]:
        """Their names, each with `.npy`."""

    def infolist(self) -> Sequence[Member]:
        """Their sizes."""

    def getinfo(self, name: str, /) -> Member:
        """The size of one."""

    def open(self, name: str, /) -> IO[bytes]:
        """The bytes of one."""


@contextmanager
def opened_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what damages it shows as an error that names the file.

    Raises:
        DataError: it is no whole `.npz` file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as failure:
        raise DataError(
            f"expected a whole .npz file at {path}, found: {failure}",
            hint=f"the file is damaged or of another format; {HINT}",
        ) from failure


def require_size(archive: zipfile.ZipFile, path: Path, location: str) -> None:
    """Return if the arrays are not far larger than the file.

    Raises:
        DataError: they are.
    """
    n_bytes, size = sum(info.file_size for info in archive.infolist()), path.stat().st_size
    if n_bytes > max(_PACKED_FREELY_BYTES, _MAX_PACKED * size):
        raise DataError(
            f"expected arrays of at most {_MAX_PACKED} times the size of {location}, found {n_bytes / 1e9:.0f} GB "
            f"packed into {size / 1e9:.3f} GB",
            hint="save it uncompressed, with numpy.savez",
        )


def header_of(archive: Archive, name: str, location: str, *, is_input: bool) -> Header:
    """The checked header of an array; one that is no input is a column that is read into memory.

    Raises:
        DataError: the bytes are not what it says, it holds objects, or nothing.
    """
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
            hint=f"the file is damaged; {HINT}",
        )
    if not is_input and n_bytes > _MAX_COLUMN_BYTES:
        raise DataError(
            f"expected at most {_MAX_COLUMN_BYTES / 1e9:.1f} GB in {name} of {location}, found {n_bytes / 1e9:.1f} GB",
            hint="it holds one short value per example",
        )
    if 0 in header.shape:
        raise DataError(f"expected at least one example in {name} of {location}, found shape {header.shape}")
    if is_input and header.dtype.kind not in "fiub":
        raise DataError(
            f"expected numbers in {name} of {location}, found {header.dtype}",
            hint=f"if it is a column to judge parts of the data by: --slice {name}; else leave it out of the file",
        )
    return header


def _parsed(stream: IO[bytes], what: str) -> Header:
    readers: dict[
        tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[np.generic]]]
    ] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, SyntaxError, TokenError) as failure:
        raise DataError(f"expected a numpy array in {what}, found: {failure}", hint=HINT) from failure
    return Header(shape=shape, dtype=dtype, fortran=fortran)


def read_array(archive: Archive, name: str) -> AnyArray:
    """A whole array whose header was checked."""
    with archive.open(f"{name}.npy") as stream:
        column: AnyArray = np.lib.format.read_array(stream, allow_pickle=False)
    return column
