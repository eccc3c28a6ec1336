"""What people see in a terminal: lines on standard error, and whether and how wide and coloured it may be."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from typing import TextIO

_NARROWEST = 40


def say(line: str) -> None:
    """One line on standard error; an audit does not end because nobody can take it (a full disk)."""
    try:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the only place that prints
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Send a stream that takes nothing any more nowhere: Python would flush it again at its end, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: as asked, else NO_COLOR, FORCE_COLOR, and whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def width_of(stream: TextIO) -> int | None:
    """How wide text may be: the terminal, or COLUMNS where it is set; None where nothing is to be wrapped (a pipe)."""
    if not stream.isatty() and not os.environ.get("COLUMNS", "").isdecimal():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def wrapped(line: str, width: int | None) -> list[str]:
    """The line, or the lines that become of it at this width, below where its text begins; words stay whole."""
    if width is None or len(line) <= width:
        return [line]
    starts = [gap.end() for gap in re.finditer(r"(?<=\S) {2,}", line[: width * 3 // 4])]
    indent = len(line) - len(line.lstrip())
    hang = starts[-1] if starts else indent + (2 if indent < width // 4 else 0)
    return textwrap.wrap(
        line, width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
    )


def fitted(text: str, width: int | None) -> str:
    """A text whose lines fit the width."""
    return "".join(f"{part}\n" for line in text.splitlines() for part in wrapped(line, width))


def styled(line: str, style: str | None, *, color: bool) -> str:
    """The line in a style such as "bold red", if it is to be coloured."""
    if style is None or not color:
        return line
    codes = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
    return f"\x1b[{';'.join(codes[part] for part in style.split())}m{line}\x1b[0m"
