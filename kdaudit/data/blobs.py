"""The bytes of one picture or sound, wherever they lie."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol


class Blob(Protocol):
    """Where the bytes of one picture or sound come from."""

    @property
    def where(self) -> str:
        """For messages."""

    @property
    def stamp(self) -> tuple[str | int, ...]:
        """What changes when the bytes do, as far as that is known without reading them."""

    def open(self) -> IO[bytes]:
        """Its bytes; OSError where they are not there."""


@dataclass(frozen=True, slots=True)
class FileBlob:
    """A file of its own."""

    path: str

    @property
    def where(self) -> str:
        """Its path."""
        return printable(self.path)

    @property
    def stamp(self) -> tuple[str | int, ...]:
        """Path, size and time."""
        return (self.path, *file_stamp(self.path))

    def open(self) -> IO[bytes]:
        """The file.

        A pipe or a device is none: opening it could wait for ever, reading it never end.
        """
        path = Path(self.path)
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OSError("a pipe, socket or device")
        return path.open("rb")


@dataclass(frozen=True, slots=True)
class SectionBlob:
    """`size` bytes from `offset` of a larger file, such as an uncompressed tar."""

    path: str
    member: str
    offset: int
    size: int

    @property
    def where(self) -> str:
        """The member and its archive."""
        return f"{self.member} of {printable(self.path)}"

    @property
    def stamp(self) -> tuple[str | int, ...]:
        """Archive, size, time and place."""
        return (self.path, *file_stamp(self.path), self.offset, self.size)

    def open(self) -> IO[bytes]:
        """Its bytes, in memory."""
        with Path(self.path).open("rb") as stream:
            stream.seek(self.offset)
            return io.BytesIO(stream.read(self.size))


@dataclass(frozen=True, slots=True)
class BytesBlob:
    """Bytes that `fetch` gives; `stamp` is that of the file or data set that they stand in."""

    where: str
    stamp: tuple[str | int, ...]
    fetch: Callable[[], bytes]

    def open(self) -> IO[bytes]:
        """What is fetched, in memory."""
        return io.BytesIO(self.fetch())


def printable(name: str) -> str:
    """A file name as text that can be written anywhere; bytes that are not UTF-8 are spelled out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def file_stamp(path: str) -> tuple[int, int]:
    """Size and time of a file; (-1, -1) where there is none."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)
