"""What is said of examples that could not be read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from kdaudit.data import DataOptions, Examples
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.skipped import notice_of, skipped_examples, skipped_notices
from tests.data.factories import load, save_classes


def with_broken(root: Path, n: int) -> Examples:
    """Four pictures that are read, and n that are not."""
    save_classes(root)
    for i in range(n):
        (root / "cat" / f"broken{i:03d}.png").write_bytes(b"no picture")
    return load(root, root.parent / "cache", DataOptions(max_skipped=n + 1))


def setup_of(data: Examples, train: Examples | None) -> Setup:
    """As far as this is about it."""
    return cast("Setup", SimpleNamespace(data=data, train=train))


def test_each_example_has_its_row_up_to_a_hundred(tmp_path: Path) -> None:
    """Then one row for the others, and one for all of the training data."""
    rows = list(skipped_examples(setup_of(with_broken(tmp_path / "d", 102), with_broken(tmp_path / "t", 2))))
    assert 102 == len(rows)
    assert ("cat/broken000.png", "data") == (rows[0].what, rows[0].stage)
    assert "expected a whole picture in" in rows[0].reason
    assert ["2 more examples", "2 training examples"] == [row.what for row in rows[-2:]]


def test_a_notice_counts_and_names_the_first(tmp_path: Path) -> None:
    """One line a data set, and none where all was read."""
    broken, whole = with_broken(tmp_path / "d", 1), with_broken(tmp_path / "t", 0)
    (line,) = skipped_notices(setup_of(broken, whole))
    assert notice_of(broken) == line
    assert line.startswith(
        f"{tmp_path / 'd'}: 1 examples cannot be read and are left out (--max-skipped); the first: "
    )
    assert [] == list(skipped_notices(setup_of(whole, None)))
