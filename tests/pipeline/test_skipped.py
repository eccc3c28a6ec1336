"""What is said of examples that could not be read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from kdaudit.data import DataOptions, Examples, Limit
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.skipped import incomplete_sets, notice_of, skipped_examples, skipped_notices
from tests.data.factories import load, save_classes
from tests.data.named_sets import BUILDERS, save_idx_set


def with_broken(root: Path, n: int) -> Examples:
    """Four pictures that are read, and n that are not."""
    save_classes(root)
    for i in range(n):
        (root / "cat" / f"broken{i:03d}.png").write_bytes(b"no picture")
    return load(root, root.parent / "cache", DataOptions(max_skipped=n + 1))


def setup_of(data: Examples, train: Examples | None, limit_train: int | None = None) -> Setup:
    """As far as this is about it."""
    spec = SimpleNamespace(limit_train=limit_train)
    return cast("Setup", SimpleNamespace(data=data, train=train, spec=spec))


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
        f"{tmp_path / 'd'}: 1 example cannot be read and is left out (--max-skipped); the first: "
    )
    assert [] == list(skipped_notices(setup_of(whole, None)))


def test_what_is_split_is_said_once(tmp_path: Path) -> None:
    """Both parts are of one reading."""
    broken = with_broken(tmp_path / "d", 2)
    parts = setup_of(broken.subset(np.array([0, 1])), broken.subset(np.array([2, 3])))
    assert [notice_of(broken)] == list(skipped_notices(parts))
    assert 2 == len(list(skipped_examples(parts)))


def test_a_known_set_that_is_not_all_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found and expected, of both splits; a whole set, and a subset that was asked for, say nothing."""
    monkeypatch.setattr("kdaudit.data.hub_cache.version_of", lambda _: None)
    save_idx_set(tmp_path / "mnist", n=20)
    options = DataOptions(data_root=tmp_path)
    part, whole = (load(name, tmp_path / "cache", options) for name in ("mnist", "digits:train"))
    expected = "found 20 of the 10,000 examples that mnist:test has"
    assert [expected] == list(incomplete_sets(setup_of(part, whole)))
    assert [expected] == list(skipped_notices(setup_of(whole, part)))
    assert [expected] == list(incomplete_sets(setup_of(part.subset(np.arange(5)), None)))
    assert [] == list(incomplete_sets(setup_of(whole.subset(np.arange(5)), None)))
    save_idx_set(tmp_path / "more" / "mnist", n=10_001)
    more = load("mnist", tmp_path / "cache", DataOptions(data_root=tmp_path / "more"))
    assert ["found 10,001 examples, more than the 10,000 that mnist:test has"] == list(
        incomplete_sets(setup_of(more, None))
    )


def test_what_was_not_asked_for_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training pictures of which only some are read; those that cannot be read were found."""
    BUILDERS["imagenette"](tmp_path, monkeypatch)
    options = DataOptions(data_root=tmp_path, limit=Limit(n=10, seed=0))
    train = load("imagenette:train", tmp_path / "cache", options)
    data = load("digits", tmp_path / "cache", options)
    assert [] == list(incomplete_sets(setup_of(data, train, limit_train=10)))
    (tmp_path / "imagenette2" / "val" / "n00000000" / "n00000000_0.JPEG").write_bytes(b"no picture")
    broken = load("imagenette", tmp_path / "cache", DataOptions(data_root=tmp_path, max_skipped=1))
    assert (19, 1) == (len(broken), len(broken.skipped))
    assert ["found 20 of the 3,925 examples that imagenette:test has"] == list(
        incomplete_sets(setup_of(broken, None))
    )
