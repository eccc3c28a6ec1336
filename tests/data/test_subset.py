"""Stratified subsets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdaudit.data.subset import stratified_subset
from kdaudit.errors import SpecError


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    n=st.integers(1, 120),
    seed=st.integers(0, 99),
)
def test_every_class_keeps_its_share_to_within_one(counts: list[int], n: int, seed: int) -> None:
    """Exactly n positions, all different, sorted, each class within one example of its proportional share."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    index = stratified_subset(labels, n, rng=np.random.default_rng(seed))
    assert min(n, len(labels)) == len(index)
    assert (np.diff(index) > 0).all()
    shares = np.bincount(labels[index], minlength=len(counts))
    assert (np.abs(shares - np.array(counts) * min(1, n / len(labels))) < 1).all()


def test_it_is_random_and_not_the_first() -> None:
    """Over many draws every example of a class comes equally often."""
    labels = np.repeat([0, 1], [20, 20])
    rng = np.random.default_rng(0)
    times = np.zeros(40)
    for _ in range(2000):
        times[stratified_subset(labels, 10, rng=rng)] += 1
    # Binomial(2000, 1/4): standard deviation 19.4; five of them either way.
    assert np.abs(times - 500).max() < 97


def test_a_limit_below_one_invalid() -> None:
    """Nothing cannot be audited."""
    with pytest.raises(SpecError, match="expected a limit of at least 1 example, found 0"):
        stratified_subset(np.array([0, 1]), 0, rng=np.random.default_rng(0))
