"""`kdaudit compare`: what changed between two audits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def compare(
    old: Annotated[
        str, typer.Argument(help="The earlier audit: its audit.json, or the folder that check wrote.")
    ],
    new: Annotated[str, typer.Argument(help="The new audit, of the same teacher on the same examples.")],
    format_: Annotated[
        Literal["text", "json", "markdown"], typer.Option("--format", "-f", help="Which document.")
    ] = "text",
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write it to a file.")] = None,
) -> None:
    """Compare two audits: did the student take over more than the earlier one, and which errors are new.

    Exit codes: 0 no regression, 1 a regression; 2 the audits cannot be compared, 4 they cannot be read.
    """
    from kdaudit.cli.console import fitted, width_of
    from kdaudit.cli.documents import deliver
    from kdaudit.pipeline.changes import compare as compare_audits
    from kdaudit.pipeline.saved import read_audit
    from kdaudit.render.comparison import render_comparison

    result = compare_audits(read_audit(Path(old)), read_audit(Path(new)))
    text = render_comparison(result, format_)
    if format_ == "text" and output is None:
        text = fitted(text, width_of(sys.stdout))
    deliver(text, output)
    raise typer.Exit(result.exit_code)
