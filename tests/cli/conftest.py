"""The command line in this process, and in a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kdaudit.cli.main import main
from tests.planted import World, flawed_world


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `kdaudit ARGS` in this process, in an empty folder with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KDAUDIT_CACHE_DIR", str(tmp_path / "cache"))

    def run(*args: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["kdaudit", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return run


def process(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kdaudit ARGS` as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "kdaudit", *args],
        cwd=cwd,
        env={**os.environ, "KDAUDIT_CACHE_DIR": str(cwd / "cache"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A student that is one more control."""
    return flawed_world(tmp_path_factory.mktemp("honest"), copied=0.0, n=3000)


@pytest.fixture(scope="session")
def copier(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A student that repeats half of its teacher's answers."""
    return flawed_world(tmp_path_factory.mktemp("copier"), copied=0.5)


def control_options(world: World, n: int = 10) -> list[str]:
    """`--control FILE` for the first n ready-made controls of a world."""
    return [part for path in world.controls[:n] for part in ("--control", path)]


def check_args(world: World, n: int = 10) -> list[str]:
    """A whole `check` command on a world."""
    return [
        "check",
        world.path("teacher"),
        world.path("student"),
        "--data",
        world.data,
        *control_options(world, n),
    ]
