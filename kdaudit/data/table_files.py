"""Tables as files, `.csv`, `.jsonl` and parquet, read a few rows at a time by the names of their columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from kdaudit.data.tables import is_parquet
from kdaudit.errors import DataError
from kdaudit.types import AnyArray

CHUNK_ROWS = 2048
_DELIMITERS = (",", "\t", ";")
_LONGEST_LINE = 1 << 26
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HINT = "save it as UTF-8 text with a header row (.csv), one JSON object a line (.jsonl), or parquet"


class Table(Protocol):
    """Rows of named values."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""

    def holds_lists(self, name: str) -> bool:
        """Whether the values of a column are lists of numbers."""

    def chunks(self, columns: Sequence[str]) -> Iterator[dict[str, AnyArray]]:
        """These columns of all rows, at most `CHUNK_ROWS` at a time: text, numbers, or arrays of one shape."""


def open_table(path: Path) -> Table:
    """The table in a file, by its content.

    Raises:
        DataError: it is no table.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as failure:
        raise DataError(f"expected a table at {path}, found: {failure.strerror}") from failure
    if is_parquet(head):
        from kdaudit.data.parquet import ParquetTable

        return ParquetTable(path)
    if head.startswith(_UTF16) or b"\0" in head:
        found = "UTF-16" if head.startswith(_UTF16) else "bytes that are no text"
        raise DataError(f"expected UTF-8 text in {path}, found {found}", hint=_HINT)
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begins.startswith(b"[{"):
        raise DataError(f"expected one JSON object a line in {path}, found a JSON array", hint=_HINT)
    return JsonlTable(path) if begins.startswith(b"{") else CsvTable(path)


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, without a byte order mark.

    Raises:
        DataError: another encoding, or a line that is longer than any table's.
    """
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise DataError(
                    f"expected lines of at most 64 MB in {path}, found a longer one: line {number}"
                )
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as failure:
                raise DataError(
                    f"expected UTF-8 text in {path}, found byte 0x{line[failure.start]:02x} in line {number}",
                    hint="it looks like Latin-1 or Windows-1252: save it as UTF-8",
                ) from failure


def _are_numbers(names: Sequence[str]) -> bool:
    try:
        return bool([float(name) for name in names])
    except ValueError:
        return False


class CsvTable:
    """A header row and one row an example, split by commas, tabs or semicolons; every value is text."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The header row."""
        names = tuple(next(self._rows(), []))
        if len(set(names)) < len(names) or not any(names):
            found = ", ".join(names)[:200]
            raise DataError(
                f"expected a header row of different names in {self._path}, found {found!r}",
                hint="put the names of the columns into a first line" if _are_numbers(names) else _HINT,
            )
        if len(names) == 1 and "|" in names[0]:
            raise DataError(
                f"expected columns split by commas, semicolons or tabs in {self._path}, found {names[0][:80]!r}",
                hint="save it with one of these between the columns",
            )
        return names

    def holds_lists(self, name: str) -> bool:  # noqa: ARG002
        """Never: every value is text."""
        return False

    def chunks(self, columns: Sequence[str]) -> Iterator[dict[str, AnyArray]]:
        """Text columns."""
        places = [self.names.index(name) for name in columns]
        rows = islice(self._rows(), 1, None)
        while chunk := list(islice(rows, CHUNK_ROWS)):
            yield {
                name: np.array([row[i] for row in chunk], dtype=np.str_)
                for name, i in zip(columns, places, strict=True)
            }

    def _rows(self) -> Iterator[list[str]]:
        header = next(text_lines(self._path), "")
        reader = csv.reader(text_lines(self._path), delimiter=max(_DELIMITERS, key=header.count), strict=True)
        width = 0
        try:
            for row in reader:
                width = width or len(row)
                if len(row) != width and row:
                    raise DataError(
                        f"expected {width} values in line {reader.line_num} of {self._path}, as in its header, found "
                        f"{len(row)}"
                    )
                if row:
                    yield row
        except csv.Error as failure:
            raise DataError(
                f"expected a table in {self._path}, found in line {reader.line_num}: {failure}", hint=_HINT
            ) from failure


class JsonlTable:
    """One JSON object a line; the first names the columns, and every line has them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The keys of the first line."""
        return tuple(self._first)

    @cached_property
    def _first(self) -> dict[str, object]:
        return next(self._rows(), {})

    def holds_lists(self, name: str) -> bool:
        """By the first line."""
        return isinstance(self._first[name], list)

    def chunks(self, columns: Sequence[str]) -> Iterator[dict[str, AnyArray]]:
        """Text, numbers or arrays, as they stand there."""
        rows, start = self._rows(), 0
        while chunk := list(islice(rows, CHUNK_ROWS)):
            found = {}
            for name in columns:
                if missing := [i for i, row in enumerate(chunk) if name not in row]:
                    raise DataError(
                        f"expected {name!r} in every line of {self._path}, found none in example {start + missing[0]}"
                    )
                found[name] = array_of([row[name] for row in chunk], name, str(self._path), start)
            yield found
            start += len(chunk)

    def _rows(self) -> Iterator[dict[str, object]]:
        for number, line in enumerate(text_lines(self._path), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as failure:
                raise DataError(
                    f"expected a JSON object in line {number} of {self._path}, found: {failure}", hint=_HINT
                ) from failure
            if not isinstance(row, dict):
                raise DataError(
                    f"expected a JSON object in line {number} of {self._path}, found {type(row).__name__}",
                    hint=_HINT,
                )
            yield row


def array_of(values: Sequence[object], name: str, where: str, start: int) -> AnyArray:
    """Values of a column as one array (n, ...): text, numbers, or arrays of one shape.

    Raises:
        DataError: a value is missing or of another type or shape; `start` is the first one's number.
    """
    try:
        array: AnyArray = np.array(values)
    except (ValueError, OverflowError) as failure:
        raise DataError(
            f"expected arrays of one shape in {name} of {where}, found several from example {start} on",
            hint="pad or cut them to one length",
        ) from failure
    texts = [isinstance(value, str) for value in values]
    if array.dtype.kind not in "fiubU" or (array.dtype.kind == "U" and not all(texts)):
        is_odd = [value is None or text != texts[0] for value, text in zip(values, texts, strict=True)]
        odd = is_odd.index(True) if True in is_odd else 0
        raise DataError(
            f"expected text, numbers or arrays of one shape in {name} of {where}, found "
            f"{type(values[odd]).__name__} in example {start + odd}",
            hint="leave such examples out, or write all values alike",
        )
    return array
