"""JUnit XML: one suite per teacher-student pair, one case per rule. A failed rule never shows green.

A failed rule is a `<failure>`; a rule of level error that leaves the audit without an answer is an `<error>`; what was
waived or not judged is `<skipped>`; a warning passes and says so in `<system-out>`.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from kdaudit import numbers
from kdaudit.render import facts, stated, text, words
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome, RuleStatus

_SKIPPED = (RuleStatus.WAIVED, RuleStatus.NOT_JUDGED)


def render_junit(result: AuditResult) -> str:
    """The audit as JUnit XML that CI systems read."""
    cases = [_case(row, result) for row in facts.ordered_rules(result)]
    if result.verdict is not Outcome.PASS and not any(_is_red(case) for case in cases):
        cases.append(_unanswered(result))
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    attributes = {name: str(n) for name, n in counts.items()} | {"time": f"{result.seconds:.3f}"}
    # The schema counts what was skipped in suites only.
    totals = {name: value for name, value in attributes.items() if name != "skipped"}
    root = ET.Element("testsuites", {"name": "kdaudit", **totals})
    suite = ET.SubElement(
        root,
        "testsuite",
        {"name": _suite_name(result), **_when(result.started), **attributes},
    )
    suite.extend(cases)
    notes = [f"{result.verdict.upper()}: {text.one_line(result.reason)}", text.one_line(result.signature)]
    notes += stated.policy_lines(result)
    notes += [text.one_line(f"not done: {s.what} ({s.stage}): {s.reason}") for s in result.skipped]
    ET.SubElement(suite, "system-out").text = "\n".join(notes)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(row: RuleRecord, result: AuditResult) -> ET.Element:
    # What it asks, not its title: that may change with the outcome, and CI systems follow a case by its name.
    case = _named_case(result, f"{row.id} {row.asks or row.title}")
    said = stated.told(row)
    message = text.one_line(f"{said} Required: {row.required}." if row.required else said)
    if row.outcome is RuleStatus.FAIL:
        ET.SubElement(case, "failure", {"message": message, "type": row.id}).text = message
    elif facts.is_open(row, result):
        ET.SubElement(case, "error", {"message": message, "type": row.id}).text = message
    elif row.outcome in _SKIPPED:
        ET.SubElement(case, "skipped", {"message": message})
    elif row.outcome is not RuleStatus.PASS:
        ET.SubElement(case, "system-out").text = f"{words.WORDS[words.mark(row)]}: {message}"
    return case


def _unanswered(result: AuditResult) -> ET.Element:
    """Closed by default: where no rule shows why there is no pass, this case does."""
    case = _named_case(result, "verdict")
    message = text.one_line(result.reason) or "no rule was judged"
    ET.SubElement(case, "error", {"message": message, "type": result.verdict.value}).text = message
    return case


def _named_case(result: AuditResult, name: str) -> ET.Element:
    return ET.Element(
        "testcase", {"classname": _suite_name(result), "name": text.one_line(name), "time": "0"}
    )


def _is_red(case: ET.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _suite_name(result: AuditResult) -> str:
    return text.one_line(f"kdaudit {' + '.join(result.students)} / {result.teacher}")


def _when(moment: str) -> dict[str, str]:
    """The suite's time, as the schema wants it: in UTC, without a zone; nothing for what is no time."""
    time = numbers.utc(moment)
    return {"timestamp": f"{time:%Y-%m-%dT%H:%M:%S}"} if time else {}
