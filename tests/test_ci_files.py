"""What runs the gate elsewhere: the action, the commit hook. Their shell is run here, their form is checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.planted import World, flawed_world

ROOT = Path(__file__).parent.parent
ACTION = ROOT / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"


def checked(schema: str, path: Path) -> None:
    """Return if the file is valid by a schema that check-jsonschema brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr


def steps() -> dict[str, dict[str, Any]]:
    """The steps of the action by name."""
    document = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return {step["name"]: step for step in document["runs"]["steps"]}


def run_step(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step's shell as the runner does, with `folder/bin` first on the path."""
    step = steps()[name]
    files = {
        key: str(folder / key.lower()) for key in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder),
            "RUNNER_TEMP": str(folder),
            **files,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def program(folder: Path, name: str, *lines: str) -> None:
    """An executable of the shell."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)


def outputs(folder: Path) -> dict[str, str]:
    """What a step has put out."""
    lines = (folder / "github_output").read_text(encoding="utf-8").splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


AUDIT: Mapping[str, str] = {
    "TEACHER": "t.onnx",
    "STUDENTS": "s.onnx",
    "DATA": "",
    "TRAIN_DATA": "",
    "ARGS": "",
}


def test_the_action_and_the_hook_are_valid() -> None:
    """By GitHub's and pre-commit's own schemas."""
    checked("vendor.github-actions", ACTION)
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    assert 0 == subprocess.run(command, capture_output=True, check=False).returncode


def test_no_input_of_the_action_is_read_as_a_command() -> None:
    """Expressions stand in variables, never in the shell's text; and each input is used."""
    text = ACTION.read_text(encoding="utf-8")
    assert [] == [name for name, step in steps().items() if "${{" in step.get("run", "")]
    for name in yaml.safe_load(text)["inputs"]:
        assert f"inputs.{name}" in text


@pytest.mark.parametrize(("version", "installed"), [("", "/the/action"), ("0.1.0", "kdaudit==0.1.0")])
def test_the_action_installs_itself_or_a_version(tmp_path: Path, version: str, installed: str) -> None:
    """Into an environment of its own, which the next steps find."""
    program(tmp_path, "python3", 'mkdir -p "$3/bin"', f'cp {tmp_path}/bin/pip "$3/bin/python"')
    program(tmp_path, "pip", f'printf "%s\\n" "$@" > {tmp_path}/arguments')
    ended = run_step("Install kdaudit", tmp_path, VERSION=version, SOURCE="/the/action")
    assert 0 == ended.returncode, ended.stderr
    assert ["-m", "pip", "install", "--quiet", installed] == (tmp_path / "arguments").read_text().splitlines()
    assert f"{tmp_path}/kdaudit/bin\n" == (tmp_path / "github_path").read_text()


def test_the_action_passes_inputs_on_as_they_are(tmp_path: Path) -> None:
    """Blanks, quotes and commands in them stay text; several students and arguments stand one a line."""
    program(tmp_path, "kdaudit", f'printf "%s\\n" "$@" > {tmp_path}/arguments')
    hostile = "a b'\"$(touch ran);`touch ran`"
    ended = run_step(
        "Audit",
        tmp_path,
        TEACHER=hostile,
        STUDENTS="one.onnx\ntwo two.onnx\n",
        DATA="e.npz",
        TRAIN_DATA="t.npz",
        ARGS="--controls\n3\n",
    )
    assert 0 == ended.returncode, ended.stderr
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert [
        "check",
        hostile,
        "one.onnx",
        "two two.onnx",
        "--data",
        "e.npz",
        "--train-data",
        "t.npz",
    ] == arguments[:8]
    assert {"--no-images", "github", ".kdaudit-cache"} <= set(arguments)
    assert ["--controls", "3"] == arguments[-2:]
    assert not (tmp_path / "ran").exists()
    assert {"verdict": "", "report": "kdaudit-report"} == outputs(tmp_path)


@pytest.mark.parametrize(
    ("verdicts", "code", "worst"),
    [
        (["pass"], 0, "pass"),
        (["pass", "fail", "inconclusive"], 1, "fail"),
        (["inconclusive", "pass"], 3, "inconclusive"),
    ],
)
def test_the_action_ends_as_the_audit_does(
    tmp_path: Path, verdicts: list[str], code: int, worst: str
) -> None:
    """The exit code is that of check; the verdict is the worst, and an earlier audit's inside a document is none."""
    for i, verdict in enumerate(verdicts):
        folder = tmp_path / "kdaudit-report" / f"s{i}"
        folder.mkdir(parents=True)
        (folder / "audit.json").write_text(
            f'{{\n "verdict": "{verdict}",\n "since": {{\n  "verdict": "fail"}}}}'
        )
    program(tmp_path, "kdaudit", f"exit {code}")
    assert code == run_step("Audit", tmp_path, **AUDIT).returncode
    assert worst == outputs(tmp_path)["verdict"]


def test_the_action_audits_models(tmp_path: Path) -> None:
    """As it stands, on real files: reports, log, summary, and a name for what is kept that a second run repeats."""
    world: World = flawed_world(tmp_path / "world", copied=0.0, n=2000)
    program(tmp_path, "kdaudit", f'PYTHONPATH={ROOT} exec {sys.executable} -m kdaudit "$@"')
    controls = "".join(f"--control\n{path}\n" for path in world.controls[:10])
    inputs = {"TEACHER": world.path("teacher"), "STUDENTS": world.path("student"), "DATA": world.data}
    ended = run_step("Audit", tmp_path, **{**AUDIT, **inputs, "ARGS": controls})
    assert 0 == ended.returncode, ended.stderr
    assert "pass" == outputs(tmp_path)["verdict"]
    assert "::notice title=kdaudit PASS" in ended.stdout
    assert (tmp_path / "kdaudit-report" / "junit.xml").exists()
    assert "PASS (student.onnx)" in (tmp_path / "kdaudit-report" / "run.log").read_text(encoding="utf-8")
    assert "PASS" in (tmp_path / "github_step_summary").read_text(encoding="utf-8")
    named = set()
    for _ in range(2):
        assert 0 == run_step("Name what is kept", tmp_path).returncode
        named.add(outputs(tmp_path)["digest"])
    assert re.fullmatch("[0-9a-f]{16}", named.pop())
    assert set() == named


def test_nothing_kept_has_a_name_too(tmp_path: Path) -> None:
    """An audit that could not run has kept nothing; the step does not fail for that."""
    program(tmp_path, "kdaudit")
    assert 0 == run_step("Name what is kept", tmp_path).returncode
    assert 16 == len(outputs(tmp_path)["digest"])


@pytest.mark.slow
def test_the_hook_stops_a_commit_of_an_unaudited_model(tmp_path: Path) -> None:
    """pre-commit itself runs it, from a repository that holds the hook, on a model without an audit."""
    hooks, work = tmp_path / "hooks", tmp_path / "work"
    for folder in (hooks, work):
        folder.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (hooks / HOOKS.name).write_text(HOOKS.read_text(encoding="utf-8"), encoding="utf-8")
    who = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run(["git", "add", "."], cwd=hooks, check=True)
    subprocess.run(["git", *who, "commit", "-q", "-m", "hook"], cwd=hooks, check=True)
    program(tmp_path, "kdaudit", f'PYTHONPATH={ROOT} exec {sys.executable} -m kdaudit "$@"')
    (work / "student.onnx").write_bytes(b"no audit is of this")
    (work / "notes.txt").write_text("not a model")
    subprocess.run(["git", "add", "."], cwd=work, check=True)
    ended = subprocess.run(
        [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), "kdaudit-verify", "--all-files"],
        cwd=work,
        env={
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == ended.returncode
    assert "student.onnx: no audit is of this file" in ended.stdout
    assert "notes.txt" not in ended.stdout
