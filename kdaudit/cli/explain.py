"""`kdaudit explain`: what a rule means."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Annotated

import typer

from kdaudit.cli.completion import rules
from kdaudit.errors import SpecError

_WIDEST = 100


def explain(
    rule: Annotated[
        str | None,
        typer.Argument(help="A rule, such as KD201; without it, all are listed.", autocompletion=rules),
    ] = None,
) -> None:
    """Say what a rule asks, how it is computed, what a violation does, and what to do about it."""
    from kdaudit.cli.console import width_of
    from kdaudit.cli.documents import emit

    width = min(width_of(sys.stdout) or _WIDEST, _WIDEST)
    lines = _listed() if rule is None else _explained(rule.upper(), width)
    emit("\n".join(lines) + "\n")


def _listed() -> Iterator[str]:
    from kdaudit.policy import RULES
    from kdaudit.policy.stated import rule_info

    for name in RULES:
        info = rule_info(name)
        yield f"{name}  {_level(name):<15}  {info.title}"


def _explained(name: str, width: int) -> Iterator[str]:
    from kdaudit.policy.explanations import EXPLANATIONS
    from kdaudit.policy.limits import LIMITS
    from kdaudit.policy.stated import nearest, rule_info
    from kdaudit.policy.waivers import may_be_waived

    if name not in EXPLANATIONS:
        raise SpecError(
            f"unknown rule {name}{nearest(name, EXPLANATIONS)}",
            hint="kdaudit explain without a rule lists all",
        )
    info, said = rule_info(name), EXPLANATIONS[name]
    fixed = f" only: {info.fixed_because}" if info.fixed_because else ""
    waivers = "may" if may_be_waived(name) else "cannot"
    yield f"{name}: {info.title} ({_level(name)})"
    for heading, words in (
        ("asks", said.asks),
        ("computed", said.computed),
        ("violated", said.violated),
        ("what to do", said.advice),
        ("levels", f"{' or '.join(info.levels)}{fixed}. It {waivers} be waived."),
        ("limits", ", ".join(f"{limit} = {getattr(LIMITS, limit):g}" for limit in said.limits)),
    ):
        if words:
            yield ""
            yield from textwrap.wrap(f"{heading}: {words}", width, subsequent_indent="  ")


def _level(name: str) -> str:
    from kdaudit.policy.stated import rule_info

    info = rule_info(name)
    return f"{info.level}, fitness" if info.fitness else info.level
