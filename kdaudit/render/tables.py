"""Tables as files, for spreadsheets and notebooks: `write_table(columns, path, "csv")`, with columns as arrays (n,)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from kdaudit.errors import RenderError, SpecError
from kdaudit.installed import required
from kdaudit.types import AnyArray

TABLES = ("csv", "parquet")
# What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def require_table(format: str) -> None:
    """Refuse a format that cannot be written, before there is anything to write.

    Raises:
        SpecError: the format is not one of `TABLES`.
        RenderError: its package is not installed.
    """
    if format not in TABLES:
        raise SpecError(f"expected a table format out of {', '.join(TABLES)}; found {format!r}")
    if format == "parquet":
        _arrow("pyarrow.parquet")


def write_table(columns: Mapping[str, AnyArray], path: Path, format: str) -> None:
    """Write the columns, all of one length, in their order.

    In CSV, a text that a spreadsheet would run as a formula gets an apostrophe before it; a comma, a quote or a line
    break makes it quoted (RFC 4180, lines end with a line feed). Parquet holds every text as it is.

    Raises:
        SpecError: the format is not one of `TABLES`.
        RenderError: its package is not installed.
    """
    require_table(format)
    if format == "parquet":
        arrow = _arrow("pyarrow")
        arrays = {
            name: arrow.array(values.tolist(), arrow.string())
            if values.dtype.kind == "U"
            else arrow.array(values)
            for name, values in columns.items()
        }
        _arrow("pyarrow.parquet").write_table(arrow.table(arrays), path)
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(map(_cell, columns))
        writer.writerows(
            map(_cell, row) for row in zip(*(values.tolist() for values in columns.values()), strict=True)
        )


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _arrow(module: str) -> ModuleType:
    return required(module, extra="parquet", needed_for="a parquet file (csv needs none)", error=RenderError)
