"""The test of one student against K controls: a predictive t-test with a floor ("hybrid t").

A control set of K seeds says how much models of one recipe differ; the examples say how well each is known.
The test takes the larger of the two, so that neither few seeds nor few examples make it too sure.

Source: Crawford & Howell 1998 (one case against a small sample); Satterthwaite 1946 (degrees of freedom);
method, "Definitions, exactly", points 2, 12 and 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from kdaudit.stats.sample import MIN_CONTROLS
from kdaudit.types import Evidence, Float64

LEVEL = 0.95
TINY = 1e-15
MAX_DF = 1e6
_SMALLEST_P = float(np.finfo(float).tiny)


@dataclass(frozen=True, slots=True, kw_only=True)
class TTest:
    """A one-sided t-test: p for "the student is above its controls" and the 90 % interval.

    `special.stdtr` and `stdtrit` are what `stats.t` calls after checks that take a hundred times as long, which counts
    where a thousand classes are tested.
    """

    estimate: float
    variance: float
    df: float
    control_variance: float

    @property
    def p_value(self) -> float:
        """P(T >= estimate / sqrt V) under the null; in (0, 1)."""
        return max(float(special.stdtr(self.df, -self.estimate / np.sqrt(self.variance))), _SMALLEST_P)

    @property
    def half_width(self) -> float:
        """Distance from the estimate to each end of the 90 % interval."""
        return float(special.stdtrit(self.df, LEVEL) * np.sqrt(self.variance))


def hybrid(u_student: float, u_controls: Float64, *, v_diff: float, v_int: float) -> TTest:
    """One student's value against K >= 2 controls' values.

    s2 = max(var_k u, v_int, 1e-15); V = s2 f + max(0, v_diff - v_int f) with f = 1 + 1/K;
    df = (K - 1) (V / (s2 f))^2, at most 1e6.

    Args:
        u_student: the student's value, larger means closer to the teacher.
        u_controls: the controls' values (K,).
        v_diff: variance, over examples, of the difference between the student and the controls' mean.
        v_int: variance of one control's value that examples alone explain.
    """
    k = len(u_controls)
    f = 1.0 + 1.0 / k
    s2 = max(float(np.var(u_controls, ddof=1)), v_int, TINY)
    variance = s2 * f + max(0.0, v_diff - v_int * f)
    df = min((k - 1) * (variance / (s2 * f)) ** 2, MAX_DF)
    return TTest(
        estimate=u_student - float(np.mean(u_controls)), variance=variance, df=df, control_variance=s2
    )


def welch(u_students: Float64, u_controls: Float64, *, v_int: float) -> TTest:
    """M >= 3 students against K controls: Welch 1947, the variance of each mean floored by v_int / its size."""
    m, k = len(u_students), len(u_controls)
    of_students = max(float(np.var(u_students, ddof=1)), v_int, TINY) / m
    s2 = max(float(np.var(u_controls, ddof=1)), v_int, TINY)
    of_controls = s2 / k
    variance = of_students + of_controls
    df = min(variance**2 / (of_students**2 / (m - 1) + of_controls**2 / (k - 1)), MAX_DF)
    return TTest(
        estimate=float(np.mean(u_students) - np.mean(u_controls)),
        variance=variance,
        df=df,
        control_variance=s2,
    )


def evidence(
    procedure: str, u_students: Float64, u_controls: Float64, *, v_diff: float, v_int: float, n: int
) -> Evidence:
    """The Evidence for "the students are above their controls" from values u (larger: closer to the teacher).

    One student: `hybrid`; three or more: `welch`, with the exact Mann-Whitney p as `rank_p`. Fewer than three
    controls: the difference only, no test and no interval.
    """
    m, k = len(u_students), len(u_controls)
    estimate = float(np.mean(u_students) - np.mean(u_controls))
    if k < MIN_CONTROLS:
        return differences_only(procedure, estimate, n=n, n_controls=k)
    if m == 1:
        test = hybrid(float(u_students[0]), u_controls, v_diff=v_diff, v_int=v_int)
        rank_p = (1 + int(np.sum(u_controls >= u_students[0]))) / (k + 1)
    else:
        test = welch(u_students, u_controls, v_int=v_int)
        rank_p = float(
            stats.mannwhitneyu(u_students, u_controls, alternative="greater", method="exact").pvalue
        )
    return Evidence(
        procedure=procedure,
        estimate=test.estimate,
        low=test.estimate - test.half_width,
        high=test.estimate + test.half_width,
        p_value=test.p_value,
        n=n,
        n_controls=k,
        z=test.estimate / np.sqrt(test.control_variance) * (1 - 3 / (4 * (k - 1) - 1)),
        cliffs_delta=float(np.mean(np.sign(u_students[:, None] - u_controls[None, :]))),
        rank_p=rank_p,
        controls=tuple(float(u - np.mean(np.delete(u_controls, i))) for i, u in enumerate(u_controls)),
    )


def differences_only(procedure: str, estimate: float, *, n: int, n_controls: int) -> Evidence:
    """Evidence of a difference that too few controls leave untested."""
    note = f"{n_controls} controls: differences only, no test; at least {MIN_CONTROLS} are needed"
    return Evidence(
        procedure=procedure,
        estimate=estimate,
        n=n,
        n_controls=n_controls,
        status="differences-only",
        note=note,
    )


def undefined(procedure: str, note: str, *, n: int = 0, n_controls: int = 0) -> Evidence:
    """Evidence that could not be had, and why."""
    return Evidence(procedure=procedure, n=n, n_controls=n_controls, status="undefined", note=note)
