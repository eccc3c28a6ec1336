"""The example on Fashion-MNIST: its summary, and its reduced form from the training to the verdicts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from examples.auditing import Setup, findings
from examples.fashion_mnist.run import AUDITS

ROOT = Path(__file__).parents[2]


def test_the_summary_is_what_the_audits_say_by_hand(tmp_path: Path) -> None:
    """Each audit has its row; what is undefined is said in words."""
    for audit in AUDITS:
        folder = tmp_path / audit.teacher / audit.student
        folder.mkdir(parents=True)
        names = (
            f"{audit.teacher}.onnx",
            f"{audit.student}.onnx",
            "independent/0",
            "independent/1",
            "random/0",
        )
        found = {
            "verdict": "fail",
            "asymmetry": "negative",
            "accuracy": dict(zip(names, (0.9, 0.8, 0.7, 0.8, 0.1), strict=True)),
            "kappa_W": {"estimate": 0.5, "low90": 0.45, "high90": 0.55},
            "kappa_R": {"estimate": 0.125},
            "rrr": {"estimate": None, "low90": None, "high90": None},
            "inherited": {"n": 12, "expected_by_chance": 3.14},
        }
        (folder / "audit.json").write_text(json.dumps(found))
    rows = findings(AUDITS, Setup(models=tmp_path, reports=tmp_path, options=())).splitlines()
    assert 2 + len(AUDITS) == len(rows)
    row = (
        "| clean | honest | 0.900, 0.800, 0.750 | 0.500 [0.450, 0.550] | 0.125 "
        "| undefined [undefined, undefined] | 12 (3.1) | FAIL, asymmetry negative |"
    )
    assert row == rows[2]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_reduced_example_ends_as_its_readme_says(tmp_path: Path) -> None:
    """The honest student never fails and the flawed teacher's student does, through the two commands."""
    python = [sys.executable, "-m"]
    models, reports = str(tmp_path / "models"), str(tmp_path / "reports")
    training = [*python, "examples.fashion_mnist.train_models", "--out", models, "--reduced"]
    subprocess.run(training, check=True, cwd=ROOT)
    audits = [*python, "examples.fashion_mnist.run", "--models", models, "--reports", reports, "--reduced"]
    audits += ["--cache-dir", str(tmp_path / "cache"), "--no-images", "--quiet"]
    done = subprocess.run(audits, check=False, cwd=ROOT, capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "FAIL, asymmetry negative" in (tmp_path / "reports" / "findings.md").read_text(encoding="utf-8")
