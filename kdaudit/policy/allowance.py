"""What the margins allow for a student whose accuracy is not that of its controls.

Networks resemble most those of their own accuracy: one that is merely trained better, or worse, comes nearer to a
better, or a weaker, teacher without having seen it, errors included. So the margin to fail rises where the student's
accuracy lies on the teacher's side of its controls', and the margin to pass falls where it lies on the other. How much,
was measured on students of known origin (docs/validity.md): among honest ones kappa_W rose by up to .07 for each point
of accuracy, and never above .35.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from kdaudit.policy.evidence import effect
from kdaudit.policy.limits import Limits
from kdaudit.types import Assessment

# Below a percent nobody needs to be told.
NAMED = 0.01


def side(assessment: Assessment) -> Literal["", "nearer", "farther"]:
    """Whether the student's accuracy lies on the teacher's side of its controls' mean; '' where it is not known."""
    gap, teacher = effect(assessment, "accuracy_gap").estimate, assessment.teacher_gap
    if gap is None or teacher is None or gap == 0:
        return ""
    return "nearer" if gap * teacher > 0 else "farther"


def allowance(assessment: Assessment, limits: Limits) -> float:
    """What the student's accuracy alone may explain of kappa_W: .07 for each point, at most .35, in whole percents."""
    gap = effect(assessment, "accuracy_gap").estimate
    return round(min(limits.gap_allowance * 100 * abs(gap or 0.0), limits.max_gap_allowance), 2)


def allowing(assessment: Assessment, limits: Limits) -> Limits:
    """The limits with the margins moved by the allowance; see the module."""
    moved = allowance(assessment, limits)
    where = side(assessment)
    if where == "nearer":
        return replace(limits, m_fail=round(limits.m_fail + moved, 4))
    if where == "farther":
        return replace(limits, m_pass=round(limits.m_pass - moved, 4))
    return limits
