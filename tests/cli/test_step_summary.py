"""The step summary of GitHub Actions: with the annotations, where GitHub names a file, and never more than it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdaudit.cli.step_summary import add_to_step_summary
from kdaudit.errors import RenderError
from kdaudit.render import render
from tests.cli.conftest import Cli
from tests.factories import audit_result
from tests.predictions import saved_world


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that GitHub names, to which an earlier command has written."""
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_every_audit_is_appended(summary: Path) -> None:
    """In order, after what was there."""
    results = [audit_result("fail"), audit_result("pass")]
    add_to_step_summary(results)
    first, second = (render(result, "markdown") for result in results)
    assert f"before\n{first}\n{second}\n" == summary.read_text(encoding="utf-8")


def test_without_github_there_is_none(monkeypatch: pytest.MonkeyPatch, summary: Path) -> None:
    """An empty variable is none either."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    add_to_step_summary([audit_result("fail")])
    assert "before\n" == summary.read_text(encoding="utf-8")


def test_what_github_would_not_show_is_left_out(summary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step's summary of more than a mebibyte is not shown at all."""
    summary.write_bytes(b"x" * (2**20 - 100))
    add_to_step_summary([audit_result("fail")])
    assert 2**20 - 100 == summary.stat().st_size
    assert "the step summary is full (1 MiB)" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_invalid(summary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the variable that names it."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary.parent))
    with pytest.raises(RenderError, match="which GITHUB_STEP_SUMMARY names, found: Is a directory") as caught:
        add_to_step_summary([audit_result("fail")])
    assert "unset GITHUB_STEP_SUMMARY" in str(caught.value.hint)


def test_only_annotations_bring_a_summary(cli: Cli, summary: Path, tmp_path: Path) -> None:
    """Annotations on standard output, the summary in GitHub's file; another format leaves that alone."""
    (tmp_path / "audit.json").write_text(render(audit_result("fail"), "json"), encoding="utf-8")
    assert cli("report", "audit.json", "-f", "sarif").out.startswith("{")
    assert "before\n" == summary.read_text(encoding="utf-8")
    assert cli("report", "audit.json", "-f", "github").out.startswith("::error title=kdaudit FAIL")
    assert summary.read_text(encoding="utf-8").startswith("before\n## kdaudit: FAIL")


def test_an_audit_brings_it_too(cli: Cli, summary: Path, tmp_path: Path) -> None:
    """With its annotations, and the verdict's exit code."""
    ended = cli(*saved_world(tmp_path / "copied", copied=0.5).judge_args, "-f", "github")
    assert (1, True) == (ended.code, ended.out.startswith("::error title=kdaudit FAIL"))
    assert summary.read_text(encoding="utf-8").startswith("before\n## kdaudit: FAIL")
