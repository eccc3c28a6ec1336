"""What would settle an inconclusive audit: examples and controls for a verdict in 80 of 100 audits."""

from __future__ import annotations

import math
from dataclasses import replace

from kdaudit.policy.limits import Limits
from kdaudit.schema import PlannerRow
from kdaudit.stats.power import Design, design_of, needed_n_W
from kdaudit.stats.sample import Sample
from kdaudit.types import Evidence


def planner_rows(sample: Sample, kappa: Evidence, limits: Limits) -> tuple[PlannerRow, ...]:
    """Rows for: fail if the estimate is the truth; pass if nothing, or the fail limit, is. () without a design."""
    design = design_of(sample.stratum(wrong=True))
    if design is None:
        return ()
    planned = replace(design, n_controls=max(design.n_controls, limits.advised_controls))
    rows = []
    if kappa.estimate is not None and kappa.estimate > limits.m_fail:
        n_w = needed_n_W(planned, kappa.estimate, m_fail=limits.m_fail)
        rows.append(_row("fail", kappa.estimate, n_w, planned, sample))
    for truth in (0.0, limits.m_fail):
        n_w = needed_n_W(planned, truth, m_pass=limits.m_pass)
        rows.append(_row("pass", truth, n_w, planned, sample))
    return tuple(rows)


def _row(purpose: str, kappa: float, n_w: int | None, design: Design, sample: Sample) -> PlannerRow:
    n, errors = len(sample.panel.labels), int(sample.teacher_wrong.sum())
    return PlannerRow(
        purpose="fail" if purpose == "fail" else "pass",
        kappa_W=kappa,
        n_W=n_w,
        n=None if n_w is None else math.ceil(n_w * n / errors),
        n_controls=design.n_controls,
    )
