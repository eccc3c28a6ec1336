"""GitHub workflow commands: one annotation for the verdict, one for each rule that did not simply pass.

GitHub shows ten annotations of a kind for each step and drops the others, so that of each kind what decides comes
first, and the tenth holds whatever is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kdaudit.render import facts, stated, text, words
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome, RuleStatus

_Kind = Literal["error", "warning", "notice"]

_KINDS: tuple[_Kind, ...] = ("error", "warning", "notice")
MOST_OF_A_KIND = 10
_LONGEST_TITLE, _LONGEST = 250, 4000
_VERDICT: dict[Outcome, _Kind] = {
    Outcome.FAIL: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.PASS: "notice",
}


@dataclass(frozen=True, slots=True)
class _Annotation:
    """What GitHub shows beside a run."""

    kind: _Kind
    title: str
    message: str


def render_github(result: AuditResult) -> str:
    """Lines such as `::error title=kdaudit FAIL%3A student.onnx::...`, at most ten of a kind, the verdict first."""
    annotations = list(_annotations(result))
    lines = []
    for kind in dict.fromkeys((_VERDICT[result.verdict], *_KINDS)):
        of_kind = [annotation for annotation in annotations if annotation.kind == kind]
        shown, left = of_kind[: MOST_OF_A_KIND - 1], of_kind[MOST_OF_A_KIND - 1 :]
        lines += [_command(annotation.kind, annotation.title, annotation.message) for annotation in shown]
        if len(left) == 1:
            lines.append(_command(kind, left[0].title, left[0].message))
        elif left:
            told = "; ".join(f"{annotation.title}: {annotation.message}" for annotation in left)
            lines.append(_command(kind, f"kdaudit, {len(left)} more", told))
    return "\n".join(lines) + "\n"


def _annotations(result: AuditResult) -> Iterator[_Annotation]:
    """What decides comes first."""
    headline = words.headline(result)
    title = f"kdaudit {headline.word}: {' + '.join(result.students)}"
    yield _Annotation(_VERDICT[result.verdict], title, " ".join((headline.lead, *headline.body)))
    quiet = []
    for row in facts.ordered_rules(result):
        kind = _kind(row, result)
        word = words.WORDS[words.mark(row)]
        if kind is None:
            quiet.append(f"{row.id} {word.lower()}")
        else:
            yield _Annotation(kind, f"{word}: {row.id} {row.title}", stated.told(row) or row.required)
    if quiet:
        yield _Annotation("notice", "kdaudit, other rules", ", ".join(quiet))
    for line in stated.policy_lines(result):
        yield _Annotation("notice", "kdaudit, policy", line)
    for skipped in result.skipped:
        yield _Annotation("notice", f"not done: {skipped.what}", f"{skipped.stage}: {skipped.reason}")


def _kind(row: RuleRecord, result: AuditResult) -> _Kind | None:
    if row.outcome is RuleStatus.FAIL or facts.is_open(row, result):
        return "error"
    if row.outcome is RuleStatus.WAIVED:
        return "notice"
    return "warning" if row.outcome in (RuleStatus.WARNING, RuleStatus.UNDECIDED) else None


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message, _LONGEST)}"


def _data(value: str, longest: int) -> str:
    """One line, cut before it is encoded; GitHub decodes %25."""
    line = text.one_line(value)
    return (line if len(line) <= longest else f"{line[: longest - 2]} …").replace("%", "%25")


def _property(value: str) -> str:
    return _data(value, _LONGEST_TITLE).replace(":", "%3A").replace(",", "%2C")
