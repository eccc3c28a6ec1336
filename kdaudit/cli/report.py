"""`kdaudit report`: render a saved audit again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kdaudit.errors import DataError

if TYPE_CHECKING:
    from kdaudit.schema import AuditResult


def report(
    audit: Annotated[str, typer.Argument(help="An audit.json that check wrote.")],
    format_: Annotated[
        Literal["text", "json", "markdown", "html", "junit", "github"],
        typer.Option("--format", "-f", help="Which document."),
    ] = "html",
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write it to a file.")] = None,
) -> None:
    """Render a saved audit: no model, no data, no GPU."""
    from kdaudit.cli.console import text_report
    from kdaudit.cli.documents import emit, write_text
    from kdaudit.render import render

    result = _read(Path(audit))
    text = text_report(result, color=False, report="") if format_ == "text" else render(result, format_)
    if output is None:
        emit(text)
    else:
        write_text(Path(output), text)


def _read(path: Path) -> AuditResult:
    from pydantic import ValidationError

    from kdaudit.schema import AuditResult

    try:
        return AuditResult.model_validate_json(path.read_bytes())
    except OSError as failure:
        raise DataError(f"expected an audit.json at {path}, found: {failure.strerror}") from failure
    except ValidationError as failure:
        first = failure.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise DataError(
            f"expected an audit of kdaudit in {path}, found that {where}: {first['msg'].lower()}",
            hint="render it with the version of kdaudit that wrote it, or audit again",
        ) from failure
