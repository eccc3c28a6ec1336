"""Audits the models of `train_models.py` with `kdaudit check` and sums up what was found.

Run from the repository's root: `python -m examples.fashion_mnist.run --models DIR --reports DIR [--reduced]`.
Options that it does not know are handed to `kdaudit check`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.fashion_mnist.train_models import COMPLETE, REDUCED

VERDICTS = {0: "pass", 1: "fail", 3: "inconclusive"}
NOT_GUILTY = ("pass", "inconclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One teacher and one student, and the verdicts that can follow from how they were made."""

    teacher: str
    student: str
    possible: tuple[str, ...]


AUDITS = (
    Audit(teacher="teacher-clean", student="student-honest", possible=NOT_GUILTY),
    Audit(teacher="teacher-clean", student="student-of-clean", possible=tuple(VERDICTS.values())),
    Audit(teacher="teacher-flawed", student="student-honest", possible=NOT_GUILTY),
    Audit(teacher="teacher-flawed", student="student-of-flawed", possible=("fail",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all audits have in common."""

    models: Path
    reports: Path
    options: tuple[str, ...]


def setup(models: Path, reports: Path, *, more: Sequence[str], reduced: bool) -> Setup:
    """Five independent and three random controls, one random control in the reduced form."""
    if reduced:
        data = ("--data", str(models / "eval.npz"), "--train-data", str(models / "train.npz"))
        random_controls = "1"
    else:
        data = ("--data", "fashion-mnist:test", "--train-data", "fashion-mnist:train")
        random_controls = "3"
    controls = ("--controls", "5", "--random-controls", random_controls, "--positive-controls", "0")
    epochs = ("--epochs", str((REDUCED if reduced else COMPLETE).epochs))
    return Setup(models=models, reports=reports, options=(*data, *controls, *epochs, *more))


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


def findings(common: Setup) -> str:
    """A Markdown table of what the audits found, from their audit.json files."""
    lines = [
        "| teacher | student | accuracy: teacher, student, controls | κ_W [90 %] | κ_R | ratio [90 %] "
        "| errors inherited (by chance) | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for audit in AUDITS:
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


def main() -> None:
    """Run all audits; exit with 1 if a verdict is not possible, given how the models were made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="what train_models.py wrote")
    parser.add_argument("--reports", type=Path, required=True, help="where the reports go")
    parser.add_argument("--reduced", action="store_true", help="the models were trained with --reduced")
    known, more = parser.parse_known_args()
    common = setup(known.models, known.reports, more=more, reduced=known.reduced)
    surprises = []
    for audit in AUDITS:
        verdict = run(audit, common)
        if verdict not in audit.possible:
            expected = " or ".join(audit.possible)
            surprises.append(f"{audit.student} against {audit.teacher}: expected {expected}, found {verdict}")
    table = findings(common)
    (known.reports / "findings.md").write_text(table, encoding="utf-8")
    print(f"\n{table}")
    raise SystemExit("\n".join(surprises) or 0)


if __name__ == "__main__":
    main()
