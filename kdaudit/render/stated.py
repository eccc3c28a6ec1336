"""What the user stated about the gate, in sentences: preset, limits, levels, waivers, and what that costs. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kdaudit import numbers
from kdaudit.numerics import listing
from kdaudit.render import text
from kdaudit.schema import AuditResult, RuleRecord, WaiverRecord

_DEFAULT_PRESET = "default"
_LEVELS = {"off": "is off", "warn": "warns", "error": "can fail the audit", "finding": "is a finding"}
_ON_FITNESS = "can make the audit inconclusive"
_IN_SHORT = {"used": "used", "unused": "not needed", "expired": "expired", "other_student": "for others"}
_STATES = {
    "used": "waived until {day}",
    "unused": "waived until {day}, which was not needed",
    "expired": "no longer waived since {day}",
    "other_student": "waived until {day} for another student",
}


def policy_lines(result: AuditResult) -> tuple[str, ...]:
    """The policy where it is not the default, and what it costs, as sentences; () for the default."""
    return tuple(text.opening(line) for line in _lines(result))


def in_short(result: AuditResult) -> str:
    """The policy where it is not the default, in a few words; '' for the default."""
    policy = result.policy
    parts = [] if policy.preset == _DEFAULT_PRESET else [f"preset {policy.preset}"]
    parts += [f"{limit.name} {limit.value:g}" for limit in policy.changed_limits]
    parts += [f"{change.rule} {change.level}" for change in policy.changed_levels]
    parts += [f"waiver of {waiver.rule} {_IN_SHORT[waiver.state]}" for waiver in policy.waivers]
    lost = "; the published error rates do not hold" if policy.rates_lost else ""
    return text.one_line(", ".join(parts)) + lost


def rates_lost(result: AuditResult) -> str:
    """That the published error rates do not hold under this policy, and why; '' where they do."""
    lost = result.policy.rates_lost
    return f"The published error rates do not hold for this policy: {listing(list(lost))}." if lost else ""


def told(row: RuleRecord) -> str:
    """Why a rule ended as it did: first its waiver, then what was found."""
    return " ".join(part for part in (text.opening(row.waiver), text.sentence(row.reason)) if part)


def waived(row: RuleRecord) -> str:
    """Until when and why a rule is waived, to go on after "It is"."""
    return row.waiver or f"waived: {text.opening(row.reason or row.title)}"


def _lines(result: AuditResult) -> Iterator[str]:
    policy = result.policy
    if policy.preset != _DEFAULT_PRESET:
        yield f"preset {text.one_line(policy.preset)}"
    for limit in policy.changed_limits:
        yield f"limit {text.one_line(limit.name)} is {limit.value:g} instead of {limit.preset:g}"
    for change in policy.changed_levels:
        says = _ON_FITNESS if (change.level, change.rule[:3]) == ("error", "KD3") else _LEVELS[change.level]
        usual = _LEVELS[change.default]
        yield f"{text.one_line(change.rule)} {says}; by default it {usual}"
    for waiver in policy.waivers:
        yield _waiver(waiver)
    if policy.rates_lost:
        yield rates_lost(result)


def _waiver(waiver: WaiverRecord) -> str:
    state = _STATES[waiver.state].format(day=numbers.day(waiver.expires.isoformat()))
    for_ = f" for {text.short(waiver.student)}" if waiver.student and waiver.state != "other_student" else ""
    return f"{text.one_line(waiver.rule)} {state}{for_}: {text.one_line(waiver.reason)}"
