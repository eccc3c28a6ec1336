"""The accuracy that a model's own files state: ONNX metadata, or the model card of a Hugging Face folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdaudit.errors import ModelError
from kdaudit.installed import required
from kdaudit.models.declared import metadata
from kdaudit.models.untrusted import read_message
from kdaudit.types import ModelRef

# The key of ONNX metadata_props that kdaudit itself reads.
ACCURACY_KEY = "kdaudit.accuracy"
_MODEL_CARD = "README.md"


def declared_accuracy(ref: ModelRef) -> tuple[float, str] | None:
    """The accuracy in [0, 1] that the model's files state and where; None where they state none.

    Raises:
        ModelError: an ONNX file states something else than a share.
    """
    if ref.kind == "onnx":
        text = metadata(read_message(Path(ref.path))).get(ACCURACY_KEY)
        return None if text is None else (_share(text, ref.path), f"{ACCURACY_KEY} of {ref.name}")
    if ref.kind == "huggingface":
        return _card_accuracy(Path(ref.path) / _MODEL_CARD)
    return None


def _share(text: str, path: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ModelError(f"expected an accuracy from 0 to 1 under {ACCURACY_KEY} in {path}, found {text!r}")
    return value


def _card_accuracy(path: Path) -> tuple[float, str] | None:
    """The first accuracy in the `model-index` of a model card; shares and percentages are told apart by size."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not text.startswith("---"):
        return None
    yaml: Any = required("yaml", extra="hf", needed_for=f"the model card {path}", error=ModelError)
    try:
        card = yaml.safe_load(text.split("---", 2)[1])
        value, where = next(_accuracies(card), (math.nan, ""))
    except (yaml.YAMLError, IndexError, KeyError, TypeError, ValueError, AttributeError):
        return None  # a card is prose: what cannot be understood states nothing
    share = value / 100 if value > 1 else value
    return (share, f"the model card, on {where}") if 0 <= share <= 1 else None


def _accuracies(card: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    for model in card.get("model-index") or ():
        for result in model["results"]:
            for metric in result["metrics"]:
                if metric["type"] == "accuracy":
                    yield float(metric["value"]), str(result.get("dataset", {}).get("name", "unnamed data"))
