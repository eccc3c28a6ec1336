"""Options of `options.py` as parameters of a typer command: each is written once, there."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from kdaudit.cli.completion import COMPLETED
from kdaudit.judge_options import JudgeSpec
from kdaudit.options import AuditSpec, Help, OutputSpec

Spec = type[AuditSpec] | type[OutputSpec] | type[JudgeSpec]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        envvar="KDAUDIT_CONFIG",
        show_envvar=False,
        help="Configuration file; default: the nearest kdaudit.toml.",
    ),
]
Isolated = Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notices.")]
_SHORT = {"output": ("-o",), "format": ("-f",)}


def with_options(
    *specs: Spec,
    only: Container[str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the command takes the options of these specs (or of them `only`) by name, None where not given."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
        hints = get_type_hints(command, include_extras=True)
        own = [p.replace(annotation=hints[p.name]) for p in own]
        added = [parameter for spec in specs for parameter in _parameters(spec, only)]
        parameters = [*own, *added]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def _parameters(spec: Spec, only: Container[str] | None) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(spec, include_extras=True)
    for field in dataclasses.fields(spec):
        hint = hints[field.name]
        helps = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Help)]
        if helps and (only is None or field.name in only):
            kind = _optional(hint.__origin__)
            yield inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_option(field, kind, helps[0]),
                annotation=kind,
            )


def _option(field: dataclasses.Field[Any], kind: object, help_: Help) -> Any:
    flag = f"--{field.name.replace('_', '-')}"
    if bool in get_args(kind):
        flag = f"{flag}/--no-{flag[2:]}"
    shown = _shown_default(field.default)
    return typer.Option(
        None,
        *_SHORT.get(field.name, ()),
        flag,
        help=f"{help_.text}{shown}",
        envvar=f"KDAUDIT_{field.name.upper()}",
        show_envvar=False,
        show_default=False,
        rich_help_panel=help_.panel,
        autocompletion=COMPLETED.get(field.name),
    )


def _shown_default(default: object) -> str:
    if default is dataclasses.MISSING or default is None or default == () or isinstance(default, bool):
        return ""
    return f" Default: {default}."


def _optional(hint: Any) -> Any:
    """The type that typer takes: optional, a list for a tuple, and text where a configuration may also hold a table."""
    if get_origin(hint) is tuple:
        return list[str] | None
    if str in get_args(hint):
        return str | None
    return hint | None


def given_options(options: Mapping[str, object]) -> dict[str, object]:
    """Options that were given; a repeatable one that was not is an empty list."""
    return {name: value for name, value in options.items() if value is not None and value != []}
