"""KD1xx and KD2xx: what was taken over. Each rule is total: missing evidence is never a pass."""

from __future__ import annotations

from typing import Literal

from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import bare, bound, percent
from kdaudit.types import Assessment, Evidence, RuleOutcome, RuleStatus

_TITLES = {
    RuleStatus.FAIL: "The student repeats its teacher’s errors",
    RuleStatus.UNDECIDED: "Whether the student repeats its teacher’s errors",
    RuleStatus.PASS: "The student does not repeat its teacher’s errors",
}
_MISSING = Evidence(procedure="missing", status="undefined", note="it was not measured")


def effect(assessment: Assessment, name: str) -> Evidence:
    """The evidence of that name; an undefined one where it was not measured."""
    return assessment.effects.get(name, _MISSING)


def functional_transfer(assessment: Assessment, limits: Limits) -> RuleOutcome:
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


def wrong_knowledge(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD201: whether the student repeats its teacher’s errors beyond its controls; decides the verdict.

    FAIL: p <= alpha and kappa_W >= m_fail. PASS: the upper end, and that of the tilt guard, below m_pass.
    """
    kappa, tilt = effect(assessment, "kappa_W"), effect(assessment, "tilt")
    status = RuleStatus.UNDECIDED
    if kappa.estimate is None or kappa.p_value is None or kappa.high is None:
        reason = f"Not measured: {kappa.note}."
    elif kappa.p_value <= limits.alpha and kappa.estimate >= limits.m_fail:
        status = RuleStatus.FAIL
        reason = _repeats(assessment)
        if kappa.low is not None and kappa.low < limits.m_fail:
            reason += (
                f" The share itself is uncertain ({percent(kappa.low)} to {percent(kappa.high)}), but it is estimated "
                f"at {bound(limits.m_fail)} or more, and chance alone does not give that."
            )
    elif kappa.high >= limits.m_pass:
        low = kappa.low if kappa.low is not None else float("-inf")
        reason = f"{_repeats(assessment)} The interval reaches {bound(limits.m_pass)}" + (
            " and includes 0." if low <= 0 else "."
        )
    elif tilt.high is not None and tilt.high >= limits.m_pass:
        reason = (
            "The student is more accurate than its controls; against controls of its accuracy the interval "
            f"reaches {percent(tilt.high)}."
        )
    else:
        status = RuleStatus.PASS
        reason = _repeats(assessment)
    return RuleOutcome(
        rule="KD201",
        title=_TITLES[status],
        level="error",
        status=status,
        observed=kappa.estimate,
        unit="share",
        low=kappa.low,
        high=kappa.high,
        required=f"fail from {bound(limits.m_fail)} with p ≤ {bare(limits.alpha)}; "
        f"pass if the interval ends below {bound(limits.m_pass)}",
        n=kappa.n or None,
        p_value=kappa.p_value,
        reason=reason,
    )


def asymmetry(assessment: Assessment, limits: Limits) -> Literal["negative", "absent", "undetermined"]:
    """Whether wrong knowledge is taken over more than right knowledge. Method, "Verdict"."""
    ratio, kappa = effect(assessment, "rrr"), effect(assessment, "kappa_W")
    p = assessment.p_asymmetry
    if assessment.fitness.n_W < limits.min_stratum or ratio.high is None or kappa.high is None or p is None:
        return "undetermined"
    if p <= limits.alpha and ratio.estimate is not None and ratio.estimate >= limits.ratio:
        return "negative"
    if ratio.high < limits.ratio or kappa.high < limits.absent_kappa:
        return "absent"
    return "undetermined"


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


def attribution(assessment: Assessment, limits: Limits) -> Literal["this_teacher", "unproven"]:
    """'this_teacher' if p(kappa_W), p(DID) and the smallest Holm p of functional transfer are all <= alpha."""
    p_values = [effect(assessment, "kappa_W").p_value, effect(assessment, "did").p_value]
    p_values.append(min(assessment.transfer_holm.values(), default=None))
    if assessment.fitness.n_W < limits.min_stratum:
        return "unproven"
    return "this_teacher" if all(p is not None and p <= limits.alpha for p in p_values) else "unproven"


def origin(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD203: where the errors come from (a finding)."""
    did = effect(assessment, "did")
    kappa_p = effect(assessment, "kappa_W").p_value
    if attribution(assessment, limits) == "this_teacher":
        status, reason = (
            RuleStatus.FINDING,
            "Wrong knowledge, closeness to this teacher and not to other models, and transfer are all above chance.",
        )
    elif kappa_p is None or kappa_p > limits.alpha:
        status, reason = (
            RuleStatus.NOT_JUDGED,
            "No wrong knowledge above chance whose origin could be asked for.",
        )
    else:
        status, reason = (
            RuleStatus.FINDING,
            "Unproven: the student repeats the teacher’s errors, as students of other teachers may.",
        )
    return RuleOutcome(
        rule="KD203",
        title="Where the errors come from",
        level="finding",
        status=status,
        observed=did.estimate,
        unit="share",
        low=did.low,
        high=did.high,
        required=f"each p ≤ {bare(limits.alpha)}",
        n=did.n or None,
        p_value=did.p_value,
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


def _repeats(assessment: Assessment) -> str:
    n_w, by_student = assessment.fitness.n_W, assessment.n_repeated_W
    by_controls = assessment.n_repeated_by_controls_W
    if by_student is None or by_controls is None:
        return "Repeated errors were not counted."
    return (
        f"Where the teacher is wrong, the student gives the same wrong answer in {by_student:,} of {n_w:,} cases; "
        f"independent controls do so in {by_controls:,.0f}."
    )
