"""`--help`: every option once, its name whole at any width; every option in the JSON Schema of kdaudit.toml."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import typer

from kdaudit.cli.main import app
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.spec import config_schema, option_helps
from tests.cli.conftest import Cli

WIDTHS = ("80", "200")
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # it is a group
# Where a line of help begins with the name of an option.
ENTRY = re.compile(r"^  (?:-\w, )?(--[a-z-]+)", re.MULTILINE)


def flags_of(name: str) -> set[str]:
    """All names of a command's options that are long."""
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    names = (flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts))
    return {flag for flag in names if flag.startswith("--")}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_name_is_cut(cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, width: str) -> None:
    """Every option's name stands there whole, no line is wider than the terminal, and nothing is left out by dots."""
    monkeypatch.setenv("COLUMNS", width)
    shown = cli(name, "--help").out
    assert flags_of(name) <= set(re.findall(r"--[a-z-]+", shown))
    assert max(map(len, shown.splitlines())) < int(width)
    assert "…" not in shown


def test_each_option_stands_once_in_the_help_and_in_the_schema(cli: Cli) -> None:
    """Its name begins one line of `check --help`; the schema holds it with the same words."""
    entries = Counter(ENTRY.findall(cli("check", "--help").out))
    schema = config_schema()["properties"]
    for cls in (AuditSpec, OutputSpec):
        for name, help_ in option_helps(cls):
            assert 1 == entries[f"--{name.replace('_', '-')}"], name
            tables = [table for table in (schema, schema["recipe"]["properties"]) if name in table]
            assert [help_.text] == [table[name]["description"] for table in tables], name


def test_choices_stand_before_the_default(cli: Cli) -> None:
    """As words that can be wrapped."""
    shown = " ".join(cli("check", "--help").out.split())
    assert "One of auto, always, never. Default: auto. --student-init VALUE" in shown
    assert "One of report, comparison, config. [required]" in " ".join(cli("schema", "--help").out.split())


def test_the_commands_are_listed_whole(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first sentence of each."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli("--help").out
    assert COMMANDS == sorted(re.findall(r"^  ([a-z]+) ", shown.partition("Commands:")[2], re.MULTILINE))
