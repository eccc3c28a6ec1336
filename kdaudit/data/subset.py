"""Random subsets that keep the classes' shares."""

from __future__ import annotations

import numpy as np

from kdaudit.data.options import Limit
from kdaudit.errors import SpecError
from kdaudit.rng import stream
from kdaudit.types import Int64


def stratified_subset(labels: Int64, n: int, *, rng: np.random.Generator) -> Int64:
    """Sorted positions of `n` examples, drawn at random within each class.

    Class c of size N_c gets floor(n N_c / N) examples, and those left over go to the largest remainders (ties to
    the lower class). All positions if there are no more than `n` examples. Sequences, labels (N, T), are drawn at
    random.

    Raises:
        SpecError: `n` is below 1.

    >>> labels = np.repeat([0, 1], [30, 10])
    >>> np.bincount(labels[stratified_subset(labels, 8, rng=np.random.default_rng(0))]).tolist()
    [6, 2]
    """
    _require_one(n)
    if n >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    if labels.ndim == 2:
        return _any(len(labels), n, rng)
    classes, counts = np.unique(labels, return_counts=True)
    shares, remainders = np.divmod(n * counts, len(labels))
    largest = np.argsort(-remainders, kind="stable")[: n - int(shares.sum())]
    shares[largest] += 1
    drawn = [
        rng.choice(np.flatnonzero(labels == c), size=share, replace=False)
        for c, share in zip(classes, shares, strict=True)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def drawn(n: int, limit: Limit) -> Int64:
    """Sorted positions of the examples that `limit` leaves of `n` without labels, drawn at random.

    Raises:
        SpecError: the limit is below 1.
    """
    _require_one(limit.n)
    return _any(n, min(n, limit.n), stream(limit.seed, "limit"))


def _any(total: int, n: int, rng: np.random.Generator) -> Int64:
    return np.sort(rng.choice(total, size=n, replace=False)).astype(np.int64)


def _require_one(n: int) -> None:
    if n < 1:
        raise SpecError(f"expected a limit of at least 1 example, found {n}")


def limited(labels: Int64, limit: Limit | None) -> Int64:
    """Sorted positions of the examples that `limit` leaves; all of them without a limit."""
    if limit is None:
        return np.arange(len(labels), dtype=np.int64)
    return stratified_subset(labels, limit.n, rng=stream(limit.seed, "limit"))
