"""The commands, programs and files that the documents show: read from their fenced blocks, run in prepared folders.

```bash``` blocks are commands, ```python``` blocks programs; a block with title="NAME" is the file NAME. A comment
`<!-- exit 1 -->` before a block says what each of its commands ends with, `<!-- says TEXT -->` what the last one
says, to the digit; and a ```text``` block is what the last command before it says, digits apart.
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

from tests.documented_folders import Prepared

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("README.md"),
    )
)
# What cannot be run in a test, by a pattern of the command, and why.
NOT_RUN = {
    r"^python3 -m venv|^\. venv/bin/activate": "the tests' environment is used",
    r"^pip install|^apt-get install": "it is installed, or its tests are skipped",
    r"^make |pytest": "it runs the tests, or installs",
    r"^kdaudit demo": "tests/cli/test_demo.py runs it",
    r"^ray start --address": "there is one machine",
    r"^python -m examples\.demo": "it needs all of Fashion-MNIST; tests/test_demo_data.py looks at what it made",
    r"^python -m examples\.(?!demo)": "tests/examples run them",
}
_BLOCK = re.compile(
    r"(?:^ *<!-- exit (?P<exit>\d+) -->\n)?(?:^ *<!-- says (?P<says>[^\n]+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"`(kdaudit [^`]+)`")
# Numbers with their sign, and with what compares them: processors differ in last digits.
_NUMBER = re.compile(r"(?:[<>=≤≥]\s*)?[−-]?\.?\d[\d.,]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; `code` is what its commands end with and `says` what the last says, where the page has it."""

    language: str
    title: str | None
    text: str
    code: int | None
    says: str | None

    @property
    def commands(self) -> tuple[str, ...]:
        """Its commands, continued lines joined; comments left out."""
        if self.language != "bash" or self.title is not None:
            return ()
        lines = self.text.replace("\\\n", " ").splitlines()
        return tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))

    def allowed(self, command: str) -> tuple[int, ...]:
        """What a command of it may end with: what the page says, else 0, and any verdict for an audit."""
        if self.code is not None:
            return (self.code,)
        audits = command.startswith(("kdaudit check", "kdaudit judge")) and "--exit-zero" not in command
        return (0, 1, 3) if audits and "--dry-run" not in command else (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command or program of a page that was run."""

    command: str
    block: Block
    code: int
    said: str

    def shows(self, quoted: str) -> bool:
        """Whether it said a quoted text, numbers and blanks apart; `...` stands for what was left out."""
        said = _blurred(self.said)
        parts = (part for line in quoted.splitlines() for part in line.split("..."))
        return all(_blurred(part) in said for part in parts if part.strip())

    @property
    def problem(self) -> str:
        """How it ended otherwise than the page says; '' if it did not."""
        allowed = self.block.allowed(self.command)
        if self.code not in allowed:
            return f"expected {self.command} to end with {allowed}, found {self.code}:\n{self.said}"
        says = self.block.says
        last = (self.command,) == self.block.commands[-1:]
        if says is not None and last and " ".join(says.split()) not in " ".join(self.said.split()):
            return f"expected {self.command} to say {says!r}, found:\n{self.said}"
        return ""


def blocks(page: str) -> tuple[Block, ...]:
    """All fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return tuple(
        Block(
            language=found["language"],
            title=found["title"],
            text=textwrap.dedent(found["text"]),
            code=None if found["exit"] is None else int(found["exit"]),
            says=found["says"],
        )
        for found in _BLOCK.finditer(text)
    )


def kdaudit_commands(page: str) -> Iterator[list[str]]:
    """The arguments of every `kdaudit` command of a page's blocks, whatever their language."""
    for block in blocks(page):
        lines = block.commands or block.text.replace("\\\n", " ").splitlines()
        for line in lines:
            command = re.sub(r"^\s*(?:\$ |(?:- )?run: )?", "", line)
            if command.startswith("kdaudit "):
                words = shlex.split(command, comments=True)
                yield words[1 : words.index("||") if "||" in words else None]


def inline_commands(page: str) -> Iterator[list[str]]:
    """The arguments of every `kdaudit` command in a page's prose, which may lack what a real one needs."""
    prose = _BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for found in _INLINE.finditer(prose):
        yield shlex.split(found[1].replace("...", ""))[1:]


def is_run(command: str) -> bool:
    """Whether the slow suite runs it."""
    return not any(re.search(pattern, command) for pattern in NOT_RUN)


def run_page(page: str, prepared: Prepared, **environment: str) -> Iterator[Ended]:
    """Run a page's blocks, word by word, each command where what it names is prepared.

    Raises:
        AssertionError: What the page quotes was not said.
    """
    last: Ended | None = None
    for block in blocks(page):
        if block.title is not None:
            prepared.save(block.title, block.text)
        elif block.language == "python":
            last = _ended([sys.executable, "-c", block.text], "python", block, prepared, environment)
            yield last
        elif block.language == "text" and last is not None:
            assert last.shows(block.text), f"expected {last.command} to say\n{block.text}\nfound\n{last.said}"
        for command in filter(is_run, block.commands):
            last = _ended(["bash", "-c", command], command, block, prepared, environment)
            yield last


def _ended(
    words: list[str], command: str, block: Block, prepared: Prepared, environment: dict[str, str]
) -> Ended:
    place = prepared.place(command)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        words,
        cwd=place.folder,
        env={**os.environ, "PATH": programs, **environment, **place.environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Ended(command=command, block=block, code=ended.returncode, said=ended.stdout + ended.stderr)


def _blurred(text: str) -> str:
    return _NUMBER.sub("#", " ".join(text.split()))
