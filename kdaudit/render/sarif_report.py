"""SARIF 2.1.0: one run, every rule of the audit, one result for each that needs attention.

A failed rule is a result of level error, a warning one of level warning; a rule without a decision is `open`, and what
was waived is suppressed with its reason. An inconclusive verdict is an error of its own: closed by default. How the
other rules ended stands in the properties of the run and not among the results, because GitHub's code scanning makes
an alert of every result, whatever its `kind` is; of suppressed ones too, which are notes.

Source: OASIS, SARIF Version 2.1.0 Plus Errata 01, sections 3.20 (invocation), 3.27 (result), 3.49 (rules).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from kdaudit import numbers
from kdaudit.render import facts, stated, text, words
from kdaudit.schema import AuditResult, ModelRecord, RuleRecord
from kdaudit.types import Outcome, RuleStatus

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_VERDICT = "verdict"
_LONGEST = 1000
_LEVELS = {"error": "error", "warn": "warning", "finding": "note"}
_NUMBERS = ("observed", "unit", "low90", "high90", "n", "p")

_Json = dict[str, Any]


def render_sarif(result: AuditResult) -> str:
    """The audit as a SARIF log of one run; foreign text is no link, and files are percent-encoded URIs."""
    run = {
        "tool": {"driver": _driver(result)},
        "automationDetails": {"id": f"kdaudit/{'+'.join(map(_encoded, result.students))}/"},
        "invocations": [_invocation(result)],
        "artifacts": [_artifact(uri, student) for uri, student in _files(result).items()],
        "results": list(_results(result)),
        "columnKind": "unicodeCodePoints",
        "properties": {
            "verdict": result.verdict.value,
            "reason": text.one_line(result.reason),
            "policy": list(stated.policy_lines(result)),
            "signature": text.one_line(result.signature),
            "rules": {text.one_line(row.id): _ended(row) for row in facts.ordered_rules(result)},
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _driver(result: AuditResult) -> _Json:
    return {
        "name": "kdaudit",
        "version": text.one_line(result.environment.kdaudit),
        "rules": [*map(_rule, result.rules), _verdict_rule()],
    }


def _rule(row: RuleRecord) -> _Json:
    """What a rule asks, which does not change with its outcome, as its title may."""
    name, asks = text.one_line(row.id), text.sentence(row.asks or row.title)
    advice = f" {text.sentence(row.advice)}" if row.advice else ""
    return _descriptor(
        name, asks, f"{asks}{advice} kdaudit explain {name} says how it is computed.", _LEVELS[row.level]
    )


def _verdict_rule() -> _Json:
    said = "Does the audit pass? An audit without an answer does not: its report says what would settle it."
    return _descriptor(_VERDICT, "Does the audit pass?", said, "error")


def _descriptor(id: str, asks: str, help_: str, level: str) -> _Json:
    return {
        "id": id,
        "shortDescription": _message(asks or id),
        "fullDescription": _message(asks or id),
        "help": _message(help_),
        "defaultConfiguration": {"level": level},
    }


def _results(result: AuditResult) -> Iterator[_Json]:
    index = {row.id: place for place, row in enumerate(result.rules)}
    red = False
    for row in facts.ordered_rules(result):
        kind = _kind(row, result)
        if kind is None:
            continue
        red = red or kind["level"] == "error"
        word = words.WORDS[words.mark(row)]
        said = f"{word}: {stated.told(row) or text.sentence(row.title)}"
        if row.required:
            said += f" Required: {text.sentence(row.required)}"
        yield _result(result, text.one_line(row.id), index[row.id], said, kind) | {"properties": _ended(row)}
    if result.verdict is Outcome.INCONCLUSIVE or (result.verdict is Outcome.FAIL and not red):
        headline = words.headline(result)
        said = f"{headline.word}: {' '.join((headline.lead, *headline.body))}"
        yield _result(result, _VERDICT, len(result.rules), said, {"kind": "fail", "level": "error"})


def _kind(row: RuleRecord, result: AuditResult) -> _Json | None:
    """Kind, level and suppression of a rule's result (3.27.9, 3.27.10); None where nothing needs attention."""
    if row.outcome is RuleStatus.FAIL:
        return {"kind": "fail", "level": "error"}
    if row.outcome is RuleStatus.WARNING:
        return {"kind": "fail", "level": "warning"}
    if row.outcome is RuleStatus.UNDECIDED or facts.is_open(row, result):
        return {"kind": "open", "level": "none"}
    if row.outcome is RuleStatus.WAIVED:
        reason = {"justification": text.opening(stated.waived(row))[:_LONGEST]}
        return {
            "kind": "fail",
            "level": "note",
            "suppressions": [{"kind": "external", "status": "accepted", **reason}],
        }
    return None


def _result(result: AuditResult, rule: str, place: int, said: str, kind: _Json) -> _Json:
    files = _files(result)
    subject = "\n".join((rule, *files))
    region = {"startLine": 1}  # a model has no lines, but GitHub wants one
    return {
        "ruleId": rule,
        "ruleIndex": place,
        **kind,
        "message": _message(said),
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri, "index": at},
                    "region": region,
                }
            }
            for at, uri in enumerate(files)
        ],
        # The rule and the file, but no number: the alert stays the same one from run to run.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{hashlib.sha256(subject.encode()).hexdigest()[:16]}:1"
        },
    }


def _ended(row: RuleRecord) -> _Json:
    """How a rule ended; what is undefined is left out."""
    seen = {name: value for name in _NUMBERS if (value := getattr(row, name)) is not None}
    return {
        "title": text.one_line(row.title),
        "outcome": row.outcome.value,
        "required": text.one_line(row.required),
        "reason": stated.told(row),
        **seen,
    }


def _invocation(result: AuditResult) -> _Json:
    """That the tool ran, and how it ended; what could not be done is told by it."""
    described = {
        "commandLine": text.one_line(result.command),
        "exitCode": result.exit_code,
        "exitCodeDescription": words.VERDICTS[result.verdict],
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": "note", "message": _message(f"Not done: {s.what} ({s.stage}): {s.reason}")}
            for s in result.skipped
        ],
    }
    started = numbers.utc(result.started)
    return described | ({"startTimeUtc": f"{started:%Y-%m-%dT%H:%M:%SZ}"} if started else {})


def _artifact(uri: str, student: ModelRecord) -> _Json:
    found = {"location": {"uri": uri}, "roles": ["analysisTarget"]}
    return found | ({"hashes": {"sha-256": text.clean(student.sha256)}} if student.sha256 else {})


def _files(result: AuditResult) -> dict[str, ModelRecord]:
    """The students by their files."""
    return {_uri(student): student for student in facts.models(result, "student")}


def _uri(model: ModelRecord) -> str:
    """The model's file as a URI: relative as it was given, else of the scheme file."""
    path = text.clean(model.file) or text.clean(model.name) or "student"
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(path).is_absolute():
            return kind(path).as_uri()
    return _encoded(PurePosixPath(path).as_posix())


def _encoded(name: str) -> str:
    """Percent-encoded, a colon too: a relative URI must not look as if it had a scheme."""
    return quote(text.clean(name), safe="/")


def _message(said: str) -> _Json:
    """Plain text of bounded length, in which `[text](target)` is no link (3.11.6)."""
    line = text.one_line(said).replace("](", "] (")
    return {"text": line if len(line) <= _LONGEST else f"{line[: _LONGEST - 2]} …"}
