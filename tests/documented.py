"""The commands, programs and files that the documents show: read from their fenced blocks, run in an empty folder.

```bash``` blocks are commands, ```python``` blocks programs; a block with title="NAME" is the file NAME. A comment
`<!-- exit 1 -->` before a block says that each of its commands ends with 1.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page.relative_to(ROOT).as_posix() for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
)
# What cannot be run in a test, by a pattern of the command, and why.
NOT_RUN = {
    r"^python3 -m venv|^\. venv/bin/activate": "the tests' environment is used",
    r"^pip install": "it is installed",
    r"^make ": "its targets run the tests, or install",
    r"^kdaudit demo": "tests/cli/test_demo.py runs it",
    r"--data imagenet-val": "ImageNet must not be passed on",
}
_BLOCK = re.compile(
    r"(?:^<!-- exit (?P<exit>\d+) -->\n)?^(?P<indent> *)```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; `code` is what its commands end with, where the page says so."""

    language: str
    title: str | None
    text: str
    code: int | None

    @property
    def commands(self) -> tuple[str, ...]:
        """Its commands, continued lines joined; comments left out."""
        if self.language != "bash" or self.title is not None:
            return ()
        lines = self.text.replace("\\\n", " ").splitlines()
        return tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))


def blocks(page: str) -> tuple[Block, ...]:
    """All fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return tuple(
        Block(
            language=found["language"],
            title=found["title"],
            text=textwrap.dedent(found["text"]),
            code=None if found["exit"] is None else int(found["exit"]),
        )
        for found in _BLOCK.finditer(text)
    )


def kdaudit_commands(page: str) -> Iterator[list[str]]:
    """The arguments of every `kdaudit` command of a page."""
    for block in blocks(page):
        for command in block.commands:
            words = shlex.split(command, comments=True)
            if words and words[0] == "kdaudit":
                yield words[1:]


def run_page(page: str, folder: Path, **environment: str) -> Iterator[tuple[str, int, str]]:
    """Run a page's blocks in a folder, word by word; yield each command, its exit code and all that it said."""
    programs = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **environment}
    for block in blocks(page):
        if block.title is not None:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            yield "python", *_ended([sys.executable, "-c", block.text], folder, env)
        for command in block.commands:
            if not any(re.search(pattern, command) for pattern in NOT_RUN):
                yield command, *_ended(["bash", "-c", command], folder, env)


def allowed_codes(page: str, command: str) -> tuple[int, ...]:
    """What a command may end with: what the page says, else 0, and any verdict for an audit."""
    for block in blocks(page):
        if command in block.commands and block.code is not None:
            return (block.code,)
    return (0, 1, 3) if command.startswith(("kdaudit check", "kdaudit judge")) else (0,)


def _ended(command: list[str], folder: Path, env: dict[str, str]) -> tuple[int, str]:
    ended = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr
