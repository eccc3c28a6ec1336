"""The documents tell the truth: their commands parse and run, their programs compile, their links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from docs.screenshots import MAX_BYTES, SHOTS
from kdaudit.cli.main import app
from tests.documented import PAGES, ROOT, allowed_codes, blocks, kdaudit_commands, run_page

DEMO = ROOT / "kdaudit" / "demo_data"
# Pages whose commands run in a folder with the demo's models and data, by an environment that makes them quick.
RUN = [page for page in PAGES if page.startswith("docs/how-to/")] + ["docs/index.md", "README.md"]
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
def test_every_program_and_file_can_be_read(page: str) -> None:
    """Python compiles, TOML parses."""
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, page, "exec")
        if block.language == "toml":
            tomllib.loads(block.text)


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
@pytest.mark.parametrize("page", RUN)
def test_the_page_runs(page: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each command and program of it, in order, with the demo's models and data at hand."""
    for name in ("teacher.onnx", "eval.npz", "train.npz"):
        shutil.copyfile(DEMO / name, tmp_path / name)
    shutil.copyfile(DEMO / "student-distilled.onnx", tmp_path / "student.onnx")
    cache = tmp_path_factory.getbasetemp() / "documented-cache"
    for command, code, said in run_page(page, tmp_path, KDAUDIT_CACHE_DIR=str(cache), **QUICK):
        assert code in allowed_codes(page, command), f"{command}\n{said}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tutorial_runs_word_by_word(tmp_path: Path) -> None:
    """In an empty folder, with nothing made quicker: what must fail fails, what must pass passes."""
    codes = {}
    environment = {"KDAUDIT_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    for command, code, said in run_page("docs/tutorial.md", tmp_path, **environment):
        codes[command] = code
        assert code in allowed_codes("docs/tutorial.md", command), f"{command}\n{said}"
    audits = [code for command, code in codes.items() if command.startswith("kdaudit check")]
    assert [1, 0] == audits[:2]


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
