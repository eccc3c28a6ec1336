"""Evaluation data in two parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdaudit.data.split import split
from kdaudit.errors import DataError
from kdaudit.types import UNLABELLED


def rng() -> np.random.Generator:
    """Always the same."""
    return np.random.default_rng(0)


@given(st.integers(0, 2**32), st.floats(0.1, 0.9), st.integers(40, 300), st.integers(2, 8))
def test_every_example_is_in_one_part_and_classes_keep_their_shares(
    seed: int, share: float, n: int, n_classes: int
) -> None:
    """Within one example of the share, in all and in each class."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(n_classes, size=n)
    parts = split(labels, None, share, rng=draw)
    assert list(range(n)) == sorted([*parts.train.tolist(), *parts.evaluation.tolist()])
    assert abs(len(parts.train) - share * n) <= 1
    for c in range(n_classes):
        assert abs((labels[parts.train] == c).sum() - share * (labels == c).sum()) <= 1.5


@given(st.integers(0, 2**32))
def test_groups_stay_together(seed: int) -> None:
    """And the share is met as nearly as the largest group allows."""
    draw = np.random.default_rng(seed)
    groups = draw.integers(60, size=600)
    labels = groups % 3
    parts = split(labels, groups, 0.4, rng=draw)
    assert set() == set(groups[parts.train]) & set(groups[parts.evaluation])
    assert abs(len(parts.train) - 240) <= np.bincount(groups).max()
    for c in range(3):
        assert abs((labels[parts.train] == c).sum() / (labels == c).sum() - 0.4) < 0.2


def test_a_group_counts_for_its_commonest_class() -> None:
    """Two groups of class 0 and two of class 1, each with a stray label: one of each on either side."""
    groups = np.repeat([0, 1, 2, 3], 5)
    labels = np.array([0, 0, 0, 0, 1] * 2 + [1, 1, 1, 1, 0] * 2)
    for seed in range(20):
        parts = split(labels, groups, 0.5, rng=np.random.default_rng(seed))
        assert [1, 1] == [len({*groups[parts.train]} & {*pair}) for pair in ((0, 1), (2, 3))]


def test_sequences_are_split_whole() -> None:
    """Rows of (n, T) labels, whatever they ask."""
    parts = split(np.full((10, 4), UNLABELLED), None, 0.3, rng=rng())
    assert (3, 7) == (len(parts.train), len(parts.evaluation))


@pytest.mark.parametrize(
    ("n", "groups", "what"), [(1, None, "1 examples"), (50, np.zeros(50, int), "1 groups")]
)
def test_a_part_without_examples_invalid(n: int, groups: np.ndarray | None, what: str) -> None:
    """Nothing to train on, or nothing to judge by."""
    with pytest.raises(
        DataError, match=f"expected enough examples to split 50% off to train on, found {what}"
    ):
        split(np.zeros(n, dtype=np.int64), groups, 0.5, rng=rng())
