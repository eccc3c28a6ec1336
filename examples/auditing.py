"""Runs `kdaudit check` on the models of an example and sums up what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERDICTS = {0: "pass", 1: "fail", 3: "inconclusive"}
NOT_GUILTY = ("pass", "inconclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One teacher and one student, and the verdicts that can follow from how they were made."""

    teacher: str
    student: str
    possible: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all audits of an example have in common."""

    models: Path
    reports: Path
    options: tuple[str, ...]


def run(audit: Audit, common: Setup) -> str:
    """Run one audit; its verdict.

    Raises:
        SystemExit: `kdaudit check` could not run; it has said why.
    """
    command = [sys.executable, "-m", "kdaudit", "check"]
    command += [str(common.models / f"{name}.onnx") for name in (audit.teacher, audit.student)]
    command += [*common.options, "--report-dir", str(common.reports / audit.teacher)]
    code = subprocess.run(command, check=False).returncode
    if code not in VERDICTS:
        raise SystemExit(code)
    return VERDICTS[code]


def run_all(audits: Sequence[Audit], common: Setup) -> None:
    """Run the audits and write `findings.md`.

    Raises:
        SystemExit: always; with 1 if a verdict is not possible, given how the models were made.
    """
    surprises = []
    for audit in audits:
        verdict = run(audit, common)
        if verdict not in audit.possible:
            expected = " or ".join(audit.possible)
            surprises.append(f"{audit.student} against {audit.teacher}: expected {expected}, found {verdict}")
    table = findings(audits, common)
    (common.reports / "findings.md").write_text(table, encoding="utf-8")
    print(f"\n{table}")
    raise SystemExit("\n".join(surprises) or 0)


def findings(audits: Sequence[Audit], common: Setup) -> str:
    """A Markdown table of what the audits found, from their audit.json files."""
    lines = [
        "| teacher | student | accuracy: teacher, student, controls | κ_W [90 %] | κ_R | ratio [90 %] "
        "| errors inherited (by chance) | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for audit in audits:
        path = common.reports / audit.teacher / audit.student / "audit.json"
        lines.append(_row(audit, json.loads(path.read_text(encoding="utf-8"))))
    return "\n".join(lines) + "\n"


def _row(audit: Audit, found: dict[str, Any]) -> str:
    accuracy = found["accuracy"]
    controls = [value for name, value in accuracy.items() if name.startswith("independent/")]
    accuracies = [accuracy[f"{name}.onnx"] for name in (audit.teacher, audit.student)]
    accuracies.append(sum(controls) / len(controls))
    inherited = found["inherited"]
    cells = [
        audit.teacher.removeprefix("teacher-"),
        audit.student.removeprefix("student-"),
        ", ".join(_number(value) for value in accuracies),
        _interval(found["kappa_W"]),
        _number(found["kappa_R"]["estimate"]),
        _interval(found["rrr"]),
        f"{inherited['n']} ({inherited['expected_by_chance']:.1f})",
        f"{found['verdict'].upper()}, asymmetry {found['asymmetry']}",
    ]
    return f"| {' | '.join(cells)} |"


def _interval(evidence: dict[str, Any]) -> str:
    low, high = _number(evidence["low90"]), _number(evidence["high90"])
    return f"{_number(evidence['estimate'])} [{low}, {high}]"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
