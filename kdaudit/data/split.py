"""Evaluation data in two parts: one to train controls on where there is no training data, one to judge by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdaudit.errors import DataError
from kdaudit.types import Int64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Sorted positions of both parts; together all, none twice."""

    train: Int64
    evaluation: Int64


def split(labels: Int64, groups: Int64 | None, share: float, *, rng: np.random.Generator) -> Split:
    """`share` of the examples to train on, the others to judge by, drawn at random.

    Each class gives its share, as nearly as whole groups allow: examples of one group stay together, and a group counts
    for the class that most of it has. Sequences, labels (n, T), have no class.

    Raises:
        DataError: so few examples or groups that one part is empty.
    """
    n = len(labels)
    codes = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(codes)
    order = rng.permutation(len(sizes))
    if labels.ndim == 1:
        order = order[np.argsort(_class_of(codes, labels)[order], kind="stable")]
    chosen = np.zeros(len(sizes), dtype=bool)
    n_seen, n_taken, start = 0, 0, rng.random() - 0.5
    for group in order:
        n_seen += sizes[group]
        chosen[group] = n_taken + sizes[group] / 2 <= share * n_seen + start
        n_taken += sizes[group] if chosen[group] else 0
    train = np.flatnonzero(chosen[codes])
    if len(train) in {0, n}:
        raise DataError(
            f"expected enough examples to split {share:.0%} off to train on, found {len(sizes)} "
            f"{'examples' if groups is None else 'groups'}",
            hint="give training data with --train-data",
        )
    return Split(train=train, evaluation=np.flatnonzero(~chosen[codes]))


def _class_of(codes: Int64, labels: Int64) -> Int64:
    """The commonest label of each group; of several the lowest."""
    n_classes = int(labels.max()) + 1
    pairs, counts = np.unique(codes * n_classes + labels, return_counts=True)
    commonest_first = pairs[np.lexsort((pairs, -counts, pairs // n_classes))]
    first = np.unique(commonest_first // n_classes, return_index=True)[1]
    classes: Int64 = commonest_first[first] % n_classes
    return classes
