"""A Markdown summary for pull requests and step summaries: verdict, four numbers, rules."""

from __future__ import annotations

import re

from kdaudit.render import numbers, text, words
from kdaudit.schema import AuditResult, EffectRecord, RuleRecord
from kdaudit.types import RuleStatus

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+|~!&@])")
_SYMBOLS = {
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
    """The audit in a page of GitHub-flavoured Markdown; foreign names are escaped."""
    headline = words.headline(result)
    students = ", ".join(map(_escaped, result.students))
    lines = [
        f"## kdaudit: {headline.word} · {students}",
        "",
        f"**{_escaped(headline.lead)}**",
        "",
        _escaped(" ".join(headline.body)) or _escaped(result.reason),
        "",
        "| | estimate | 90 % interval | p |",
        "|---|---|---|---|",
        *_effects(result),
        "",
        f"Teacher {_escaped(result.teacher)}, {result.n:,} examples of {_escaped(result.data.name)}, "
        f"{result.n_controls} independent and {result.n_random} random controls.",
        "",
        "| | rule | observed | required |",
        "|---|---|---|---|",
        *(_rule(row) for row in sorted(result.rules, key=_order)),
    ]
    lines += ["", *(f"- {_escaped(f'{s.what} ({s.stage}): {s.reason}')}" for s in result.skipped)]
    return "\n".join([*lines, "", f"`{result.signature}`"]) + "\n"


def _effects(result: AuditResult) -> list[str]:
    rows = (
        ("Accuracy less that of controls", result.accuracy_gap, "points"),
        ("Wrong knowledge taken over", result.kappa_W, "share"),
        ("Right knowledge taken over", result.kappa_R, "share"),
        ("Asymmetry (ratio)", result.rrr, "ratio"),
    )
    return [_effect(label, effect, unit) for label, effect, unit in rows]


def _effect(label: str, effect: EffectRecord | None, unit: str) -> str:
    if effect is None or effect.estimate is None:
        return f"| {label} | – | – | – |"
    ends = "–"
    if effect.low90 is not None and effect.high90 is not None:
        ends = f"{_number(effect.low90, unit)} to {_number(effect.high90, unit)}"
    return f"| {label} | {_number(effect.estimate, unit)} | {ends} | {numbers.p_bare(effect.p)} |"


def _rule(row: RuleRecord) -> str:
    mark = words.mark(row)
    observed = "–" if row.observed is None else _number(row.observed, row.unit)
    told = f" {_escaped(text.one_line(row.reason))}" if row.reason else ""
    return (
        f"| {_SYMBOLS[mark]} {words.WORDS[mark]} | **{row.id}** {_escaped(row.title)}.{told} | {observed} "
        f"| {_escaped(row.required)} |"
    )


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return numbers.percent(value)
    if unit == "points":
        return numbers.points(value)
    return numbers.ratio(value) if unit == "ratio" else numbers.count(value)


def _order(row: RuleRecord) -> tuple[int, str]:
    return list(RuleStatus).index(row.outcome), row.id


def _escaped(foreign: str) -> str:
    """One line in which nothing is markup, a link or a mention."""
    return _SPECIAL.sub(r"\\\1", text.one_line(foreign))
