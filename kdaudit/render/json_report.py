"""`audit.json`: the audit itself, from which every other document can be rendered again."""

from __future__ import annotations

import json

from kdaudit.schema import Document


def render_json(result: Document) -> str:
    """The audit, or another document, as JSON, keys in the schema's order; numbers are finite or null."""
    return json.dumps(result.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
