"""What a terminal shows, at 80 and at 200 columns, compared with kept files.

UPDATE_GOLDEN=1 .venv/bin/python -m pytest tests/cli/test_golden.py     # writes them anew; look at the difference
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kdaudit.cli.console import fitted
from kdaudit.cli.text_report import text_report
from kdaudit.render.comparison import render_comparison
from kdaudit.schema import AuditResult, DesignRecord
from kdaudit.types import Check, Outcome, RuleStatus
from tests.cli.conftest import Cli
from tests.comparisons import comparison
from tests.factories import audit_result

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (80, 200)


def as_kept(name: str, width: int, shown: str) -> None:
    """Return if the text is that of the golden file, or write it there where that is asked for."""
    path = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == shown


def waived() -> AuditResult:
    """An audit that passes because its violated rule is waived."""
    failed = audit_result("fail")
    until = "waived until 31 March 2027: The next release relabels shirts. Otherwise it would fail."
    rules = tuple(
        rule.model_copy(update={"outcome": RuleStatus.WAIVED, "waiver": until})
        if rule.id == "KD201"
        else rule
        for rule in failed.rules
    )
    return failed.model_copy(update={"verdict": Outcome.PASS, "rules": rules})


def planned() -> AuditResult:
    """An audit that says how much its controls vary."""
    design = DesignRecord(agreement=0.41, between_examples=0.18, between_seeds=0.0004)
    return audit_result("inconclusive").model_copy(update={"design": design})


AUDITS: dict[str, Callable[[], AuditResult]] = {
    "check-fail": lambda: audit_result("fail"),
    "check-pass": lambda: audit_result("pass"),
    "check-inconclusive": lambda: audit_result("inconclusive"),
    "check-waived": waived,
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", AUDITS)
def test_a_verdict_looks_as_it_did(name: str, width: int) -> None:
    """At most 25 lines within the width, the verdict first and last."""
    shown = text_report(AUDITS[name](), color=False, report="kdaudit-report/student/report.html", width=width)
    as_kept(name, width, shown)
    lines = shown.splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= width
    word = lines[0].partition(":")[0]
    assert lines[-1].startswith(f"{word} (")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_plan_looks_as_it_did(cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """The table fits a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", str(width))
    Path("audit.json").write_text(planned().model_dump_json(), encoding="utf-8")
    ended = cli("plan", "--from", "audit.json")
    assert 0 == ended.code, ended.err
    as_kept("plan", width, ended.out)
    assert max(map(len, ended.out.splitlines())) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_comparison_looks_as_it_did(width: int) -> None:
    """Within the width."""
    shown = fitted(render_comparison(comparison(), "text"), width)
    as_kept("compare", width, shown)
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_an_explanation_looks_as_it_did(cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Within the width, and never wider than one reads."""
    monkeypatch.setenv("COLUMNS", str(width))
    for name, arguments in (("explain", ["KD204"]), ("explain-all", [])):
        shown = cli("explain", *arguments).out
        as_kept(name, width, shown)
        assert max(map(len, shown.splitlines())) <= min(width, 100)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_doctors_findings_look_as_they_did(cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Advice stands below what was found, and wraps there."""
    monkeypatch.setenv("COLUMNS", str(width))
    checks = (
        Check(what="Python", state="works", found="3.12.1, Linux x86_64"),
        Check(what="GPU", state="note", found="torch sees none", advice="audits run on the CPU"),
        Check(
            what="onnxruntime",
            state="broken",
            found="onnxruntime 1.22.0, onnxruntime-gpu 1.22.0",
            advice="pip uninstall -y onnxruntime onnxruntime-gpu, then pip install one of them "
            "(onnxruntime-gpu for CUDA)",
        ),
    )
    monkeypatch.setattr("kdaudit.pipeline.doctor.examine", lambda _spec: iter(checks))
    ended = cli("doctor")
    assert 4 == ended.code
    as_kept("doctor", width, ended.out)
    assert max(map(len, ended.out.splitlines())) <= width


def test_nothing_is_wrapped_in_a_pipe(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal and COLUMNS each sentence is one line, however long."""
    monkeypatch.delenv("COLUMNS", raising=False)
    result = audit_result("fail")
    Path("audit.json").write_text(result.model_dump_json(), encoding="utf-8")
    shown = cli("report", "audit.json", "-f", "text").out
    assert text_report(result, color=False, report="") == shown
    assert max(map(len, shown.splitlines())) > 120
