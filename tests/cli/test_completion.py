"""Shell completion: the scripts, and what they are answered, in real shells where they are installed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdaudit.cli.completion import COMPLETED
from kdaudit.data.names import known_names
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.render import RENDERERS
from kdaudit.spec import option_helps
from tests.cli.conftest import Cli

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def complete(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> object:
    """What bash is answered for a line with the cursor at its end."""

    def answered(line: str) -> list[str]:
        words = shlex.split(line) + ([""] if line.endswith(" ") else [])
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_KDAUDIT_COMPLETE", "complete_bash")
        return cli().out.split()

    return answered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("kdaudit ch", {"check"}),
        ("kdaudit cache ", {"ls", "prune"}),
        ("kdaudit check --pres", {"--preset"}),
        ("kdaudit check --no-im", {"--no-images"}),
        ("kdaudit check --preset ", {"default", "lenient", "margins", "strict"}),
        ("kdaudit check t s -f s", {"sarif"}),
        ("kdaudit check t s --report p", {"parquet="}),
        ("kdaudit check t s --data imagenet-", {"imagenet-val", "imagenet-train"}),
        ("kdaudit data ls fashion", {"fashion-mnist"}),
        ("kdaudit explain KD40", {"KD401", "KD402", "KD403", "KD404", "KD405"}),
        ("kdaudit init --ci g", {"github", "gitlab"}),
        ("kdaudit schema c", {"comparison", "config"}),
    ],
)
def test_what_is_offered(complete: object, line: str, offered: set[str]) -> None:
    """Commands, options, and the values of those that have a few."""
    assert callable(complete)
    assert offered == set(complete(line))


def test_everything_is_offered_where_nothing_is_typed(complete: object) -> None:
    """All formats; all data sets, and the files here beside them."""
    assert callable(complete)
    (Path("data") / "inner").mkdir(parents=True)
    Path("eval.npz").touch()
    Path(".hidden").touch()
    assert set(RENDERERS) < set(complete("kdaudit check t s -f "))
    assert {*known_names(), "data/", "eval.npz"} == set(complete("kdaudit check t s --data "))
    assert ["data/inner/"] == complete("kdaudit check t s --data data/in")
    assert [] == complete("kdaudit check t s --data nowhere/x")


def test_options_that_complete_are_options() -> None:
    """A renamed one would be forgotten."""
    names = {name for cls in (AuditSpec, OutputSpec) for name, _ in option_helps(cls)}
    assert set(COMPLETED) <= names


def test_completing_loads_nothing_heavy() -> None:
    """Whoever presses the tab key waits for neither torch nor onnxruntime nor scipy."""
    code = (
        "import os, sys\n"
        "from kdaudit.cli.main import main\n"
        "sys.argv = ['kdaudit']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'torchvision', 'onnx', 'onnxruntime', 'scipy') if m in sys.modules])\n"
    )
    for line in (
        "kdaudit ch",
        "kdaudit check t s --data ",
        "kdaudit check t s --report ",
        "kdaudit explain ",
    ):
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - (not line.endswith(" ")))}
        environment = {**os.environ, **words, "_KDAUDIT_COMPLETE": "complete_bash"}
        command = [sys.executable, "-c", code]
        shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        assert len(shown.splitlines()) > 1, line
        assert "[]" == shown.splitlines()[-1], line


@pytest.fixture(scope="module")
def on_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `kdaudit` in it."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "kdaudit"
    root = Path(__file__).parents[2]
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} -m kdaudit "$@"\n')
    program.chmod(0o755)
    return folder


# In each shell: take the script, complete `kdaudit ch`, show what is offered.
IN_SHELL = {
    "bash": (
        'eval "$SCRIPT"; COMP_WORDS=(kdaudit ch); COMP_CWORD=1',
        '_kdaudit_completion kdaudit; echo "${COMPREPLY[@]}"',
    ),
    "zsh": (
        'compdef() { }; _arguments() { echo "$@" }; words=(kdaudit ch); CURRENT=2',
        'eval "$SCRIPT"; _kdaudit_completion',
    ),
    "fish": ('echo "$SCRIPT" | source', 'complete -C "kdaudit ch"'),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes(shell: str, on_path: Path, tmp_path: Path) -> None:
    """The script is produced for each; where the shell is installed, it runs it, and `ch` becomes `check`."""
    environment = {**os.environ, "PATH": f"{on_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    source = {**environment, "_KDAUDIT_COMPLETE": f"source_{shell}"}
    script = subprocess.run(["kdaudit"], env=source, capture_output=True, text=True, check=True).stdout
    assert "_KDAUDIT_COMPLETE" in script
    assert f"complete_{shell}" in script
    if shutil.which(shell) is None:
        return
    ended = subprocess.run(
        [shell, "-c", "\n".join(IN_SHELL[shell])],
        env={**environment, "SCRIPT": script},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "check" in ended.stdout, ended.stderr
    assert "compare" not in ended.stdout
