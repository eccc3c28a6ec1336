"""How rules and audits end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Outcome(StrEnum):
    """How the audit ended."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class RuleStatus(StrEnum):
    """How one rule ended; the order is that of the report."""

    FAIL = "fail"
    UNDECIDED = "undecided"
    WARNING = "warning"
    NOT_JUDGED = "not_judged"
    WAIVED = "waived"
    FINDING = "finding"
    PASS = "pass"  # noqa: S105 - an outcome, not a password


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """One rule: what was observed, what was required, and the sentence that says so.

    `observed` is the number itself (a share, a ratio, a count); `unit` says how to print it.
    `fitness` marks rules whose violation makes the audit inconclusive. `waiver` goes on after "The rule is" or "It is":
    until when and why it is waived, or that a waiver has expired.
    """

    rule: str
    title: str
    level: Literal["finding", "warn", "error"]
    status: RuleStatus
    required: str
    reason: str
    fitness: bool = False
    observed: float | None = None
    unit: Literal["share", "ratio", "count", "points"] = "count"
    low: float | None = None
    high: float | None = None
    n: int | None = None
    p_value: float | None = None
    waiver: str = ""


WaiverState = Literal["used", "unused", "expired", "other_student"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome, the sentence that gives the reason, every rule, and the state of each waiver of the policy."""

    outcome: Outcome
    reason: str
    asymmetry: Literal["negative", "absent", "undetermined"]
    attribution: Literal["this_teacher", "unproven"]
    rules: tuple[RuleOutcome, ...] = field(default=())
    waivers: tuple[WaiverState, ...] = ()
