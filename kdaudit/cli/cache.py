"""`kdaudit cache`: what is kept between runs, and how to make it less."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kdaudit.cli.help import HelpCommand
from kdaudit.cli.options import given_options, with_options
from kdaudit.numerics import plural
from kdaudit.options import AuditSpec

if TYPE_CHECKING:
    from kdaudit.pipeline.cache_entries import Entry, Pruned

cache = typer.Typer(help="List what is kept between runs, or prune it.", no_args_is_help=True)
Format = Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="Which document.")]
Kind = Literal["data", "predictions", "controls", "numbers"]
_ONLY = frozenset({"cache_dir"})
_DIGITS = 12


@cache.command("ls", cls=HelpCommand)
@with_options(AuditSpec, only=_ONLY)
def list_entries(
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    format_: Format = "text",
    **options: object,
) -> None:
    """List what the cache holds, the last used first: prepared data, predictions, controls, accuracies of pilots.

    Exit codes: 0 listed; 2 usage.
    """
    from kdaudit.cli.documents import emit
    from kdaudit.pipeline.cache_entries import entries

    root = _root(options)
    found = [entry for entry in entries(root) if kind in (None, entry.kind)]
    if format_ == "json":
        emit(
            json.dumps({"cache": str(root), "entries": [_record(entry) for entry in found]}, indent=1) + "\n"
        )
        return
    total = sum(entry.n_bytes for entry in found)
    _show([*_rows(found), f"{_count(len(found))}, {_size(total)} in {root}"])


@cache.command("prune", cls=HelpCommand)
@with_options(AuditSpec, only=_ONLY)
def prune_entries(
    older_than: Annotated[
        str | None, typer.Option(help="Remove what was not used for so long, e.g. 30d, 12h, 2w.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(help="Remove the longest unused until the cache is no larger, e.g. 5GB.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    format_: Format = "text",
    **options: object,
) -> None:
    """Remove entries of the cache, the longest unused first; without an age or a size, only what killed runs left.

    Nothing is removed while a run uses the cache. What is removed is computed again when it is needed.

    Exit codes: 0 done; 2 usage, 4 the cache is in use or cannot be written.
    """
    from kdaudit.cli.documents import emit
    from kdaudit.pipeline.cache_entries import KINDS, Wish, bytes_of_size, prune, seconds_of_age

    root = _root(options)
    wish = Wish(
        older_than_seconds=None if older_than is None else seconds_of_age(older_than),
        max_bytes=None if max_size is None else bytes_of_size(max_size),
        kinds=KINDS if kind is None else (kind,),
    )
    pruned = prune(root, wish, dry_run=dry_run)
    if format_ == "json":
        emit(json.dumps({"cache": str(root), "dry_run": dry_run, **_pruned_record(pruned)}, indent=1) + "\n")
        return
    went = "would be removed" if dry_run else "removed"
    of_killed = f" and {plural(len(pruned.leftovers), 'leftover')} of killed runs" if pruned.leftovers else ""
    _show(
        [
            *_rows(pruned.entries),
            f"{_count(len(pruned.entries))}{of_killed} {went}, {_size(pruned.n_bytes)}; "
            f"{_size(pruned.n_bytes_left)} left in {root}",
        ]
    )


def _root(options: dict[str, object]) -> Path:
    from kdaudit.pipeline.store import cache_folder
    from kdaudit.spec import resolve

    nothing = {"teacher": "", "students": ("",), "data": ""}
    specs = resolve({**nothing, **given_options(options)}, config=None, isolated=False, folder=Path.cwd())
    return cache_folder(specs.audit)


def _rows(found: Iterable[Entry]) -> Iterator[str]:
    now = time.time()
    rows = [
        (
            entry.kind,
            entry.key[:_DIGITS],
            _size(entry.n_bytes),
            _age(now - entry.made),
            _age(now - entry.used),
            entry.about,
        )
        for entry in found
    ]
    if rows:
        rows.insert(0, ("kind", "key", "size", "age", "unused", "for"))
    for kind, key, size, made, used, about in rows:
        yield f"{kind:<12} {key:<{_DIGITS}} {size:>9}  {made:>5}  {used:>6}  {about}".rstrip()


def _show(lines: list[str]) -> None:
    from kdaudit.cli.console import fitted, width_of
    from kdaudit.cli.documents import emit

    emit(fitted("\n".join(lines), width_of(sys.stdout)))


def _count(n: int) -> str:
    return plural(n, "entry", "entries")


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length:,.0f}{unit}"
    return "now"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def _record(entry: Entry) -> dict[str, object]:
    made, used = (
        datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
        for moment in (entry.made, entry.used)
    )
    return {
        "kind": entry.kind,
        "key": entry.key,
        "bytes": entry.n_bytes,
        "made": made,
        "used": used,
        "about": entry.about,
    }


def _pruned_record(pruned: Pruned) -> dict[str, object]:
    return {
        "removed": [_record(entry) for entry in pruned.entries],
        "leftovers": len(pruned.leftovers),
        "bytes_removed": pruned.n_bytes,
        "bytes_left": pruned.n_bytes_left,
    }
