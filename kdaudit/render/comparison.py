"""A comparison of two audits as text for a terminal, as Markdown for a pull request, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kdaudit import numbers
from kdaudit.numerics import listing, plural
from kdaudit.render import text, words
from kdaudit.render.json_report import render_json
from kdaudit.render.markdown_report import escaped
from kdaudit.schema import BaselineRecord, ChangedError, ComparisonResult, EffectRecord

WORDS = {"regression": "REGRESSION", "no_regression": "NO REGRESSION", "inconclusive": "INCONCLUSIVE"}
_LEADS = {
    "regression": "The student is worse than the earlier one",
    "no_regression": "The student is no worse than the earlier one",
    "inconclusive": "The audits cannot say whether the student is worse than the earlier one",
}
_MOST_IN_TEXT = 3
_MOST_IN_MARKDOWN = 20
_MOST_IN_REPORT = 12
_MARKS = {"regression": "❌", "no_regression": "✅", "inconclusive": "◐"}


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both audits, and how it changed."""

    what: str
    before: str
    after: str
    change: str


def render_comparison(result: ComparisonResult, format: Literal["text", "json", "markdown"]) -> str:
    """The comparison as a document of one format; the same comparison gives the same text."""
    if format == "json":
        return render_json(result)
    return _text(result) if format == "text" else _markdown(result)


def since(record: BaselineRecord) -> str:
    """What changed since the earlier audit, in sentences for the report of the new one."""
    before = record.before
    ids = [text.short(error.id) for error in record.new_errors[:_MOST_IN_REPORT]]
    more = len(record.new_errors) - len(ids)
    named = f" New: {', '.join(ids)}{f' and {more:,} more' if more else ''}." if ids else ""
    return (
        f"Since the earlier audit ({_names(before.students)}, {numbers.day(before.started)}), on the "
        f"{plural(record.n, 'example')} of both: inherited errors {_changed_errors(record)}; accuracy "
        f"{_change(record.accuracy, p=None)}. Which errors appear differs from one training to the next; whether "
        f"more are taken over is what KD205 tests.{named}"
    )


def _changed_errors(record: BaselineRecord) -> str:
    new, gone = len(record.new_errors), len(record.gone_errors)
    return f"{numbers.count(new)} new, {numbers.count(gone)} gone, {numbers.count(record.n_kept)} kept"


def _rows(result: ComparisonResult) -> tuple[Row, ...]:
    before, after = result.before, result.after
    return (
        Row(
            "Wrong knowledge taken over",
            numbers.percent(before.kappa_W),
            numbers.percent(after.kappa_W),
            _change(result.rise, p=result.rise.p),
        ),
        Row(
            "Accuracy",
            numbers.percent(before.accuracy, 1),
            numbers.percent(after.accuracy, 1),
            _change(result.accuracy, p=None),
        ),
        Row("Verdict", words.VERDICTS[before.verdict], words.VERDICTS[after.verdict], ""),
        Row(
            "Inherited errors",
            numbers.count(before.n_inherited),
            numbers.count(after.n_inherited),
            _changed_errors(result),
        ),
    )


def _change(effect: EffectRecord, *, p: float | None) -> str:
    if effect.estimate is None:
        return effect.note or numbers.NONE
    ends = ""
    if effect.low90 is not None and effect.high90 is not None:
        ends = f" {numbers.number_range(effect.low90 * 100, effect.high90 * 100)}"
    said = "" if p is None else f", {numbers.p_value(p)}"
    return f"{numbers.points(effect.estimate)}{ends}{said}"


def _notes(result: ComparisonResult) -> Iterator[str]:
    """On which examples and against which controls."""
    before, after = result.before, result.after
    yield (f"{plural(result.n, 'example')} of both audits, {plural(result.n_W, 'teacher error')} among them.")
    if result.controls == "shared":
        yield f"Both are held against the same {plural(after.n_controls, 'control')}."
    else:
        yield (
            "The audits share no control: each student is held against those of its own audit "
            f"({before.n_controls} and {after.n_controls})."
        )
    left_out = {
        "that only the earlier audit saw": result.n_only_before,
        "that only the new one saw": result.n_only_after,
        "to which the teacher gave another answer": result.n_other_answers,
    }
    for which, n in left_out.items():
        if n:
            yield f"Left out: {plural(n, 'example')} {which}."


def _text(result: ComparisonResult) -> str:
    word, lead = WORDS[result.outcome], _LEADS[result.outcome]
    first = f"{word}: {lead}."
    rows = [
        ("", "before", "after", "change"),
        *((r.what, r.before, r.after, r.change) for r in _rows(result)),
    ]
    lines = [
        first,
        "",
        f"  {_names(result.after.students)} (after) against {_names(result.before.students)} (before), "
        f"teacher {text.name(result.teacher)}",
        *(f"  {what:<28}{before:<14}{after:<14}{change}".rstrip() for what, before, after, change in rows),
        "",
        *(f"  {note}" for note in _notes(result)),
    ]
    for kind, errors in (("new", result.new_errors), ("gone", result.gone_errors)):
        shown = [_error(result, error) for error in errors[:_MOST_IN_TEXT]]
        if len(errors) > len(shown):
            shown.append(f"and {len(errors) - len(shown):,} more; -f json lists all")
        lines += [f"  {kind if i == 0 else '':<6}{line}" for i, line in enumerate(shown)]
    lines += ["", f"  {text.one_line(result.reason)}", first]
    return "\n".join(lines) + "\n"


def _markdown(result: ComparisonResult) -> str:
    word, lead = WORDS[result.outcome], _LEADS[result.outcome]
    lines = [
        f"## {_MARKS[result.outcome]} kdaudit compare: {word} · {escaped(_names(result.after.students))}",
        "",
        f"**{lead}.** {escaped(result.reason)}",
        "",
        "| | before | after | change |",
        "|---|---|---|---|",
        f"| Student | {escaped(_names(result.before.students))} | {escaped(_names(result.after.students))} | |",
        *(f"| {r.what} | {r.before} | {r.after} | {escaped(r.change)} |" for r in _rows(result)),
        "",
        escaped(f"Teacher {result.teacher}, data {result.data}. {' '.join(_notes(result))}"),
    ]
    for kind, errors in (("New", result.new_errors), ("Gone", result.gone_errors)):
        if errors:
            more = len(errors) - _MOST_IN_MARKDOWN
            lines += ["", f"{kind} inherited errors:", ""]
            lines += [f"- {escaped(_error(result, error))}" for error in errors[:_MOST_IN_MARKDOWN]]
            lines += [f"- and {numbers.count(more)} more"] if more > 0 else []
    return "\n".join(lines) + "\n"


def _error(result: ComparisonResult, error: ChangedError) -> str:
    """One teacher error: what it is, what the teacher says, what the student says that does not repeat it."""
    said = f"{text.short(error.id)}, {_class(result, error.label)} taken for {_class(result, error.answer)}"
    if error.before != error.answer:
        return f"{said} (before: {_class(result, error.before)})"
    return f"{said} (now: {_class(result, error.after)})" if error.after != error.answer else said


def _class(result: ComparisonResult, index: int) -> str:
    names = result.class_names
    return text.short(names[index]) if index < len(names) else f"class {index}"


def _names(students: tuple[str, ...]) -> str:
    return listing([text.name(student) for student in students])
