"""`kdaudit data`: the data sets that are known by name, and where they lie."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kdaudit.cli.completion import data_sets
from kdaudit.cli.help import HelpCommand
from kdaudit.cli.options import given_options, with_options
from kdaudit.options import AuditSpec

if TYPE_CHECKING:
    from kdaudit.data.inventory import Listed

data = typer.Typer(help="List the data sets that are known by name.", no_args_is_help=True)
_HEADER = ("name", "examples", "found in")


@data.callback()
def _data() -> None:
    """List the data sets that are known by name."""


@data.command("ls", cls=HelpCommand)
@with_options(AuditSpec, only=frozenset({"data_root"}))
def list_data(
    name: Annotated[
        str | None,
        typer.Argument(help="Only this data set, with all that is known of it.", autocompletion=data_sets),
    ] = None,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="Which document.")
    ] = "text",
    **options: object,
) -> None:
    """Say which known data sets were found where, and what to put where for one that is missing.

    Exit codes: 0 listed; 2 usage.
    """
    from kdaudit.cli.console import fitted, width_of
    from kdaudit.cli.documents import emit
    from kdaudit.data.inventory import inventory
    from kdaudit.spec import resolve

    nothing = {"teacher": "", "students": ("",), "data": ""}
    specs = resolve({**nothing, **given_options(options)}, config=None, isolated=False, folder=Path.cwd())
    root = None if specs.audit.data_root is None else Path(specs.audit.data_root)
    found = list(inventory(root, name))
    if format_ == "json":
        document = {
            "data_root": None if root is None else str(root),
            "splits": [_record(row) for row in found],
        }
        emit(json.dumps(document, indent=1) + "\n")
        return
    lines = [*_rows(found), *(_all(root) if name is None else _one(found, root))]
    emit(fitted("\n".join(lines), width_of(sys.stdout)))


def _rows(found: Sequence[Listed]) -> Iterator[str]:
    rows = [
        _HEADER,
        *((r.name, f"{r.record.n[r.split]:,}", "-" if r.path is None else str(r.path)) for r in found),
    ]
    width = max(len(row[0]) for row in rows)
    for name, examples, where in rows:
        yield f"{name:<{width}}  {examples:>9}  {where}".rstrip()


def _all(root: Path | None) -> Iterator[str]:
    yield ""
    searched = "no data root is set (--data-root, KDAUDIT_DATA_ROOT)" if root is None else _root(root)
    yield f"{searched}; kdaudit data ls NAME says what to put where"


def _root(root: Path) -> str:
    return f"data root: {root}{'' if root.is_dir() else ', which is no folder'}"


def _one(found: Sequence[Listed], root: Path | None) -> Iterator[str]:
    from kdaudit.data.preprocessing import described
    from kdaudit.types import Preprocess

    record = found[0].record
    usual = record.usual
    preprocess = Preprocess(scale=usual.scale or 1 / 255, mean=usual.mean or (), std=usual.std or ())
    yield ""
    yield f"title     {record.title}"
    yield f"classes   {record.n_classes}"
    if record.modality in {"pictures", "numbers"}:
        yield f"usually   {described(preprocess, usual.geometry)}"
    yield f"licence   {record.licence}"
    yield f"homepage  {record.homepage}"
    if any(row.path is None for row in found):
        yield f"missing   {record.get}"
        if root is not None:
            yield f"searched  {_root(root)}"


def _record(row: Listed) -> dict[str, object]:
    record = row.record
    return {
        "name": row.name,
        "data_set": record.name,
        "split": row.split,
        "title": record.title,
        "modality": record.modality,
        "examples": record.n[row.split],
        "classes": record.n_classes,
        "found": None if row.path is None else str(row.path),
        "licence": record.licence,
        "homepage": record.homepage,
        "get": record.get,
    }
