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
_TIMES = 2.0


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


def times_wider(one: Features, other: Features) -> float:
    """How many times wider one side's values are, of the feature where that is least; 0 where it is nothing to say.

    A scaling that one side lacks (division by a deviation, by 255) widens every feature: more than twice, beyond four
    standard errors of log s as of normal values, 1 / sqrt(2 n). Constant features say nothing.
    """
    varies = (one.deviations > 0) & (other.deviations > 0)
    if not varies.any():
        return 0.0
    ratios = np.log(other.deviations[varies] / one.deviations[varies])
    error = np.sqrt(sum(1 / (2 * len(found.means)) for found in (one, other)))
    least = max(float(ratios.min()), float(-ratios.max()))
    return float(np.exp(least)) if least > np.log(_TIMES) + _ERRORS * error else 0.0


def label_hint(answers: Int32, labels: Int64, n_classes: int) -> str:
    """What relabelling would make a bad accuracy good, as a sentence; '' if none would.

    Tried: labels shifted by one either way (a background class that only one side counts, numbers from 1), then the
    best one-to-one renaming of classes (Hungarian assignment on the confusion counts), found on every second example
    of each class and judged on the others. A shift must more than halve the errors; a renaming those that are left by
    the shift, if one does.
    """
    return "".join(order.said for order in _orders(answers, labels, n_classes)[-1:])


def misordered(answers: Int32, labels: Int64, n_classes: int) -> str:
    """That hint for a model of any accuracy, where more than chance speaks for it.

    Some classes may keep their place in another order (0, 1, 10, 11, 2 ...), and a model beats the commonest class by
    these. The exact sign test, p <= .01, on the examples that judge the order.
    """
    found = _orders(answers, labels, n_classes)
    return found[-1].said if found and clearly_better(found[-1].plain, found[-1].right, n_tried=3) else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Order:
    """An order of classes that explains the answers: how it is said, and what is right without it and with it."""

    said: str
    plain: Bool
    right: Bool


def _orders(answers: Int32, labels: Int64, n_classes: int) -> list[_Order]:
    """Those that halve the errors, the better one last."""
    plain = answers == labels
    share = float(plain.mean())
    shift = max((1, -1), key=lambda found: float(np.mean(answers == labels + found)))
    shifted = answers == labels + shift
    found = []
    if _far_better(float(shifted.mean()), share):
        said = f"the labels look shifted by {shift:+d}: {share:.1%} correct as given, {shifted.mean():.1%} shifted"
        found.append(_Order(said=said, plain=plain, right=shifted))
    if n_classes > _MAX_CLASSES_FOR_PERMUTATION or len(labels) < 2:
        return found
    judging, renamed, moved = _renaming(answers, labels, n_classes)
    if _far_better(float(renamed.mean()), float(shifted.mean()) if found else share):
        said = (
            f"{_renamed(moved, n_classes)}: {share:.1%} correct as given, {renamed.mean():.1%} after renaming "
            f"{len(moved)} of them, found on one half of the examples and judged on the other"
        )
        pairs = ", ".join(f"{r} is label {c}" for r, c in moved[:3]) + (", ..." if len(moved) > 3 else "")
        found.append(_Order(said=f"{said} (answer {pairs})", plain=plain[judging], right=renamed))
    return found


def _renamed(moved: list[tuple[int, int]], n_classes: int) -> str:
    for shift in (1, -1):
        if all((answer - label) % n_classes == shift % n_classes for answer, label in moved):
            return f"the classes look shifted by {shift:+d}, and from one end to the other"
    return "the classes look permuted"


def _far_better(share: float, than: float) -> bool:
    return share > than + _CLEARLY * (1 - than)


def _renaming(answers: Int32, labels: Int64, n_classes: int) -> tuple[Bool, Bool, list[tuple[int, int]]]:
    """The examples (n,) that judge, what is right of them under the best renaming, and what it renames to what."""
    first = np.empty(len(labels), dtype=bool)
    first[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % 2 == 0  # every second of each class
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (answers[first], labels[first]), 1)
    rows, columns = optimize.linear_sum_assignment(confusion, maximize=True)
    renamed_to = np.empty(n_classes, dtype=np.int64)
    renamed_to[rows] = columns
    moved = [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if r != c and confusion[r, c]]
    return ~first, renamed_to[answers[~first]] == labels[~first], moved
