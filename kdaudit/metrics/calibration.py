"""Expected calibration error and the reliability curve, on equal-mass bins. Method, point 16."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdaudit.types import Bool, Float32

N_BINS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Examples of similar confidence: mean confidence, accuracy, count."""

    confidence: float
    accuracy: float
    n: int


def reliability(confidence: Float32, correct: Bool) -> tuple[Bin, ...]:
    """At most 15 bins of equal count by top-1 confidence (stable order), least confident first."""
    order = np.argsort(confidence, kind="stable")
    return tuple(
        Bin(
            confidence=min(1.0, float(np.mean(confidence[part], dtype=np.float64))),
            accuracy=float(np.mean(correct[part])),
            n=len(part),
        )
        for part in np.array_split(order, N_BINS)
        if len(part)
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """sum_b (n_b / n) |acc_b - conf_b|; in [0, 1], lower is better. Source: Guo et al. 2017."""
    n = sum(b.n for b in bins)
    return sum(b.n / n * abs(b.accuracy - b.confidence) for b in bins)
