"""`kdaudit report`: render a saved audit again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kdaudit.options import DocumentFormat


def report(
    audit: Annotated[str, typer.Argument(help="An audit.json that check wrote.")],
    format_: Annotated[DocumentFormat, typer.Option("--format", "-f", help="Which document.")] = "html",
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write it to a file.")] = None,
    template_dir: Annotated[
        str | None,
        typer.Option(
            "--template-dir", help="Folder of templates that replace the HTML report's own of the same names."
        ),
    ] = None,
) -> None:
    """Render a saved audit: no model, no data, no GPU."""
    from kdaudit.cli.console import width_of
    from kdaudit.cli.documents import checked_templates, deliver
    from kdaudit.cli.step_summary import add_to_step_summary
    from kdaudit.cli.text_report import text_report
    from kdaudit.pipeline.saved import read_result
    from kdaudit.render import render

    result = read_result(Path(audit))
    templates = checked_templates(template_dir)
    if format_ == "text":
        text = text_report(result, color=False, report="", width=None if output else width_of(sys.stdout))
    else:
        text = render(result, format_, templates=templates)
    deliver(text, output)
    if format_ == "github":
        add_to_step_summary([result])
