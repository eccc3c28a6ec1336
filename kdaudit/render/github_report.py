"""GitHub workflow commands: one annotation for the verdict and one for each rule that did not pass."""

from __future__ import annotations

from kdaudit.render import text, words
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome, RuleStatus

# GitHub shows ten annotations of a kind a step.
_MOST = 9
_VERDICT = {Outcome.FAIL: "error", Outcome.INCONCLUSIVE: "error", Outcome.PASS: "notice"}


def render_github(result: AuditResult) -> str:
    """Lines such as `::error title=kdaudit FAIL::...`."""
    headline = words.headline(result)
    students = " + ".join(result.students)
    lines = [_command(_VERDICT[result.verdict], f"kdaudit {headline.word}: {students}", result.reason)]
    shown: dict[str, int] = {}
    for row in sorted(result.rules, key=lambda row: (list(RuleStatus).index(row.outcome), row.id)):
        kind = _kind(row)
        if kind is None or shown.get(kind, 0) == _MOST:
            continue
        shown[kind] = shown.get(kind, 0) + 1
        lines.append(_command(kind, f"{row.id} {row.title}", row.reason or row.required))
    lines += [_command("notice", f"not done: {s.what}", f"{s.stage}: {s.reason}") for s in result.skipped]
    return "\n".join(lines) + "\n"


def _kind(row: RuleRecord) -> str | None:
    if row.outcome is RuleStatus.FAIL or (row.outcome is RuleStatus.UNDECIDED and row.level == "error"):
        return "error"
    return "warning" if row.outcome in (RuleStatus.WARNING, RuleStatus.UNDECIDED) else None


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(value: str) -> str:
    return text.one_line(value).replace("%", "%25")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
