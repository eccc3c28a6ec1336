"""Section 1, the verdict, and the planner under it: what would settle an inconclusive audit."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import facts, text, words
from kdaudit.schema import AuditResult, PlannerRow
from kdaudit.types import Outcome

_STYLES = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.INCONCLUSIVE: "open"}
_SYMBOLS = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.INCONCLUSIVE: "undecided"}

# Fitness rules that more examples or more controls can satisfy.
_SETTLED_BY_MORE = frozenset({"KD302", "KD304", "KD305"})
# What a plan is made for: so many of 100 audits of that size end with a verdict.
_SETTLED = 80


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what it is here."""

    term: str
    value: str


@dataclass(frozen=True, slots=True)
class BannerView:
    """The verdict block."""

    style: str
    symbol: str
    headline: words.Headline
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What a verdict of one kind would need."""

    purpose: str
    examples: str
    errors: str
    controls: str


@dataclass(frozen=True, slots=True)
class PlannerView:
    """What to do after an inconclusive audit."""

    finding: str
    rows: tuple[PlanRow, ...]
    note: str


def banner(result: AuditResult) -> BannerView:
    """The verdict block of an audit."""
    students = "Student" if len(result.students) == 1 else "Students"
    data = text.name(result.data.name)
    facts_ = (
        Fact("Teacher", text.name(result.teacher)),
        Fact(students, ", ".join(text.name(student) for student in result.students) or numbers.NONE),
        Fact("Data", f"{data}, {numbers.count(result.n)}"),
        Fact("Controls", controls(result)),
        Fact("Audited", numbers.day(result.started)),
    )
    return BannerView(_STYLES[result.verdict], _SYMBOLS[result.verdict], words.headline(result), facts_)


def controls(result: AuditResult) -> str:
    """How many controls of which kind."""
    parts = [str(result.n_controls)] if result.n_controls else []
    parts += [f"{result.n_random} random"] if result.n_random else []
    parts += [f"{result.n_positive} positive"] if result.n_positive else []
    parts += [f"{result.n_alternate} alternate"] if result.n_alternate else []
    return " + ".join(parts) or "none"


def planner(result: AuditResult) -> PlannerView | None:
    """What would settle the audit; None unless it is inconclusive for want of examples or controls, and was planned."""
    unfit_otherwise = {row.id for row in facts.unfit_rules(result)} - _SETTLED_BY_MORE
    if result.verdict is not Outcome.INCONCLUSIVE or not result.planner or unfit_otherwise:
        return None
    rows = [
        PlanRow(_purpose(result, row), numbers.count(row.n), numbers.count(row.n_W), str(row.n_controls))
        for row in result.planner
    ]
    here = PlanRow("This audit", numbers.count(result.n), numbers.count(result.n_W), str(result.n_controls))
    notes = ["The controls at hand are used again."] if result.n_controls else []
    if any(row.n is None for row in result.planner):
        notes.append(f"{numbers.NONE}: no number of examples is enough with so many controls.")
    return PlannerView(_advice(result), (*rows, here), " ".join(notes))


def _purpose(result: AuditResult, row: PlannerRow) -> str:
    effect = numbers.percent(row.kappa_W)
    if row.purpose == "fail":
        return f"{effect} were taken over, if that is so (fail)"
    return f"less than {numbers.exactly(result.margin_pass)} were, if it is really {effect} (pass)"


def _advice(result: AuditResult) -> str:
    """The first row that can be reached at all, in words."""
    row = next((row for row in result.planner if row.n is not None), None)
    if row is None or row.n is None:
        return "No number of examples is likely to settle this with such controls: see the other rows."
    more = []
    if row.n > result.n:
        more.append(plural(row.n - result.n, "example"))
    extra = row.n_controls - result.n_controls
    if extra > 0:
        more.append(plural(extra, "control"))
    said = (
        f"Audit again with about {plural(row.n, 'labelled example')} and {plural(row.n_controls, 'control')}"
    )
    if not more:
        return (
            f"{plural(row.n, 'labelled example')} and {plural(row.n_controls, 'control')} settle such "
            f"a case in {_SETTLED} of 100 audits. This one had {numbers.count(result.n)} and {result.n_controls}, and "
            f"is one of the other {100 - _SETTLED}: audit again with more examples, or with other ones."
        )
    return f"{said}: {' and '.join(more)} more{_time(result, extra)}."


def _time(result: AuditResult, extra: int) -> str:
    each = facts.mean([model.seconds for model in facts.models(result, "independent")])
    return f", about {numbers.duration(each * extra)} of training" if each and extra > 0 else ""
