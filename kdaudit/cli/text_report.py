"""The verdict in a terminal: at most 25 lines on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdaudit import numbers
from kdaudit.cli.console import styled, wrapped

if TYPE_CHECKING:
    from kdaudit.schema import AuditResult, RuleRecord

_MOST_LINES = 25
_MOST_RULES = 11
_STYLES = {"fail": "bold red", "undecided": "yellow", "warning": "yellow", "pass": "green"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line, its style, and whether it stays whole, however long it is (a path)."""

    text: str = ""
    style: str | None = None
    whole: bool = False


def text_report(result: AuditResult, *, color: bool, report: str, width: int | None = None) -> str:
    """The verdict first and last, the rules that matter, where the report lies. At most 25 lines.

    Args:
        result: the audit.
        color: whether lines are coloured.
        report: where the HTML report lies, or ''.
        width: where lines are wrapped; None: nowhere.
    """
    rows = _rules_that_matter(result)
    shown = len(rows)
    while True:
        lines = [
            styled(part, line.style, color=color)
            for line in _lines(result, rows[:shown], report, width)
            for part in wrapped(line.text, None if line.whole else width)
        ]
        if len(lines) <= _MOST_LINES or not shown:
            return "\n".join(lines) + "\n"
        shown -= 1


def _lines(
    result: AuditResult, rows: Iterable[RuleRecord], report: str, width: int | None
) -> Iterator[_Line]:
    from kdaudit.render import stated, words
    from kdaudit.render.views.banner import planner

    headline, style = words.headline(result), _verdict_style(result)
    yield _Line(text=f"{headline.word}: {headline.lead}", style=style)
    yield _Line()
    models = f"{', '.join(result.students)} against {result.teacher}"
    yield _Line(text=f"  {models}, {result.n:,} examples, {words.count_controls(result)}")
    for text in (*_fidelity(result), *_policy(result)):
        yield _Line(text=text)
    for key, value in (*_numbers(result), *_distances(result)):
        yield _Line(text=f"  {key:<24}{value}")
    yield _Line()
    n_shown = 0
    for row in rows:
        n_shown += 1
        told = stated.told(row) or row.title
        mark = words.WORDS[words.mark(row)]
        yield _Line(text=f"  {mark:<11}{row.id}  {told}", style=_STYLES.get(row.outcome.value))
    if rest := len(result.rules) - n_shown:
        yield _Line(text=f"  {rest} more rules in the report")
    if (plan := planner(result)) is not None:
        yield _Line()
        yield _Line(text=f"  to settle it: {plan.finding}")
    if report:
        yield _Line()
        yield _Line(text=f"  report: {report}", whole=True)
    yield _Line(text=verdict_line(result, width=width), style=style)


def verdict_line(result: AuditResult, *, width: int | None = None) -> str:
    """The verdict on one line; without its sentence where that would not fit the width."""
    from kdaudit.render import words

    headline = words.headline(result)
    short = f"{headline.word} ({', '.join(result.students)})"
    whole = f"{short}: {headline.lead}"
    return whole if width is None or len(whole) <= width else short


def _fidelity(result: AuditResult) -> list[str]:
    """How faithful the controls' network is to the student, in its first sentence."""
    if not result.fidelity_level:
        return []
    sentence = result.fidelity.partition(". ")[0].removesuffix(".")
    return [f"  {'network of controls':<24}{result.fidelity_level}: {sentence}"]


def _policy(result: AuditResult) -> list[str]:
    from kdaudit.render import shares, stated

    policy, limit = stated.in_short(result), shares.moved_limit(result)
    return [f"  {name}: {said}" for name, said in (("policy", policy), ("limit", limit)) if said]


def _numbers(result: AuditResult) -> Iterator[tuple[str, str]]:
    for label, effect, show, show_range in (
        ("wrong knowledge taken", result.kappa_W, numbers.percent, numbers.percent_range),
        ("right knowledge taken", result.kappa_R, numbers.percent, numbers.percent_range),
        ("asymmetry (ratio)", result.rrr, numbers.ratio, numbers.ratio_range),
    ):
        if effect is None or effect.estimate is None:
            continue
        ends = ""
        if effect.low90 is not None and effect.high90 is not None:
            ends = f" {show_range(effect.low90, effect.high90)}"
        p = f", {numbers.p_value(effect.p)}" if effect.p is not None else ""
        yield label, f"{show(effect.estimate)}{ends}{p}"


def _distances(result: AuditResult) -> Iterator[tuple[str, str]]:
    """How far the student is from the teacher, where there are no controls to say how far that is."""
    found = {name: record.student for name, record in result.transfer.items()}
    if not result.n_controls and found:
        shares = [f"other answers {numbers.percent(found['prediction'], 1)}"] if "prediction" in found else []
        shares += [f"{name} {found[name]:.3f}" for name in ("js", "activation", "rank") if name in found]
        yield "distance to the teacher", ", ".join(shares)


def _rules_that_matter(result: AuditResult) -> list[RuleRecord]:
    from kdaudit.types import RuleStatus

    order = list(RuleStatus)
    quiet = (RuleStatus.PASS, RuleStatus.NOT_JUDGED)
    told = () if result.data.has_labels else ("KD201",)  # why there is no verdict
    rows = [row for row in result.rules if row.outcome not in quiet or row.id in told]
    rows = [row for row in rows if row.outcome is not RuleStatus.FINDING or row.id == "KD101"]
    return sorted(rows, key=lambda row: (order.index(row.outcome), row.id))[:_MOST_RULES]


def _verdict_style(result: AuditResult) -> str:
    return {"pass": "bold green", "fail": "bold red"}.get(result.verdict.value, "bold yellow")
