"""KD205: whether the student takes over more of its teacher's errors than that of an earlier audit did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from kdaudit.numbers import exactly, percent
from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import at_most, bare
from kdaudit.types import Assessment, Change, Outcome, RuleOutcome, RuleStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """How the comparison of two audits ends, and the sentences that say why."""

    outcome: Literal["regression", "no_regression", "inconclusive"]
    reason: str


def no_regression(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD205: kappa_W did not rise beyond noise since the earlier audit; not judged without one."""
    return judged_change(assessment.change, limits)


def judged_change(change: Change | None, limits: Limits) -> RuleOutcome:
    """KD205 of a change.

    FAIL: p <= alpha and a rise of m_rise or more. PASS: else, if the interval of the rise ends below m_pass. UNDECIDED
    otherwise, or if the earlier audit was not fit for a verdict; that makes no audit inconclusive.
    """
    outcome = RuleOutcome(
        rule="KD205",
        title="No regression against the earlier audit",
        level="error",
        status=RuleStatus.NOT_JUDGED,
        unit="points",
        required=f"no rise of {at_most(limits.m_rise)} or more with p ≤ {bare(limits.alpha)}",
        reason="No earlier audit was named; --baseline compares with one.",
    )
    if change is None:
        return outcome
    status, reason = _judged(change, limits)
    return replace(
        outcome,
        status=status,
        reason=reason,
        observed=change.rise.estimate,
        low=change.rise.low,
        high=change.rise.high,
        n=change.n_W,
        p_value=change.rise.p_value,
    )


def regression(rule: RuleOutcome, *, before: Outcome, after: Outcome, unfit: str) -> Regression:
    """How the comparison ends, from KD205 and what became of the verdict.

    A regression: KD205 fails, or the verdict went from pass to fail. Inconclusive: neither, and KD205 or the new audit
    is undecided; or the new audit was not fit for a verdict, which `unfit` says.
    """
    if unfit:
        reason = f"The new audit was not fit for a verdict: {unfit}"
        return Regression(outcome="inconclusive", reason=reason)
    verdicts = f"The verdict is {after.upper()}, as before."
    if before is not after:
        verdicts = f"The verdict went from {before.upper()} to {after.upper()}."
    reason = f"{rule.reason} {verdicts}"
    if rule.status is RuleStatus.FAIL or (before is Outcome.PASS and after is Outcome.FAIL):
        return Regression(outcome="regression", reason=reason)
    if rule.status is RuleStatus.PASS and after is not Outcome.INCONCLUSIVE:
        return Regression(outcome="no_regression", reason=reason)
    return Regression(outcome="inconclusive", reason=reason)


def _judged(change: Change, limits: Limits) -> tuple[RuleStatus, str]:
    rise = change.rise
    if change.unfit:
        return RuleStatus.UNDECIDED, f"The earlier audit was not fit for a verdict: {change.unfit}"
    if change.n_W < limits.min_stratum:
        return RuleStatus.UNDECIDED, (
            f"Both audits saw {change.n_W} of the teacher’s errors; below {limits.min_stratum} nothing can be said."
        )
    if rise.estimate is None or rise.p_value is None or rise.high is None:
        return RuleStatus.UNDECIDED, f"Whether more errors are taken over was not tested: {rise.note}."
    went = (
        f"The share of the teacher’s errors taken over went from {percent(change.before or 0.0)} to "
        f"{percent(change.after or 0.0)}"
    )
    if rise.p_value <= limits.alpha and rise.estimate >= limits.m_rise:
        return RuleStatus.FAIL, f"{went}, more than another seed explains."
    if rise.high >= limits.m_pass:
        return RuleStatus.UNDECIDED, (
            f"{went}; a rise of {exactly(limits.m_pass)} of them or more cannot be ruled out."
        )
    if rise.p_value <= limits.alpha:
        return RuleStatus.PASS, f"{went}, a rise of less than {at_most(limits.m_rise)}."
    if rise.high < 0:
        return RuleStatus.PASS, f"{went}, a fall that another seed does not explain."
    return RuleStatus.PASS, f"{went}, no more than another seed explains."
