"""KD205: when the share taken over rose too much, when it cannot be told, and how a comparison ends."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from kdaudit.policy import RULES
from kdaudit.policy.judge import judge
from kdaudit.policy.limits import LIMITS
from kdaudit.policy.policy import Policy
from kdaudit.policy.regression_rules import judged_change, regression
from kdaudit.types import Change, Evidence, Outcome, RuleStatus
from tests.policy.assessments import GUILTY, assessment

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def change(
    estimate: float | None,
    high: float | None,
    p: float | None,
    *,
    n_W: int = 400,
    unfit: str = "",
    note: str = "",
) -> Change:
    """A change of kappa_W from 3 %."""
    rise = Evidence(procedure="rise", estimate=estimate, low=-0.1, high=high, p_value=p, n=400, note=note)
    return Change(
        n=5000,
        n_W=n_W,
        before=0.03,
        after=0.03 + (estimate or 0.0),
        rise=rise,
        accuracy=Evidence(procedure="accuracy_change", estimate=0.0),
        unfit=unfit,
    )


ROSE = change(0.12, 0.2, 0.01)


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        (None, "not_judged", "No earlier audit was named; --baseline compares with one."),
        (ROSE, "fail", "went from 3 % to 15 %, more than another seed explains."),
        (change(0.05, 0.1, 0.05), "fail", "went from 3 % to 8 %"),
        (change(0.049, 0.1, 0.01), "pass", "went from 3 % to 8 %, a rise of less than 5 points."),
        (change(0.12, 0.19, 0.051), "pass", "went from 3 % to 15 %, no more than another seed explains."),
        (change(-0.12, 0.0, 0.9), "pass", "went from 3 % to −9 %, no more than another seed explains."),
        (change(-0.12, -0.01, 0.99), "pass", "to −9 %, a fall that another seed does not explain."),
        (change(0.12, 0.2, 0.06), "undecided", "a rise of 20 % of them or more cannot be ruled out"),
        (change(0.12, 0.3, 0.01, n_W=19), "undecided", "saw 19 of the teacher’s errors; below 20 nothing"),
        (change(None, None, None, note="no room"), "undecided", "was not tested: no room."),
        (change(0.5, 0.6, 0.001, unfit="2 controls."), "undecided", "not fit for a verdict: 2 controls."),
    ],
)
def test_the_rule_ends_as_the_change_says(found: Change | None, status: str, said: str) -> None:
    """A rise fails from 5 points beyond noise; a pass needs an interval that ends below 20 points."""
    outcome = judged_change(found, LIMITS)
    assert (status, "error", "KD205") == (outcome.status.value, outcome.level, outcome.rule)
    assert said in outcome.reason.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("found", "kappa", "verdict"),
    [
        (None, None, PASS),
        (change(0.12, 0.3, 0.06), None, PASS),
        (ROSE, None, FAIL),
        (ROSE, GUILTY, FAIL),
        (change(0.0, 0.1, 0.5), GUILTY, FAIL),
    ],
)
def test_a_regression_fails_an_audit_that_passes_by_itself(
    found: Change | None, kappa: tuple[float, float, float, float] | None, verdict: Outcome
) -> None:
    """It alone fails an audit; without an earlier audit, or undecided, it holds no verdict back."""
    plain = assessment() if kappa is None else assessment(kappa=kappa)
    judged = judge(
        RULES, dataclasses.replace(plain, change=found), Policy(), students=(), on=date(2027, 1, 1)
    )
    assert verdict is judged.outcome


def test_an_unfit_audit_stays_inconclusive() -> None:
    """Fitness comes first, whatever rose."""
    found = dataclasses.replace(assessment(n_W=5), change=ROSE)
    assert INCONCLUSIVE is judge(RULES, found, Policy(), students=(), on=date(2027, 1, 1)).outcome


@pytest.mark.parametrize(
    ("status", "before", "after", "outcome", "said"),
    [
        (RuleStatus.FAIL, FAIL, FAIL, "regression", "The verdict is FAIL, as before."),
        (RuleStatus.FAIL, PASS, INCONCLUSIVE, "regression", "went from PASS to INCONCLUSIVE."),
        (RuleStatus.PASS, PASS, FAIL, "regression", "The verdict went from PASS to FAIL."),
        (RuleStatus.UNDECIDED, PASS, FAIL, "regression", "The verdict went from PASS to FAIL."),
        (RuleStatus.PASS, PASS, PASS, "no_regression", "The verdict is PASS, as before."),
        (RuleStatus.PASS, FAIL, PASS, "no_regression", "The verdict went from FAIL to PASS."),
        (RuleStatus.PASS, INCONCLUSIVE, FAIL, "no_regression", "went from INCONCLUSIVE to FAIL."),
        (RuleStatus.UNDECIDED, PASS, PASS, "inconclusive", "The verdict is PASS, as before."),
        (RuleStatus.PASS, PASS, INCONCLUSIVE, "inconclusive", "went from PASS to INCONCLUSIVE."),
    ],
)
def test_a_comparison_ends_by_the_rule_and_the_verdicts(
    status: RuleStatus, before: Outcome, after: Outcome, outcome: str, said: str
) -> None:
    """A regression by either; else open where the rule or the new verdict is."""
    rule = dataclasses.replace(judged_change(ROSE, LIMITS), status=status)
    found = regression(rule, before=before, after=after, unfit="")
    assert outcome == found.outcome
    assert said in found.reason


def test_an_unfit_new_audit_shows_no_regression() -> None:
    """Its numbers mean nothing."""
    found = regression(judged_change(ROSE, LIMITS), before=PASS, after=INCONCLUSIVE, unfit="Few errors.")
    assert ("inconclusive", "The new audit was not fit for a verdict: Few errors.") == (
        found.outcome,
        found.reason,
    )
