"""A Markdown summary for pull requests and step summaries: verdict, four numbers, rules."""

from __future__ import annotations

import re

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import facts, stated, text, words
from kdaudit.render.views.rules import interval, observed
from kdaudit.render.views.sizes import SizeRow, quality_rows, transfer_rows
from kdaudit.schema import AuditResult, EffectRecord, RuleRecord

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+|~!&@])")
# GitHub links mentions, issues and addresses after it has read the Markdown; an invisible joiner stops it.
_CALLS = re.compile(r"[@#]|:(?=//)|(?<=www)\.")
_JOINER = "\u2060"
_LONGEST = 2000
_MOST_SKIPPED = 100
_SYMBOLS: dict[words.Mark, str] = {
    "fail": "❌",
    "unfit": "◐",
    "undecided": "◐",
    "warning": "⚠️",
    "not_judged": "○",
    "waived": "☑",
    "finding": "ℹ️",
    "pass": "✅",
}


def render_markdown(result: AuditResult) -> str:
    """The audit in a page of GitHub-flavoured Markdown, at most 1 MiB; foreign names are escaped."""
    headline = words.headline(result)
    students = ", ".join(map(escaped, result.students))
    lines = [
        f"## kdaudit: {headline.word} · {students}",
        "",
        f"**{escaped(headline.lead)}**",
        "",
        escaped(" ".join(headline.body)) or escaped(result.reason),
        "",
        *numbers_table(result),
        "",
        f"Teacher {escaped(result.teacher)}, {plural(result.n, 'example')} of "
        f"{escaped(result.data.name)}, {words.count_controls(result)}.",
        *_policy(result),
        "",
        words.count_rules(result),
        "",
        *rules_table(result),
        *not_done(result),
    ]
    if result.signature:
        lines += ["", code(result.signature)]
    return "\n".join(lines) + "\n"


def numbers_table(result: AuditResult) -> list[str]:
    """The student's accuracy and everything that decides, each with its interval: the lines of a table.

    Without labels, how close the student is to its teacher.
    """
    rows = ["| | estimate | 90 % interval | p |", "|---|---|---|---|"]
    if not result.data.has_labels:
        return rows + [_against_controls(row) for row in transfer_rows(result)]
    accuracy = numbers.percent(facts.accuracy(result, "student"), 1)
    rows.append(f"| Accuracy | {accuracy} | – | – |")
    ratio = result.rrr
    rows += [_against_controls(row) for row in quality_rows(result)]
    bounds = facts.limits(result, "KD201")
    for label, effect in (
        ("Wrong knowledge taken over", result.kappa_W),
        ("Right knowledge taken over", result.kappa_R),
    ):
        estimate = numbers.percent(effect.estimate if effect else None, 0, bounds)
        rows.append(_effect(label, effect, estimate, _percent_range(effect, bounds)))
    bounds = facts.limits(result, "KD202")
    ends = ""
    if ratio is not None and ratio.low90 is not None and ratio.high90 is not None:
        ends = numbers.ratio_range(ratio.low90, ratio.high90, bounds)
    rows.append(
        _effect("Asymmetry (ratio)", ratio, numbers.ratio(ratio.estimate if ratio else None, bounds), ends)
    )
    return rows


def _against_controls(row: SizeRow) -> str:
    return (
        f"| {row.name}, less controls{f' ({escaped(row.aside)})' if row.aside else ''} | {escaped(row.estimate)} "
        f"| {escaped(row.interval)} | {escaped(row.p)} |"
    )


def _effect(label: str, effect: EffectRecord | None, estimate: str, ends: str) -> str:
    if effect is None or effect.estimate is None:
        note = f" ({escaped(effect.note)})" if effect is not None and effect.note else ""
        return f"| {label} | –{note} | – | – |"
    return f"| {label} | {estimate} | {escaped(ends) or '–'} | {escaped(numbers.p_bare(effect.p))} |"


def _percent_range(effect: EffectRecord | None, bounds: tuple[float, ...]) -> str:
    if effect is None or effect.low90 is None or effect.high90 is None:
        return ""
    return numbers.percent_range(effect.low90, effect.high90, 0, bounds)


def rules_table(result: AuditResult) -> list[str]:
    """Every rule, those that decide first: the lines of a table."""
    heading = ["| | rule | observed | required |", "|---|---|---|---|"]
    return heading + [_rule(result, row) for row in facts.ordered_rules(result)]


def _rule(result: AuditResult, row: RuleRecord) -> str:
    mark, bounds = words.mark(row), facts.limits(result, row.id)
    told = f" {escaped(stated.told(row))}" if row.reason or row.waiver else ""
    seen = f"{observed(row, bounds)} {interval(row, bounds)}".rstrip()
    return (
        f"| {_SYMBOLS[mark]} {words.WORDS[mark]} | **{escaped(row.id)}** {escaped(text.sentence(row.title))}{told} "
        f"| {escaped(seen)} | {escaped(row.required)} |"
    )


def _policy(result: AuditResult) -> list[str]:
    lines = stated.policy_lines(result)
    return ["", f"Policy: {escaped(' '.join(lines))}"] if lines else []


def not_done(result: AuditResult) -> list[str]:
    """A list of what could not be done, after an empty line; no lines where there is nothing."""
    if not result.skipped:
        return []
    shown = [f"- {escaped(f'{s.what} ({s.stage}): {s.reason}')}" for s in result.skipped[:_MOST_SKIPPED]]
    hidden = len(result.skipped) - len(shown)
    more = [f"- and {numbers.count(hidden)} more in audit.json"] if hidden > 0 else []
    return ["", "Not done:", "", *shown, *more]


def code(foreign: str) -> str:
    """One line of at most 2,000 characters as code."""
    return f"`{text.one_line(foreign)[:_LONGEST].replace('`', '’')}`"


def escaped(foreign: str) -> str:
    """One line of at most 2,000 characters in which nothing is markup, a link or a mention."""
    line = text.one_line(foreign[: 2 * _LONGEST])
    line = line if len(line) <= _LONGEST else line[:_LONGEST] + " …"
    return _SPECIAL.sub(r"\\\1", _CALLS.sub(rf"\g<0>{_JOINER}", line))
