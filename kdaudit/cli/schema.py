"""`kdaudit schema`: the JSON Schemas of what is read and written."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer


def schema(
    document: Annotated[Literal["report", "config"], typer.Argument(help="audit.json, or kdaudit.toml.")],
) -> None:
    """Print a JSON Schema."""
    from kdaudit.cli.documents import emit
    from kdaudit.schema import AuditResult
    from kdaudit.spec import config_schema

    found = AuditResult.model_json_schema() if document == "report" else config_schema()
    emit(json.dumps(found, indent=2) + "\n")
