"""`kdaudit demo` as a newcomer runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run_demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The demo in an empty folder, with a cache of its own."""
    command = [sys.executable, "-m", "kdaudit", "demo", "--cache-dir", str(folder / "cache"), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_demo_ends_as_expected_and_its_second_run_trains_nothing(tmp_path: Path) -> None:
    """One student fails with a negative asymmetry, one passes; both reports lie where the last lines say."""
    first = run_demo(tmp_path)
    assert first.returncode == 0, first.stderr
    found = {}
    for name in ("student-distilled", "student-honest"):
        folder = tmp_path / "kdaudit-demo" / name
        assert (folder / "report.html").stat().st_size > 0
        found[name] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    distilled, honest = found["student-distilled"], found["student-honest"]
    assert ["fail", "negative", "pass"] == [
        distilled["verdict"],
        distilled["asymmetry"],
        honest["verdict"],
    ]
    assert "student-distilled" in first.stderr.splitlines()[-2]
    assert "controls: all 17 are kept from an earlier run" in first.stderr, "the second student shares them"

    second = run_demo(tmp_path, "--quiet")
    assert second.returncode == 0, second.stderr
    again = json.loads((tmp_path / "kdaudit-demo/student-distilled/audit.json").read_text(encoding="utf-8"))
    assert distilled["kappa_W"] == again["kappa_W"]
    assert distilled["models"] == again["models"], "the same controls, their curves and times of training"
