"""`kdaudit schema`: the JSON Schemas of what is read and written."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer


def schema(
    document: Annotated[
        Literal["report", "comparison", "config"],
        typer.Argument(help="audit.json, what compare -f json prints, or kdaudit.toml."),
    ],
) -> None:
    """Print a JSON Schema."""
    from kdaudit.cli.documents import emit
    from kdaudit.schema import AuditResult, ComparisonResult, Document
    from kdaudit.spec import config_schema

    documents: dict[str, type[Document]] = {"report": AuditResult, "comparison": ComparisonResult}
    found = config_schema() if document == "config" else documents[document].model_json_schema()
    emit(json.dumps(found, indent=2) + "\n")
