"""Arrays that are written a few rows at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.data.rows import Rows
from kdaudit.digest import array_digest, npy_digest


@pytest.mark.parametrize("sizes", [[], [0], [1], [3, 0, 1000, 1]])
def test_the_file_is_what_numpy_saves(tmp_path: Path, sizes: list[int]) -> None:
    """Of any number of rows, in the dtype that was asked for, whatever order they have in memory."""
    chunks = [np.asfortranarray(np.random.default_rng(n).integers(0, 256, (n, 2, 3))) for n in sizes]
    with Rows(tmp_path / "a.npy", (2, 3), np.uint8) as rows:
        for chunk in chunks:
            rows.extend(chunk)
        assert sum(sizes) == len(rows)
    expected = np.concatenate([np.empty((0, 2, 3), np.uint8), *chunks]).astype(np.uint8)
    np.testing.assert_array_equal(expected, np.load(tmp_path / "a.npy"))
    assert array_digest(expected) == npy_digest(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", expected)
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


def test_the_digest_is_that_of_the_file_or_none(tmp_path: Path) -> None:
    """It names how many rows there are: with fewer or more than expected it is not known without the file."""
    values = np.random.default_rng(0).normal(size=(5, 2))
    found = []
    for expected in (4, 5, 6, None):
        with Rows(tmp_path / "a.npy", (2,), np.float32, expected=expected) as rows:
            rows.extend(values[:3])
            rows.extend(values[3:])
        found.append(rows.digest)
    assert [None, npy_digest(tmp_path / "a.npy"), None, None] == found


def test_rows_of_another_shape_invalid(tmp_path: Path) -> None:
    """Nothing is broadcast."""
    with (
        pytest.raises(ValueError, match=r"expected rows of shape \(3,\), found \(1,\)"),
        Rows(tmp_path / "a.npy", (3,), np.float32) as rows,
    ):
        rows.extend(np.zeros((2, 1)))


def test_what_was_not_completed_looks_empty(tmp_path: Path) -> None:
    """An error in between leaves the header of no rows: nobody takes the half for the whole."""
    rows = Rows(tmp_path / "a.npy", (3,), np.float32)
    rows.extend(np.zeros((2, 3)))
    rows.__exit__(OSError, OSError("full"), None)
    assert (0, 3) == np.load(tmp_path / "a.npy").shape


@pytest.mark.parametrize("n", [0, 3, 5])
def test_rows_can_be_mapped_while_there_come_more(tmp_path: Path, n: int) -> None:
    """As many as are added can be read; at the end the file is what numpy saves, however many were expected."""
    values = np.random.default_rng(n).normal(size=(n, 2)).astype(np.float32)
    with Rows(tmp_path / "a.npy", (2,), np.float32, expected=5) as rows:
        rows.reserve()
        mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
        assert (5, 2) == mapped.shape
        for i, row in enumerate(values):
            rows.extend(row[None])
            np.testing.assert_array_equal(values[: i + 1], mapped[: i + 1])
        del mapped
    np.save(tmp_path / "b.npy", values)
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


def test_rows_of_unknown_number_cannot_be_mapped_invalid(tmp_path: Path) -> None:
    """Nobody knows how long the file becomes."""
    with (
        pytest.raises(ValueError, match="expected to know how many rows there may be"),
        Rows(tmp_path / "a.npy", (2,), np.float32) as rows,
    ):
        rows.reserve()
