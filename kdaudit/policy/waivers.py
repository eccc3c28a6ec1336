"""Waivers: which violated rules they lift, on which day and for which student. No clock here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from kdaudit.options import Waiver
from kdaudit.policy.phrases import day
from kdaudit.types import ModelRef, RuleOutcome, RuleStatus, WaiverState

FEWEST_DIGITS = 8
_WAIVABLE = ("KD1", "KD2", "KD4")
_VIOLATED = {RuleStatus.FAIL: "fail", RuleStatus.WARNING: "warn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """The outcomes after all waivers, and the state of each waiver, in their orders."""

    outcomes: tuple[RuleOutcome, ...]
    states: tuple[WaiverState, ...]


def may_be_waived(rule: str) -> bool:
    """Whether a rule is one on the student; those on the audit's fitness cannot be waived."""
    return rule.startswith(_WAIVABLE)


def apply_waivers(
    outcomes: Sequence[RuleOutcome],
    waivers: Sequence[Waiver],
    *,
    students: Sequence[ModelRef],
    on: date,
) -> Waived:
    """Lift what is waived. A rule without a decision stays open, an expired waiver is said where it would be needed."""
    by_rule = {outcome.rule: outcome for outcome in outcomes}
    states = []
    for waiver in waivers:
        found = by_rule.get(waiver.rule)
        violated = found is not None and may_be_waived(waiver.rule) and found.status in _VIOLATED
        states.append(_state(waiver, students, on, violated=violated))
        if found is None or not violated:
            continue
        if states[-1] == "used":
            by_rule[waiver.rule] = _lifted(found, waiver)
        elif states[-1] == "expired":
            by_rule[waiver.rule] = replace(
                found, waiver=f"no longer waived: the waiver ended on {day(waiver.expires)}"
            )
    return Waived(outcomes=tuple(by_rule[o.rule] for o in outcomes), states=tuple(states))


def _state(waiver: Waiver, students: Sequence[ModelRef], on: date, *, violated: bool) -> WaiverState:
    if not all(_is_for(waiver, student) for student in students):
        return "other_student"
    if on > waiver.expires:
        return "expired"
    return "used" if violated else "unused"


def _is_for(waiver: Waiver, student: ModelRef) -> bool:
    """Whether a waiver covers a student: one without a student covers all."""
    stated = waiver.student
    if stated is None or stated == student.name:
        return True
    return len(stated) >= FEWEST_DIGITS and student.sha256.startswith(stated.lower())


def _lifted(outcome: RuleOutcome, waiver: Waiver) -> RuleOutcome:
    reason = waiver.reason.strip().rstrip(".")
    said = f"waived until {day(waiver.expires)}: {reason}. Otherwise it would {_VIOLATED[outcome.status]}"
    return replace(outcome, status=RuleStatus.WAIVED, waiver=said)
