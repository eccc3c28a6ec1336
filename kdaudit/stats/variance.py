"""Variances of means over examples, or over clusters of examples where they are grouped.

Method, "Definitions, exactly", points 3, 5 and 14.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kdaudit.stats.sample import Stratum
from kdaudit.types import Float64, Int64


def of_mean(x: npt.NDArray[np.floating], groups: Int64 | None) -> float:
    """Variance of mean_i x_i: var_i(x; ddof 1) / n, or with clusters G/(G-1) sum_g (sum_{i in g} (x_i - mean))^2 / n^2.

    0 where fewer than two units exist: the caller's fitness rules forbid a verdict there.
    """
    n = len(x)
    if groups is None:
        return float(np.var(x, ddof=1)) / n if n > 1 else 0.0
    _, codes = np.unique(groups, return_inverse=True)
    sums = np.bincount(codes, weights=x - np.mean(x))
    g = len(sums)
    return float(g / (g - 1) * np.sum(sums**2)) / n**2 if g > 1 else 0.0


def student_difference(stratum: Stratum) -> float:
    """vD_x: variance of A_x(S) - mean_k A_x(c_k) over examples; several students: of their mean."""
    return of_mean(stratum.students.mean(axis=0) - stratum.controls.mean(axis=0), stratum.groups)


def between_examples(stratum: Stratum) -> float:
    """vI_x: the variance of one control's A_x that examples alone explain.

    mean_i p_i (1 - p_i) K/(K-1) / n with p_i = mean_k Y_ki, or p_i = (sum_k Y_ki + .5) / (K + 1) where all controls
    agree with each other on every example (else it would be 0: certainty where there is none).
    """
    y = stratum.controls
    k, n = y.shape
    votes = y.sum(axis=0)
    p: Float64 = votes / k
    if np.all((votes == 0) | (votes == k)):
        p = (votes + 0.5) / (k + 1)
    if stratum.groups is None:
        return float(np.mean(p * (1 - p)) * k / (k - 1) / n)
    clustered = [of_mean(row - p, stratum.groups) for row in y]
    return float(np.mean(clustered) * k / (k - 1))


def of_quantity(
    students: npt.NDArray[np.floating], controls: npt.NDArray[np.floating], groups: Int64 | None
) -> tuple[float, float]:
    """(v_diff, v_int) of any per-example quantity d: students (M, n), controls (K, n)."""
    k, n = controls.shape
    centre = controls.mean(axis=0, dtype=np.float64)
    v_diff = of_mean(students.mean(axis=0, dtype=np.float64) - centre, groups)
    if groups is None:
        return v_diff, float(np.mean(np.var(controls, axis=0, ddof=1, dtype=np.float64))) / n
    v_int = float(np.mean([of_mean(row - centre, groups) for row in controls])) * k / (k - 1)
    return v_diff, v_int
