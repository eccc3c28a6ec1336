"""KD4xx: what the student lost against its controls, whatever it took over. They warn."""

from __future__ import annotations

from kdaudit.policy.knowledge_rules import effect
from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import at_most, compared
from kdaudit.types import Assessment, Evidence, RuleOutcome, RuleStatus


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
