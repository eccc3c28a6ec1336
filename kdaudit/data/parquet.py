"""Tables as parquet files: columns a few rows at a time, and pictures or sounds kept in them one by one."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from kdaudit.errors import DataError
from kdaudit.installed import required
from kdaudit.types import AnyArray

# What Arrow ends with on damaged files; its own errors are children of these.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, NotImplementedError, MemoryError)
_CHUNK_ROWS = 2048
_KEPT_GROUPS = 3


def parquet_module(path: Path) -> Any:
    """`pyarrow.parquet`.

    Raises:
        DataError: it is not installed.
    """
    return required("pyarrow.parquet", extra="parquet", needed_for=str(path), error=DataError)


class ParquetTable:
    """A parquet file; a column of pictures or sounds is one of bytes, or of {bytes, path} as Hugging Face writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        module = parquet_module(path)
        with self._reading():
            self._file = module.ParquetFile(path)
        self._lock = Lock()
        self._groups: OrderedDict[int, Any] = OrderedDict()
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = [0, *accumulate(sizes)]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self._file.schema_arrow.names)

    def __len__(self) -> int:
        """Number of rows."""
        return int(self._starts[-1])

    def holds_lists(self, name: str) -> bool:
        """By the type of the column."""
        return "list" in str(self._file.schema_arrow.field(name).type).partition("<")[0]

    def holds_bytes(self, name: str) -> bool:
        """Whether a column holds the bytes of pictures or sounds, not paths to them."""
        kind = self._file.schema_arrow.field(name).type
        return _is_bytes(kind) or (kind.num_fields > 0 and kind.get_field_index("bytes") >= 0)

    def chunks(self, columns: Sequence[str]) -> Iterator[dict[str, AnyArray]]:
        """Text, numbers, or lists of one length."""
        start = 0
        with self._reading():
            for batch in self._file.iter_batches(_CHUNK_ROWS, columns=list(columns)):
                batch.validate(full=True)  # texts that are no UTF-8
                yield {name: _array(batch.column(name), name, self._path, start) for name in columns}
                start += batch.num_rows

    def bytes_at(self, name: str, row: int) -> bytes:
        """The bytes of one picture or sound; a few row groups are kept, for readers that go in order.

        Raises:
            ValueError: there are none.
        """
        group = bisect_right(self._starts, row) - 1
        with self._lock, self._reading():
            if group not in self._groups:
                self._groups[group] = self._file.read_row_group(group, columns=[name]).column(0)
                if len(self._groups) > _KEPT_GROUPS:
                    self._groups.popitem(last=False)
            value = self._groups[group][row - self._starts[group]].as_py()
        found = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(found, bytes):
            raise ValueError("no bytes in this row")
        return found

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except DataError:
            raise
        except UNREADABLE as failure:
            raise DataError(f"expected a whole parquet file at {self._path}, found: {failure}") from failure


def _is_bytes(kind: Any) -> bool:
    return str(kind) in {"binary", "large_binary"}


def _array(column: Any, name: str, path: Path, start: int) -> AnyArray:
    if column.null_count:
        missing = start + column.is_null().to_pylist().index(True)
        raise DataError(
            f"expected a value in each row of column {name} of {path}, found none in example {missing}",
            hint="leave such examples out",
        )
    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    values: AnyArray = column.to_numpy(zero_copy_only=False)
    if values.dtype == object and len(values):
        values = _of_objects(values, str(column.type), name, path, start)
    if values.dtype.kind not in "fiubU":
        raise _wrong_type(str(column.type), name, path)
    return values


def _of_objects(values: AnyArray, kind: str, name: str, path: Path, start: int) -> AnyArray:
    if all(isinstance(value, str) for value in values):
        return values.astype(np.str_)
    if not all(isinstance(value, np.ndarray) for value in values):
        raise _wrong_type(kind, name, path)
    if len({value.shape for value in values}) > 1:
        raise DataError(
            f"expected lists of one length in column {name} of {path}, found several from example {start} on",
            hint="pad or cut them to one length",
        )
    stacked: AnyArray = np.stack([np.stack(list(v)) if v.dtype == object else v for v in values])
    return stacked


def _wrong_type(kind: str, name: str, path: Path) -> DataError:
    return DataError(
        f"expected numbers, text or lists of numbers in column {name} of {path}, found {kind}",
        hint="turn it into one of them, or name the columns of inputs with --input-columns",
    )
