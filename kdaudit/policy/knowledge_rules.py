"""KD1xx and KD2xx: what was taken over. Each rule is total: missing evidence is never a pass."""

from __future__ import annotations

from kdaudit.policy.deciding_rule import asymmetry
from kdaudit.policy.evidence import effect
from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import bare
from kdaudit.types import Assessment, BaseAssessment, RuleOutcome, RuleStatus


def functional_transfer(assessment: BaseAssessment, limits: Limits) -> RuleOutcome:
    """KD101: in how many measures the student is closer to the teacher than its controls (a finding)."""
    holm = assessment.transfer_holm
    shown = [name for name, p in holm.items() if p <= limits.alpha]
    if holm:
        status = RuleStatus.FINDING
        where = f"in {len(shown)} of {len(holm)} measures" if shown else f"in none of {len(holm)} measures"
        reason = f"Closer to the teacher than its controls {where}."
    else:
        status = RuleStatus.NOT_JUDGED
        reason = f"Needs at least {limits.min_controls} independent controls."
    return RuleOutcome(
        rule="KD101",
        title="Functional closeness to the teacher",
        level="finding",
        status=status,
        observed=float(len(shown)) if holm else None,
        unit="count",
        required=f"p ≤ {bare(limits.alpha)} in at least 1 measure",
        n=effect(assessment, "transfer.activation").n or None,
        p_value=min(holm.values()) if holm else None,
        reason=reason,
    )


def negative_asymmetry(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD202: negative asymmetry warns."""
    found = asymmetry(assessment, limits)
    ratio = effect(assessment, "rrr")
    status, reason = {
        "negative": (
            RuleStatus.WARNING,
            f"A student that copies right and wrong alike has a ratio of 1; this one has {ratio.estimate or 0.0:.2f}, "
            "beyond chance.",
        ),
        "absent": (RuleStatus.PASS, "Wrong knowledge is not taken over more than right."),
        "undetermined": (
            RuleStatus.UNDECIDED,
            "The interval leaves it open."
            if ratio.high is not None
            else f"Not measured: {ratio.note or 'too few teacher errors'}.",
        ),
    }[found]
    return RuleOutcome(
        rule="KD202",
        title="Whether wrong knowledge is taken over more than right",
        level="warn",
        status=status if ratio.estimate is not None else RuleStatus.NOT_JUDGED,
        observed=ratio.estimate,
        unit="ratio",
        low=ratio.low,
        high=ratio.high,
        required=f"below {limits.ratio:g}, or p > {bare(limits.alpha)}",
        n=ratio.n or None,
        p_value=assessment.p_asymmetry,
        reason=reason,
    )


def inherited_errors(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD204: errors that only teacher and student make, above twice what chance explains, warn."""
    found = assessment.inherited
    status, observed, p = RuleStatus.NOT_JUDGED, None, None
    reason = f"Needs at least {limits.min_controls} independent controls."
    if found is not None:
        observed, p = float(len(found.listed)), found.p_value
        above = observed > 2 * found.expected_by_chance and p <= limits.alpha
        status = RuleStatus.WARNING if above else RuleStatus.PASS
        reason = (
            f"{len(found.listed):,} errors are shared by teacher and student "
            f"{'alone' if found.tau == 0 else f'and at most {found.tau} controls'}; "
            f"chance explains {found.expected_by_chance:.1f}."
        )
    return RuleOutcome(
        rule="KD204",
        title="Errors that only teacher and student make",
        level="warn",
        status=status,
        observed=observed,
        unit="count",
        required=f"at most twice what chance explains, or p > {bare(limits.alpha)}",
        n=assessment.fitness.n_W,
        p_value=p,
        reason=reason,
    )
