"""Variables of the environment that look like options and are none: a slip that would otherwise go unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

PREFIX = "KDAUDIT_"


def known_variables(command: Any) -> set[str]:
    """The variables that the command or any command below it reads."""
    own = {p.envvar for p in command.params if isinstance(getattr(p, "envvar", None), str)}
    return own.union(*map(known_variables, getattr(command, "commands", {}).values()))


def unknown_variables(names: Iterable[str], known: set[str]) -> Iterator[str]:
    """A sentence for each name that begins as ours do and is none, with the nearest one."""
    ends = {name.removeprefix(PREFIX) for name in known}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name.removeprefix(PREFIX), ends, n=1)
            yield f"kdaudit: no option reads {name}" + (f", did you mean {PREFIX}{near[0]}?" if near else "")
