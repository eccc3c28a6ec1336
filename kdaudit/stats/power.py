"""What an audit of this size can see, and what size would be needed. Method, "Planner".

Every formula is that of `hybrid` with expected values in place of observed ones; power by the noncentral t.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from kdaudit.stats import variance
from kdaudit.stats.hybrid import LEVEL, MAX_DF
from kdaudit.stats.sample import MIN_CONTROLS, Stratum

WISHED_POWER = 0.8
_STEP = 0.01
_MAX_N_W = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What power depends on.

    agreement: A = A_W(C); between_examples: H = mean p_i(1-p_i) K/(K-1), per example;
    between_seeds: sb2, the variance of A_W(c_k) that examples do not explain.
    """

    n_W: int  # noqa: N815 - the method's name
    n_controls: int
    agreement: float
    between_examples: float
    between_seeds: float


# Means over the real networks of the method's evidence: what to expect before anything is trained.
PROFILES = {
    "a teacher that learned from flawed labels": Design(
        n_W=0, n_controls=0, agreement=0.24, between_examples=0.075, between_seeds=0.012**2
    ),
    "a good teacher": Design(
        n_W=0, n_controls=0, agreement=0.57, between_examples=0.15, between_seeds=0.02**2
    ),
}


def design_of(stratum: Stratum) -> Design | None:
    """The design of an audit with these controls on W; None below three controls or without room."""
    k = len(stratum.controls)
    if k < MIN_CONTROLS or not stratum.headroom:
        return None
    h_per_example = variance.between_examples(stratum) * stratum.n
    observed = float(np.var(stratum.control_agreement, ddof=1))
    return Design(
        n_W=stratum.n,
        n_controls=k,
        agreement=float(stratum.control_agreement.mean()),
        between_examples=h_per_example,
        between_seeds=max(0.0, observed - h_per_example / stratum.n),
    )


def sharpness(design: Design, *, m_fail: float, wished: float = WISHED_POWER) -> float | None:
    """The smallest kappa_W >= m_fail, in steps of .01, that p <= .05 would find in 80 of 100 audits.

    None if no kappa_W below 1 would be found. `wished` is the power, .8 by default.
    """
    for step in range(round(m_fail / _STEP), round(1 / _STEP)):
        kappa = step * _STEP
        if _power(design, kappa, above=0.0) >= wished:
            return round(kappa, 2)
    return None


def fail_power(design: Design, kappa: float, *, m_fail: float) -> float:
    """P(FAIL) at a true kappa_W: p <= .05 and an estimate >= m_fail. At kappa = m_fail about .5, however large n is."""
    return _power(design, kappa, above=m_fail)


def pass_power(design: Design, kappa: float, *, m_pass: float) -> float:
    """P(the upper end of kappa_W < m_pass) at a true kappa_W."""
    spread, df = _spread(design, kappa)
    critical = float(stats.t.ppf(LEVEL, df))
    return float(stats.nct.sf(critical, df, (m_pass - kappa) * (1 - design.agreement) / spread))


def needed_n_W(  # noqa: N802 - the method's name
    design: Design,
    kappa: float,
    *,
    m_fail: float | None = None,
    m_pass: float | None = None,
    wished: float = WISHED_POWER,
) -> int | None:
    """The smallest number of teacher errors with power >= `wished` to fail (m_fail given) or pass (m_pass given).

    Bisection: power grows with n_W. None where no n_W up to a million reaches it.
    """

    def power(n: int) -> float:
        at = replace(design, n_W=n)
        if m_fail is not None:
            return fail_power(at, kappa, m_fail=m_fail)
        return pass_power(at, kappa, m_pass=m_pass or 0.0)

    if power(_MAX_N_W) < wished:
        return None
    low, high = 1, _MAX_N_W
    while low < high:
        middle = (low + high) // 2
        if power(middle) >= wished:
            high = middle
        else:
            low = middle + 1
    return low


def _power(design: Design, kappa: float, *, above: float) -> float:
    spread, df = _spread(design, kappa)
    room = 1 - design.agreement
    critical = max(float(stats.t.ppf(LEVEL, df)), above * room / spread)
    return float(stats.nct.sf(critical, df, kappa * room / spread))


def _spread(design: Design, kappa: float) -> tuple[float, float]:
    """(sqrt V, df) of the student's excess agreement A_W(S) - A_W(C) at a true kappa."""
    a, h, k, n = design.agreement, design.between_examples, design.n_controls, design.n_W
    f = 1 + 1 / k
    s2 = max(h / n + design.between_seeds, 1e-15)
    between_levels = a * (1 - a) - h
    error = (1 - kappa) * (kappa * (1 - a) + (1 - kappa) * h)
    v_diff = (error + h / k + kappa**2 * between_levels) / n
    total = s2 * f + max(0.0, v_diff - f * h / n)
    return float(np.sqrt(total)), min((k - 1) * (total / (s2 * f)) ** 2, MAX_DF)
