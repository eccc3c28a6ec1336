"""Is a model's accuracy that of a model that was fed rightly? Bounds and hints, no verdict.

Method, "Verdict": sanity comes first; without it every broken set-up passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from kdaudit.types import Bool, Float64, Int32, Int64

_MAX_CLASSES_FOR_PERMUTATION = 2000
_CLEARLY = 0.5
_POINTS_BELOW = 0.02
_SURELY = 0.01
# Of a pooled deviation, and of standard errors beside it: many features are looked at.
_SHIFT, _ERRORS = 0.5, 4.0


def majority_share(labels: Int64) -> float:
    """Accuracy of always answering the commonest label."""
    return float(np.bincount(labels).max() / len(labels))


def accuracy_lower_bound(n_correct: int, n: int) -> float:
    """One-sided 95 % lower bound of an accuracy (Clopper & Pearson 1934); 0 where nothing is correct."""
    return float(stats.beta.ppf(0.05, n_correct, n - n_correct + 1)) if n_correct else 0.0


def beats_majority(answers: Int32, labels: Int64) -> bool:
    """Whether the accuracy's one-sided 95 % lower bound lies above the majority class's share."""
    n_correct = int(np.sum(answers == labels))
    return accuracy_lower_bound(n_correct, len(labels)) > majority_share(labels)


def below_expected(n_correct: int, n: int, expected: float) -> bool:
    """Whether an accuracy is more than two points below the expected one, and not by chance.

    Not by chance: its one-sided 95 % upper bound (Clopper & Pearson 1934) lies below `expected` too.
    """
    if n_correct / n >= expected - _POINTS_BELOW:
        return False
    return bool(stats.beta.ppf(0.95, n_correct + 1, n - n_correct) < expected)


def clearly_better(correct: Bool, other: Bool, *, n_tried: int) -> bool:
    """Whether `other` (n,) is right more often than `correct` (n,) by more than chance, the best of `n_tried`.

    The exact sign test on the examples where they differ (McNemar 1947), p <= .01 / n_tried.
    """
    gained, lost = int((other & ~correct).sum()), int((correct & ~other).sum())
    if gained <= lost:
        return False
    return bool(stats.binomtest(gained, gained + lost, alternative="greater").pvalue <= _SURELY / n_tried)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Each example's mean (n, F) of every feature, and the deviation (F,) of the values that they are means of."""

    means: Float64
    deviations: Float64


def shifted_features(one: Features, other: Features) -> Int64:
    """Features whose means differ by more than half a pooled deviation, and four standard errors.

    Sorted by how far they lie apart, the farthest first. Pooled: sqrt((s_1^2 + s_2^2) / 2); features that are constant
    in both and differ are apart without bound.
    """
    gap = np.abs(one.means.mean(axis=0) - other.means.mean(axis=0))
    pooled = np.sqrt((one.deviations**2 + other.deviations**2) / 2)
    error = np.sqrt(sum(found.means.var(axis=0) / len(found.means) for found in (one, other)))
    rounding = 1e-6 * np.abs(one.means.mean(axis=0))
    shifted = np.flatnonzero(gap > _SHIFT * pooled + _ERRORS * error + rounding)
    apart = gap[shifted] / np.maximum(pooled[shifted], np.finfo(np.float64).tiny)
    return shifted[np.argsort(-apart, kind="stable")].astype(np.int64)


def label_hint(answers: Int32, labels: Int64, n_classes: int) -> str:
    """What relabelling would make a bad accuracy good, as a sentence; '' if none would.

    Tried: labels shifted by one either way (a background class that only one side counts, numbers from 1), then the
    best one-to-one renaming of classes (Hungarian assignment on the confusion counts), found on every second example
    of each class and judged on the others. A shift must more than halve the errors; a renaming those that are left by
    the shift, if one does.
    """
    plain = float(np.mean(answers == labels))
    shares = {shift: float(np.mean(answers == labels + shift)) for shift in (1, -1)}
    shift = max(shares, key=lambda found: shares[found])
    best, said = plain, ""
    if _far_better(shares[shift], plain):
        best = shares[shift]
        said = f"the labels look shifted by {shift:+d}: {plain:.1%} correct as given, {best:.1%} shifted"
    if n_classes > _MAX_CLASSES_FOR_PERMUTATION:
        return said
    renamed, moved = _renaming(answers, labels, n_classes)
    if not _far_better(renamed, best):
        return said
    pairs = ", ".join(f"{r} is label {c}" for r, c in moved[:3]) + (", ..." if len(moved) > 3 else "")
    return (
        f"the classes look permuted: {plain:.1%} correct as given, {renamed:.1%} after renaming {len(moved)} of them, "
        f"found on one half of the examples and judged on the other (answer {pairs})"
    )


def _far_better(share: float, than: float) -> bool:
    return share > than + _CLEARLY * (1 - than)


def _renaming(answers: Int32, labels: Int64, n_classes: int) -> tuple[float, list[tuple[int, int]]]:
    """How many are right under the best renaming, and which answers it renames to which labels."""
    first = np.empty(len(labels), dtype=bool)
    first[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % 2 == 0  # every second of each class
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (answers[first], labels[first]), 1)
    rows, columns = optimize.linear_sum_assignment(confusion, maximize=True)
    renamed_to = np.empty(n_classes, dtype=np.int64)
    renamed_to[rows] = columns
    renamed = float(np.mean(renamed_to[answers[~first]] == labels[~first])) if len(labels) > 1 else 0.0
    moved = [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if r != c and confusion[r, c]]
    return renamed, moved
