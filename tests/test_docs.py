"""The documents tell the truth: their commands parse and run, their programs compile, their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import markdown
import pytest
import typer
import yaml

from docs.screenshots import MAX_BYTES, SHOTS
from kdaudit.cli.main import app
from tests.documented import (
    NOT_RUN,
    PAGES,
    ROOT,
    Block,
    Ended,
    blocks,
    inline_commands,
    is_run,
    kdaudit_commands,
    run_page,
)
from tests.documented_folders import Prepared, save_nothing

TUTORIAL = "docs/tutorial.md"
# Every page that shows anything that can be run; the tutorial runs by itself, and all else in what makes it quick.
RUN = [
    page
    for page in PAGES
    if page != TUTORIAL and any(b.language == "python" or any(map(is_run, b.commands)) for b in blocks(page))
]
QUICK = {
    "OMP_NUM_THREADS": "1",
    "KDAUDIT_EPOCHS": "2",
    "KDAUDIT_LIMIT_TRAIN": "1000",
    "KDAUDIT_LIMIT": "1000",
    "KDAUDIT_WORKERS": "0",
    "KDAUDIT_CONTROLS": "3",
    "KDAUDIT_RANDOM_CONTROLS": "0",
    "KDAUDIT_POSITIVE_CONTROLS": "0",
}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_understood(page: str) -> None:
    """The command line's own parser takes it: commands, options and choices exist."""
    for words in kdaudit_commands(page):
        command: Any = typer.main.get_command(app)
        context = command.make_context("kdaudit", words[:1], resilient_parsing=True)
        rest = list(words)
        while hasattr(command, "commands"):
            if not rest or rest[0].startswith("-"):
                break
            command = command.get_command(context, rest.pop(0))
            assert command is not None, words
        if not hasattr(command, "commands"):
            command.make_context(words[0], rest).close()


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_prose_exist_with_their_options(page: str) -> None:
    """Such as `kdaudit data ls NAME`; COMMAND stands for any."""
    for words in inline_commands(page):
        command: Any = typer.main.get_command(app)
        context = typer.Context(command)
        rest = list(words)
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            if rest[0] == "COMMAND":
                break
            command = command.get_command(context, rest.pop(0))
            assert command is not None, words
        known = {"--help"} | {
            name for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        assert {word for word in rest if word.startswith("-")} <= known, words


@pytest.mark.parametrize("page", PAGES)
def test_no_block_escapes(page: str) -> None:
    """All that the site shows as code is a fence that is read here, and of a language that is looked at."""
    site = ["pymdownx.superfences", "md_in_html", "admonition", "pymdownx.details"]
    shown = markdown.markdown((ROOT / page).read_text(encoding="utf-8"), extensions=site).count("<pre")
    found = blocks(page)
    assert shown == len(found), "a code block is indented, not fenced"
    assert {block.language for block in found} <= {"bash", "html", "python", "text", "toml", "yaml"}


def test_whatever_is_not_run_is_shown_somewhere() -> None:
    """No reason outlives its command."""
    commands = [command for page in PAGES for block in blocks(page) for command in block.commands]
    for pattern in NOT_RUN:
        assert any(re.search(pattern, command) for command in commands), pattern


def test_what_a_page_quotes_is_compared_but_for_its_numbers() -> None:
    """Other digits are the same text, another word is not; a wrong exit code is a problem, so is what is not said."""
    block = Block(language="bash", title=None, text="kdaudit check a b\n", code=1, says="FAIL: bad")
    ended = Ended(
        command="kdaudit check a b", block=block, code=1, said="FAIL:\n  bad 55 % [−3, 61], p < .001"
    )
    assert ended.shows("bad   54 % [3, 60], p = .004 ...\n...")
    assert not ended.shows("worse 55 %")
    assert "" == ended.problem
    wrong = Ended(command=ended.command, block=block, code=0, said=ended.said)
    assert "to end with (1,), found 0" in wrong.problem
    silent = Ended(command=ended.command, block=block, code=1, said="PASS")
    program = Block(language="python", title=None, text="print()\n", code=None, says=None)
    assert "" == Ended(command="python", block=program, code=0, said="").problem
    number = Block(language="bash", title=None, text="kdaudit plan\n", code=0, says="in 80 of")
    assert Ended(command="kdaudit plan", block=number, code=0, said="in 90 of").problem
    assert "to say 'FAIL: bad', found:\nPASS" in silent.problem


@pytest.mark.parametrize("page", PAGES)
def test_every_program_and_file_can_be_read(page: str) -> None:
    """Python compiles, TOML and YAML parse."""
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, page, "exec")
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language == "yaml":
            yaml.safe_load(block.text)


def test_links_of_the_readme_lead_somewhere() -> None:
    """Files exist, and so do headings where a link names one."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        page = ROOT / (path or "README.md")
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}, target


def test_pictures_are_small_and_all_of_them_are_shown() -> None:
    """Each that is taken is there, is shown by the page on reports, and is no larger than it says."""
    shown = set(re.findall(r"images/([\w-]+)\.webp", (ROOT / "docs/reading-a-report.md").read_text("utf-8")))
    assert {shot.name for shot in SHOTS} == shown
    for shot in SHOTS:
        assert (ROOT / "docs" / "images" / f"{shot.name}.webp").stat().st_size < MAX_BYTES


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN)
def test_the_page_runs(page: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each command and program of it, in order, with what it names at hand: it ends, and says, as the page has it."""
    cache = tmp_path_factory.getbasetemp() / "documented-cache"
    for ended in run_page(page, Prepared(root=tmp_path), KDAUDIT_CACHE_DIR=str(cache), **QUICK):
        assert "" == ended.problem


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tutorial_runs_word_by_word(tmp_path: Path) -> None:
    """In an empty folder, with nothing made quicker: what must fail fails, what must pass passes."""
    environment = {"KDAUDIT_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    codes = []
    for ended in run_page(TUTORIAL, Prepared(root=tmp_path, own=save_nothing), **environment):
        assert "" == ended.problem
        codes += [ended.code] if ended.command.startswith("kdaudit check") else []
    assert [1, 0, 0, 1] == codes


@pytest.mark.slow
def test_the_site_builds_and_asks_no_other_machine(tmp_path: Path) -> None:
    """Every link and anchor between pages leads somewhere, and no page loads anything from elsewhere."""
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == built.returncode, built.stderr
    for page in tmp_path.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(https?:[^"]*)"', page.read_text("utf-8")
        )
        assert [] == loaded, page.name
    for style in tmp_path.rglob("*.css"):
        assert "url(http" not in style.read_text("utf-8"), style.name
