"""What ships: the wheel holds templates and demo, and works without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.factories import audit_result

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_what_is_needed_and_nothing_else(unpacked: Path) -> None:
    """Templates, demo data, type marker; no tests."""
    names = ("_templates/report.html.j2", "_templates/style.css", "demo_data/teacher.onnx", "py.typed")
    for name in (*names, "cli/starters/github.yml", "cli/starters/gitlab.yml"):
        assert (unpacked / "kdaudit" / name).is_file(), name
    assert {"kdaudit"} == {p.name for p in unpacked.iterdir() if not p.name.endswith(".dist-info")}
    assert sum(p.stat().st_size for p in unpacked.rglob("*") if p.is_file()) < 12e6


def test_the_unpacked_wheel_renders_a_report(unpacked: Path, tmp_path: Path) -> None:
    """Templates are found inside the package, without the checkout."""
    audit = tmp_path / "audit.json"
    audit.write_text(audit_result("fail").model_dump_json(), encoding="utf-8")
    code = (
        "import kdaudit, sys; assert kdaudit.__file__.startswith(sys.argv[1]), kdaudit.__file__\n"
        "from kdaudit.cli.main import main; sys.argv = ['kdaudit', 'report', sys.argv[2]]; main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(unpacked), str(audit)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr
    assert ended.stdout.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("linux", "x86_64", "onnxruntime-gpu"),
        ("win32", "AMD64", "onnxruntime-gpu"),
        ("linux", "aarch64", "onnxruntime"),
        ("darwin", "arm64", "onnxruntime"),
        ("darwin", "x86_64", "onnxruntime"),
        ("win32", "ARM64", "onnxruntime"),
    ],
)
def test_each_machine_gets_one_onnxruntime(system: str, machine: str, package: str) -> None:
    """With GPU where its wheels exist; two of them would shadow each other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(line) for line in project["dependencies"]]
    environment = {"sys_platform": system, "platform_machine": machine}
    found = [
        r.name
        for r in wanted
        if r.name.startswith("onnxruntime") and (r.marker is None or r.marker.evaluate(environment))
    ]
    assert [package] == found
