"""An `.npy` file that grows by rows: no set of examples has to fit memory, nor be counted before it is read."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from kdaudit.digest import begun_digest
from kdaudit.types import AnyArray


class Rows:
    """Writes (n, ...) of `shape` and `dtype` to `path`, a few rows at a time; n is how many there were at the end.

    Written, not mapped: pages of a memory map count as memory of the process, and a full disk kills it. Where n is
    `expected`, the digest is there at the end without reading the file again.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[np.generic] | type,
        *,
        expected: int | None = None,
    ) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._expected = expected
        self._digest = None if expected is None else begun_digest(self._dtype, (expected, *shape))
        self._stream = path.open("wb")
        self._is_mapped = False
        self._n = 0
        self._write_header(0)

    def __len__(self) -> int:
        """Rows so far."""
        return self._n

    @property
    def digest(self) -> str | None:
        """`npy_digest` of the file; None unless there were as many rows as expected."""
        return None if self._digest is None or self._n != self._expected else self._digest.hexdigest()

    def extend(self, rows: AnyArray) -> None:
        """Adds rows (k, ...).

        Raises:
            ValueError: they have another shape.
            OSError: they cannot be written.
        """
        if rows.shape[1:] != self._shape:
            raise ValueError(f"expected rows of shape {self._shape}, found {rows.shape[1:]}")
        if rows.size:
            written = np.ascontiguousarray(rows, dtype=self._dtype).data.cast("B")
            self._stream.write(written)
            if self._digest is not None:
                self._digest.update(written)
            if self._is_mapped:
                self._stream.flush()
        self._n += len(rows)

    def reserve(self) -> None:
        """Lets others map the file from now on: it is as long as expected, and rows can be read once they are added.

        Raises:
            ValueError: nothing is expected.
        """
        if self._expected is None:
            raise ValueError("expected to know how many rows there may be")
        self._stream.seek(0)
        self._write_header(self._expected)
        self._stream.truncate(self._stream.tell() + self._expected * self._row_bytes)
        self._stream.flush()
        self._is_mapped = True

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Completes the header, which numpy pads so that n of any length fits."""
        try:
            if error is None:
                self._stream.truncate()
                self._stream.seek(0)
                self._write_header(self._n)
        finally:
            self._stream.close()

    @property
    def _row_bytes(self) -> int:
        return self._dtype.itemsize * math.prod(self._shape)

    def _write_header(self, n: int) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (n, *self._shape),
        }
        np.lib.format.write_array_header_1_0(self._stream, header)
