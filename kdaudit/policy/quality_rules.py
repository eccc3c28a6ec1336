"""KD4xx: what the student lost against its controls, whatever it took over. They warn."""

from __future__ import annotations

from dataclasses import replace

from kdaudit.numbers import exactly
from kdaudit.policy.evidence import effect
from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import at_most, compared
from kdaudit.types import Assessment, Evidence, PartEvidence, RuleOutcome, RuleStatus


def accuracy(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD401: the student's accuracy against that of its controls."""
    gap = effect(assessment, "accuracy_gap")
    difference = compared(gap.estimate or 0.0, more="more accurate than", less="less accurate than")
    return _against_controls(
        gap,
        rule="KD401",
        title="Accuracy against the controls",
        worse=gap.estimate is not None and gap.estimate < -limits.accuracy_margin,
        required=f"at most {at_most(limits.accuracy_margin)} below controls",
        reason=f"{difference or 'As accurate as'} networks without the teacher.",
    )


def negative_flips(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD402: correct answers of the teacher that the student lost, beyond what controls lose."""
    flips = effect(assessment, "negative_flips")
    difference = compared(flips.estimate or 0.0, more="more", less="fewer")
    than = f"{difference} of the teacher’s correct answers lost than" if difference else "As many lost as"
    return _against_controls(
        flips,
        rule="KD402",
        title="Correct answers lost",
        worse=flips.estimate is not None and flips.estimate > limits.flips_margin,
        required=f"at most {at_most(limits.flips_margin)} more than controls",
        reason=f"{than} by networks without the teacher.",
    )


def calibration(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD403: the student's expected calibration error beyond that of its controls."""
    ece = effect(assessment, "ece")
    difference = compared(ece.estimate or 0.0, more="above", less="below")
    return _against_controls(
        ece,
        rule="KD403",
        title="Calibration",
        worse=ece.estimate is not None and ece.estimate > limits.calibration_margin,
        required=f"at most {at_most(limits.calibration_margin)} above controls",
        reason=f"Its calibration error is {difference or 'equal to'} that of networks without the teacher.",
    )


def classes(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD404: classes in which the student is less accurate than its controls by more than a margin."""
    return _parts(assessment, limits, rule="KD404", title="Accuracy by class", family="class", noun="class")


def slices(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD405: slices of the data in which the student is less accurate than its controls by more than a margin."""
    found = _parts(assessment, limits, rule="KD405", title="Accuracy by slice", family="slice", noun="slice")
    if assessment.has_slices:
        return found
    return replace(found, reason="No slices were asked for. Name columns of the data with --slice.")


def _parts(
    assessment: Assessment, limits: Limits, *, rule: str, title: str, family: str, noun: str
) -> RuleOutcome:
    tested = [p for p in assessment.parts if p.family == family and p.lost is not None]
    worse = [
        p for p in tested if _lost(p) > limits.part_margin and (p.q_lost or 0.0) <= limits.false_discovery
    ]
    if not tested:
        reason = f"No {noun} holds enough examples, or there are too few controls."
    elif worse:
        worst = max(worse, key=_lost)
        reason = (
            f"Less accurate than networks without the teacher in {len(worse)} of {len(tested)} "
            f"{_plural(noun, len(tested))}, most in {worst.name}: "
            f"its error rate is {compared(_lost(worst), more='higher', less='lower')}."
        )
    else:
        reason = (
            f"In none of {len(tested)} {_plural(noun, len(tested))} clearly less accurate than such networks."
        )
    status = RuleStatus.WARNING if worse else RuleStatus.PASS
    return RuleOutcome(
        rule=rule,
        title=title,
        level="warn",
        status=status if tested else RuleStatus.NOT_JUDGED,
        observed=float(len(worse)) if tested else None,
        unit="count",
        required=f"none above {at_most(limits.part_margin)} at {exactly(limits.false_discovery)} false discovery",
        n=sum(p.n for p in tested) or None,
        reason=reason,
    )


def _lost(part: PartEvidence) -> float:
    return 0.0 if part.lost is None or part.lost.estimate is None else part.lost.estimate


def _plural(noun: str, n: int) -> str:
    return noun if n == 1 else {"class": "classes"}.get(noun, f"{noun}s")


def _against_controls(
    found: Evidence, *, rule: str, title: str, worse: bool, required: str, reason: str
) -> RuleOutcome:
    status = RuleStatus.WARNING if worse else RuleStatus.PASS
    return RuleOutcome(
        rule=rule,
        title=title,
        level="warn",
        status=RuleStatus.NOT_JUDGED if found.estimate is None else status,
        observed=found.estimate,
        unit="points",
        low=found.low,
        high=found.high,
        required=required,
        n=found.n or None,
        reason=f"Not measured: {found.note}." if found.estimate is None else reason,
    )
