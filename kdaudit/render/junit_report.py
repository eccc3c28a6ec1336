"""JUnit XML: one suite per teacher-student pair, one case per rule. A failed rule never shows green.

A failed rule is a `<failure>`; a rule of level error that could not be decided, or whose violation makes the audit
inconclusive, is an `<error>`; a waived one is `<skipped>`; a warning passes and says so in `<system-out>`.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from kdaudit.render import text, words
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome, RuleStatus

_OPEN = (RuleStatus.UNDECIDED, RuleStatus.NOT_JUDGED)


def render_junit(result: AuditResult) -> str:
    """The audit as JUnit XML that CI systems read."""
    cases = [_case(row, result) for row in result.rules]
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    attributes = {name: str(n) for name, n in counts.items()} | {"time": f"{result.seconds:.3f}"}
    root = ET.Element("testsuites", {"name": "kdaudit", **attributes})
    suite = ET.SubElement(
        root,
        "testsuite",
        {"name": _suite_name(result), "timestamp": _without_zone(result.started), **attributes},
    )
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = text.clean(
        f"{result.verdict.upper()}: {result.reason}\n{result.signature}"
    )
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(row: RuleRecord, result: AuditResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "classname": text.one_line(_suite_name(result)),
            "name": text.one_line(f"{row.id} {row.title}"),
            "time": "0",
        },
    )
    message = text.one_line(f"{row.reason} Required: {row.required}.")
    if row.outcome is RuleStatus.FAIL:
        ET.SubElement(case, "failure", {"message": message, "type": row.id}).text = message
    elif _is_error(row, result):
        ET.SubElement(case, "error", {"message": message, "type": row.id}).text = message
    elif row.outcome is RuleStatus.WAIVED:
        ET.SubElement(case, "skipped", {"message": message})
    elif row.outcome is not RuleStatus.PASS:
        ET.SubElement(case, "system-out").text = f"{words.WORDS[words.mark(row)]}: {message}"
    return case


def _is_error(row: RuleRecord, result: AuditResult) -> bool:
    """A rule of level error without a decision; a rule that was not judged counts only where the audit hangs on it."""
    if row.level != "error" or row.outcome not in _OPEN:
        return False
    return row.outcome is RuleStatus.UNDECIDED or (not row.fitness and result.verdict is Outcome.INCONCLUSIVE)


def _suite_name(result: AuditResult) -> str:
    return text.one_line(f"kdaudit {' + '.join(result.students)} / {result.teacher}")


def _without_zone(moment: str) -> str:
    # JUnit's schema wants a time without zone; ours is UTC.
    return moment.removesuffix("+00:00").removesuffix("Z")
