"""Is a model's accuracy that of a model that was fed rightly? Bounds and hints, no verdict.

Method, "Verdict": sanity comes first; without it every broken set-up passes.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from kdaudit.types import Int32, Int64

_MAX_CLASSES_FOR_PERMUTATION = 2000
_CLEARLY = 0.5


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


def label_hint(answers: Int32, labels: Int64, n_classes: int) -> str:
    """What relabelling would make a bad accuracy good, as a sentence; '' if none would.

    Tried: labels shifted by one either way, then the best one-to-one renaming of classes (assignment on the
    confusion counts), which must more than halve the errors.
    """
    plain = float(np.mean(answers == labels))
    threshold = plain + _CLEARLY * (1 - plain)
    for shift in (1, -1):
        shifted = float(np.mean(answers == labels + shift))
        if shifted > threshold:
            return (
                f"the labels look shifted by {shift:+d}: {plain:.1%} correct as given, {shifted:.1%} shifted"
            )
    if n_classes > _MAX_CLASSES_FOR_PERMUTATION:
        return ""
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (answers, labels), 1)
    rows, columns = optimize.linear_sum_assignment(confusion, maximize=True)
    renamed = float(confusion[rows, columns].sum() / len(labels))
    if renamed > threshold:
        moved = [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if r != c and confusion[r, c]]
        pairs = ", ".join(f"{r} is label {c}" for r, c in moved[:3])
        return (
            f"the classes look permuted: {plain:.1%} correct as given, {renamed:.1%} after renaming "
            f"{len(moved)} of them (answer {pairs}{', ...' if len(moved) > 3 else ''})"
        )
    return ""
