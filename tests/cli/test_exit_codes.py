"""Every exit code, seen through a real process."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import check_args, process
from tests.planted import World


def test_an_honest_student_passes_with_0(honest: World, tmp_path: Path) -> None:
    """0: nothing was taken over; the report lies where the last lines say; nothing but progress on stderr."""
    ended = process(*check_args(honest), cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("PASS: ")
    assert ended.stdout.splitlines()[-1].startswith("PASS (student.onnx): ")
    assert len(ended.stdout.splitlines()) <= 25
    folder = tmp_path / "kdaudit-report" / "student"
    files = ["audit.json", "examples.npz", "inherited.csv", "report.html"]
    assert files == sorted(p.name for p in folder.iterdir())
    assert "kdaudit-report/student/report.html" in ended.stdout


def test_a_copier_fails_with_1(copier: World, tmp_path: Path) -> None:
    """1: half of the teacher's errors were taken over, and reports are written before the exit."""
    ended = process(*check_args(copier), "-f", "json", cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    audit = json.loads(ended.stdout)
    assert (audit["verdict"], audit["exit_code"]) == ("fail", 1)
    assert audit == json.loads((tmp_path / "kdaudit-report/student/audit.json").read_text(encoding="utf-8"))
    assert ended.stderr.splitlines()[-1].startswith("FAIL (student.onnx): ")


def test_a_document_in_a_file_leaves_the_verdict_on_the_terminal(honest: World, tmp_path: Path) -> None:
    """Standard output stays empty, standard error ends with the verdict, and -q means it."""
    ended = process(*check_args(honest), "-o", "said.txt", cwd=tmp_path)
    assert (0, "") == (ended.returncode, ended.stdout)
    last = (tmp_path / "said.txt").read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("PASS (student.onnx): ")
    assert last == ended.stderr.splitlines()[-1]
    assert "" == process(*check_args(honest), "-o", "said.txt", "-q", cwd=tmp_path).stderr


def test_an_unknown_option_is_usage_2(honest: World, tmp_path: Path) -> None:
    """2: with the nearest known option, and no traceback."""
    ended = process(*check_args(honest), "--contrils", "3", cwd=tmp_path)
    assert ended.returncode == 2
    assert "--controls" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_controls_are_inconclusive_with_3(honest: World, tmp_path: Path) -> None:
    """3: with a report, and differences instead of tests."""
    ended = process(*check_args(honest, n=2), cwd=tmp_path)
    assert ended.returncode == 3, ended.stderr
    assert "INCONCLUSIVE" in ended.stdout
    audit = json.loads((tmp_path / "kdaudit-report/student/audit.json").read_text(encoding="utf-8"))
    assert audit["kappa_W"]["estimate"] is not None
    assert audit["kappa_W"]["p"] is None


def test_a_broken_model_is_4(honest: World, tmp_path: Path) -> None:
    """4: one line what, one line what to do."""
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model at all")
    ended = process("check", str(broken), honest.path("student"), "--data", honest.data, cwd=tmp_path)
    assert ended.returncode == 4
    assert len(ended.stderr.splitlines()) == 2, ended.stderr
    assert "broken.onnx" in ended.stderr
    assert not (tmp_path / "kdaudit-report").joinpath("student").exists()


def test_a_bug_is_70(honest: World, tmp_path: Path) -> None:
    """70: an error that no user can fix must not look like a failed gate."""
    code = (
        "import sys, kdaudit.pipeline.audit as a, kdaudit.cli.main as m\n"
        "a.measure = lambda *args, **kwargs: 1 / 0\n"
        "m.main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *check_args(honest)],
        cwd=tmp_path,
        env={**os.environ, "KDAUDIT_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 70
    assert "ZeroDivisionError" in ended.stderr
    assert "a bug in kdaudit" in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child process on Windows")
def test_an_interrupted_run_is_130_and_goes_on_from_there(tmp_path: Path) -> None:
    """130: Ctrl-C in the middle of training keeps the finished controls; the same command uses them."""
    from tests.trainable import trainable_world

    world = trainable_world(tmp_path / "world")
    args = [
        *world.check_args,
        "--controls",
        "6",
        "--random-controls",
        "0",
        "--positive-controls",
        "0",
        "--epochs",
        "30",
        "--workers",
        "1",
    ]
    environment = {**os.environ, "KDAUDIT_CACHE_DIR": str(tmp_path / "cache")}
    with subprocess.Popen(
        [sys.executable, "-m", "kdaudit", *args, "--progress", "none"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        kept = tmp_path / "cache" / "controls"
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and len(list(kept.glob("*/record.json"))) < 2:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "finished controls are kept" in err
    n_kept = len(list(kept.glob("*/record.json")))
    assert 2 <= n_kept < 6
    again = process(*args, cwd=tmp_path)
    assert f"({n_kept} kept from an earlier run)" in again.stderr
    assert len([p for p in kept.iterdir() if p.name.startswith(".")]) == 0


def test_several_students_give_the_worst_verdict(honest: World, tmp_path: Path) -> None:
    """With two students each is judged alone, and the exit code is the worse one's."""
    args = check_args(honest)
    ended = process(*args[:3], honest.path("copier"), *args[3:], cwd=tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert [line.split(" ")[0] for line in ended.stdout.splitlines() if ".onnx): " in line] == [
        "PASS",
        "FAIL",
    ]
    assert {"student", "copier"} == {p.name for p in (tmp_path / "kdaudit-report").iterdir()}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("closed", ["2>/dev/full", "2>&-", ">&- 2>&-"])
def test_a_full_or_closed_standard_error_changes_no_exit_code(
    honest: World, tmp_path: Path, closed: str
) -> None:
    """A notice that nobody can take is no verdict: 1 would read as FAIL."""
    command = shlex.join([sys.executable, "-m", "kdaudit", *check_args(honest)])
    environment = {**os.environ, "KDAUDIT_CACHE_DIR": str(tmp_path / "cache")}
    ended = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert 0 == ended.returncode
