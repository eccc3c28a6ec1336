"""Margins move with the student's accuracy: what networks of that accuracy do by themselves is no inheritance."""

from __future__ import annotations

import pytest

from kdaudit.policy.allowance import allowing
from kdaudit.policy.limits import LIMITS
from kdaudit.types import Outcome
from tests.policy.assessments import assessment, judged

KAPPA = (0.24, 0.19, 0.29, 0.001)


@pytest.mark.parametrize(
    ("gap", "teacher_gap", "m_fail", "m_pass"),
    [
        (0.02, 0.10, 0.24, 0.20),
        (-0.02, -0.03, 0.24, 0.20),
        (0.02, -0.03, 0.10, 0.06),
        (-0.02, 0.10, 0.10, 0.06),
        (-0.12, -0.03, 0.45, 0.20),
        (0.0, 0.10, 0.10, 0.20),
        (0.02, None, 0.10, 0.20),
        (0.02, 0.0, 0.10, 0.06),
    ],
)
def test_margins_move_by_hand(gap: float, teacher_gap: float | None, m_fail: float, m_pass: float) -> None:
    """.07 a point, at most .35: to fail on the teacher's side of the controls, to pass on the other."""
    moved = allowing(assessment(gap=gap, teacher_gap=teacher_gap), LIMITS)
    assert (m_fail, m_pass) == pytest.approx((moved.m_fail, moved.m_pass))


def test_a_student_of_the_teachers_own_accuracy_fails_later() -> None:
    """.24 fails at the controls' accuracy, and not three points nearer a better teacher's."""
    assert Outcome.FAIL == judged(assessment(kappa=KAPPA, teacher_gap=0.1)).outcome
    nearer = judged(assessment(kappa=KAPPA, gap=0.03, teacher_gap=0.1))
    assert Outcome.INCONCLUSIVE == nearer.outcome
    (said,) = (row.reason for row in nearer.rules if row.rule == "KD301")
    assert "so it fails from 31" in said
    (required,) = (row.required for row in nearer.rules if row.rule == "KD201")
    assert (
        "fail from 31\u00a0% (10\u00a0%, and 21 points for its accuracy: see KD301) with p ≤ .05" in required
    )
    assert Outcome.FAIL == judged(assessment(kappa=KAPPA, gap=-0.03, teacher_gap=0.1)).outcome


def test_a_student_far_from_the_teachers_accuracy_passes_later() -> None:
    """An interval up to .15 passes at the controls' accuracy, and not two points farther from the teacher's."""
    kappa = (0.05, -0.05, 0.15, 0.2)
    assert Outcome.PASS == judged(assessment(kappa=kappa, teacher_gap=0.1)).outcome
    farther = judged(assessment(kappa=kappa, gap=-0.02, teacher_gap=0.1))
    assert Outcome.INCONCLUSIVE == farther.outcome
    (said,) = (row.reason for row in farther.rules if row.rule == "KD301")
    assert "so it passes below 6" in said
    (required,) = (row.required for row in farther.rules if row.rule == "KD201")
    assert "ends below 6\u00a0% (20\u00a0%, less 14 points for its accuracy: see KD301)" in required
