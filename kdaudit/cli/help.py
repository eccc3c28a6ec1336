"""What `--help` shows: every name whole, at any width; each option's help beside its name, or below a long one."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

from kdaudit.cli.console import styled, wants_color

# Lines longer than this are hard to read, however wide the terminal is; names that need more get it.
_WIDEST = 120
_NARROWEST = 40
_NAMES = 26
_METAVAR = re.compile(r" (<.*|[A-Z\[].*)$")
# Help, and what is said of the default at its end.
_DEFAULT = re.compile(r"(.*?)( Default: \S+\.| \[.*\]|)$", re.DOTALL)


class HelpCommand(TyperCommand):
    """A command that shows its help by `help_text`: typer's tables cut the names of options."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help text."""
        formatter.write(help_text(self, ctx))


class HelpGroup(TyperGroup):
    """The app itself, with the same help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help text."""
        formatter.write(help_text(self, ctx))


def help_text(command: Any, ctx: Any) -> str:
    """Usage, what the command does, its arguments, options by heading, and sub-commands."""
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns - 1))
    usage = " ".join([f"Usage: {ctx.command_path}", *command.collect_usage_pieces(ctx)])
    lines = [*textwrap.wrap(usage, width, subsequent_indent="    ", break_on_hyphens=False), ""]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines += [*textwrap.wrap(paragraph, width, break_on_hyphens=False), ""]
    color = wants_color("auto", sys.stdout)
    for heading, entries in _sections(command, ctx).items():
        lines.append(styled(f"{heading}:", "bold", color=color))
        lines += [line for names, said in entries for line in _entry(names, said, width)]
        lines.append("")
    return "\n".join(lines)


def _sections(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Names and help of everything that may be given, by heading, in the order of the command."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = None if getattr(parameter, "hidden", False) else parameter.get_help_record(ctx)
        if record is None:
            continue
        own = "Arguments" if parameter.param_type_name == "argument" else "Options"
        heading = getattr(parameter, "rich_help_panel", None) or own
        sections.setdefault(heading, []).append(_named(*record))
    for name in getattr(command, "commands", ()):
        found = command.get_command(ctx, name)
        sections.setdefault("Commands", []).append((name, found.get_short_help_str(limit=200)))
    return sections


def _named(names: str, said: str) -> tuple[str, str]:
    """Names with a short word for the value; a list of choices moves into the help, where it can be wrapped."""
    metavar = _METAVAR.search(names)
    said = re.sub(r" +", " ", said)
    if metavar is None:
        return names, said
    names, word = names[: metavar.start()], metavar[1].strip("<>[]")
    is_option = names.startswith("-")
    if "|" in word:
        said, default = _DEFAULT.match(said).groups()  # type: ignore[union-attr]  # it matches everything
        said = f"{said} One of {', '.join(word.split('|'))}.{default}"
        return f"{names} VALUE" if is_option else names, said
    if not is_option:
        return names, said
    several = "..." if word.startswith("list") else ""
    return f"{names} <{word.removeprefix('list[')}>{several}", said


def _entry(names: str, said: str, width: int) -> Iterator[str]:
    """One option: its help begins beside its names where they are short, else on the next line."""
    told = textwrap.wrap(said, width - _NAMES, break_on_hyphens=False, break_long_words=False)
    first = f"  {names}"
    if len(first) <= _NAMES - 2 and told:
        yield f"{first:<{_NAMES}}{told.pop(0)}"
    else:
        yield first
    yield from (f"{'':<{_NAMES}}{line}" for line in told)
