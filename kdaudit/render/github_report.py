"""GitHub workflow commands: one annotation for the verdict, one for each rule that did not simply pass."""

from __future__ import annotations

from kdaudit.render import facts, stated, text, words
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome, RuleStatus

_VERDICT = {Outcome.FAIL: "error", Outcome.INCONCLUSIVE: "error", Outcome.PASS: "notice"}


def render_github(result: AuditResult) -> str:
    """Lines such as `::error title=kdaudit FAIL%3A student.onnx::...`."""
    headline = words.headline(result)
    said = " ".join((headline.lead, *headline.body))
    title = f"kdaudit {headline.word}: {' + '.join(result.students)}"
    lines = [_command(_VERDICT[result.verdict], title, said)]
    quiet = []
    # GitHub shows the first ten annotations of a kind, so what decides comes first.
    for row in facts.ordered_rules(result):
        kind = _kind(row, result)
        word = words.WORDS[words.mark(row)]
        if kind is None:
            quiet.append(f"{row.id} {word.lower()}")
        else:
            lines.append(_command(kind, f"{word}: {row.id} {row.title}", stated.told(row) or row.required))
    lines += [_command("notice", "kdaudit, policy", line) for line in stated.policy_lines(result)]
    lines += [_command("notice", f"not done: {s.what}", f"{s.stage}: {s.reason}") for s in result.skipped]
    if quiet:
        lines.append(_command("notice", "kdaudit, other rules", ", ".join(quiet)))
    return "\n".join(lines) + "\n"


def _kind(row: RuleRecord, result: AuditResult) -> str | None:
    if row.outcome is RuleStatus.FAIL or facts.is_open(row, result):
        return "error"
    if row.outcome is RuleStatus.WAIVED:
        return "notice"
    return "warning" if row.outcome in (RuleStatus.WARNING, RuleStatus.UNDECIDED) else None


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(value: str) -> str:
    return text.one_line(value).replace("%", "%25")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
