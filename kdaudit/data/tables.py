"""Tables of saved outputs, `.csv` and parquet, as named arrays; numbered columns become one array (n, C)."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kdaudit.data.parquet import UNREADABLE, parquet_module
from kdaudit.errors import DataError
from kdaudit.types import AnyArray

_NUMBERED = re.compile(r"(logit|prob)s?_(\d+)")
_PARQUET_MAGIC = b"PAR1"


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins so is parquet."""
    return head.startswith(_PARQUET_MAGIC)


def read_csv(path: Path) -> dict[str, AnyArray]:
    """The columns of a `.csv` file with a header row: whole numbers where all of them are, outputs as floats.

    Raises:
        DataError: it is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        raise DataError(
            f"expected a table in {path}, found: {failure}", hint="save it as .npz, .csv or parquet"
        ) from failure
    names, *body = rows or [[]]
    if len(set(names)) < len(names) or not body:
        found = "no row below the header" if len(set(names)) == len(names) else "a column twice"
        raise DataError(f"expected columns of different names and a row per example in {path}, found {found}")
    for number, row in enumerate(body, start=2):
        if len(row) != len(names):
            raise DataError(f"expected {len(names)} values in line {number} of {path}, found {len(row)}")
    columns = zip(*body, strict=True)
    return gathered(
        path, {name: _typed(name, values, path) for name, values in zip(names, columns, strict=True)}
    )


def read_parquet(path: Path) -> dict[str, AnyArray]:
    """The columns of a parquet file; lists of one length become rows.

    Raises:
        DataError: pyarrow is not installed, the file is damaged, or a list is shorter than others.
    """
    parquet = parquet_module(path)
    try:
        table = parquet.read_table(path)
    except UNREADABLE as failure:
        raise DataError(f"expected a whole parquet file at {path}, found: {failure}") from failure
    found = {}
    for name in table.column_names:
        column = table.column(name).to_numpy()
        is_list = column.dtype == object and len(column) and isinstance(column[0], np.ndarray)
        found[name] = _stacked(column, name, path) if is_list else _plain(column, name, path)
    return gathered(path, found)


def gathered(path: Path, columns: dict[str, AnyArray]) -> dict[str, AnyArray]:
    """Columns `logit_0`, `logit_1` ... as one array `logits` (n, C), `prob_0` ... as `probs`; the others as they are.

    Raises:
        DataError: a number is missing, or a column holds no numbers.
    """
    rest = {name: column for name, column in columns.items() if not _NUMBERED.fullmatch(name)}
    for kind in ("logit", "prob"):
        numbered = {
            int(match[2]): name
            for name in columns
            if (match := _NUMBERED.fullmatch(name)) and match[1] == kind
        }
        if missing := sorted(set(range(len(numbered))) - numbered.keys()):
            raise DataError(
                f"expected the columns {kind}_0 to {kind}_{max(numbered)} in {path}, found no {kind}_{missing[0]}"
            )
        for name in numbered.values():
            if columns[name].dtype.kind not in "fiu":
                raise DataError(f"expected numbers in {name} of {path}, found {columns[name].dtype}")
        if numbered:
            rest[f"{kind}s"] = np.stack([columns[numbered[i]] for i in range(len(numbered))], axis=1)
    return rest


def _typed(name: str, values: Sequence[str], path: Path) -> AnyArray:
    text = np.array(values, dtype=np.str_)
    if not _NUMBERED.fullmatch(name):
        return whole_or_text(text)
    try:
        return text.astype(np.float64)
    except ValueError as failure:
        raise DataError(f"expected numbers in {name} of {path}, found: {failure}") from failure


def whole_or_text(text: AnyArray) -> AnyArray:
    """Whole numbers (n,) where all of the text is some; the id 007 is not 7."""
    try:
        numbers = text.astype(np.int64)
    except (ValueError, OverflowError):
        return text
    return numbers if np.array_equal(numbers.astype(np.str_), text) else text


def _plain(column: AnyArray, name: str, path: Path) -> AnyArray:
    if column.dtype != object:
        return column
    if not all(isinstance(value, str) for value in column):
        raise DataError(f"expected text or numbers in {name} of {path}, found other or missing values")
    return column.astype(np.str_)


def _stacked(column: AnyArray, name: str, path: Path) -> AnyArray:
    if len({None if value is None else len(value) for value in column}) > 1:
        raise DataError(f"expected lists of one length in {name} of {path}, found several")
    return np.stack(list(column))
