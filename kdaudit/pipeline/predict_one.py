"""One model's predictions, in the form in which `judge` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdaudit.data import Examples
from kdaudit.data.listing import alike_names
from kdaudit.data.named import incompleteness
from kdaudit.data.preprocessing import described
from kdaudit.errors import AlignmentError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.plan import prepare_one
from kdaudit.pipeline.predicting import PredictTask, predict_task
from kdaudit.pipeline.skipped import DIVIDED, notice_of
from kdaudit.pipeline.store import cache_folder, open_store
from kdaudit.protocols import Progress
from kdaudit.types import AnyArray, Float32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predicted:
    """Logits (n, C) and the examples that they are of."""

    logits: Float32
    data: Examples


def predict_one(spec: AuditSpec, *, progress: Progress) -> Predicted:
    """The logits of the first student on the evaluation data, kept as those of an audit are.

    Raises:
        KDAuditError: model, data, device or options that do not work, each with what to do.
    """
    with open_store(cache_folder(spec), keep=spec.cache, resume=spec.resume) as store:
        model, data, device = prepare_one(spec, store, progress=progress)
        found = predict_task(PredictTask(model=model, data=data, device=device, store=store), progress)
        _require_labels(data, found.logits.shape[-1])
        return Predicted(logits=np.array(found.logits, dtype=np.float32), data=data)


def notices_of(data: Examples) -> Iterator[str]:
    """What was left out or decided while the data was read: there is no report that says it."""
    if data.skipped:
        yield notice_of(data)
    if missing := incompleteness(data):
        yield missing
    if data.shapes:
        yield f"{data.ref.location}: inputs {described(data.preprocess, data.geometry)}"
    yield from (f"{data.ref.location}: {text}" for text in data.assumptions if not text.endswith(DIVIDED))


def _require_labels(data: Examples, n_outputs: int) -> None:
    labels = data.units.labels
    if labels is not None and n_outputs > 1 and labels.max() >= n_outputs:
        raise AlignmentError(
            f"expected labels from 0 to {n_outputs - 1} (the model has {n_outputs} outputs), found labels up to "
            f"{labels.max()} in {data.ref.location}",
            hint="; ".join(alike_names(data.class_names, where=data.ref.location))
            or "labels count from 0 in the order of the model's outputs; --student-label-map maps other ones",
        )


def save_predictions(predicted: Predicted, path: Path) -> None:
    """Write `logits`, `ids`, and `labels`, `groups`, `class_names` and slice columns where the data has them."""
    data = predicted.data
    arrays: dict[str, AnyArray] = {
        "logits": predicted.logits,
        "ids": data.units.ids,
    }
    if data.units.labels is not None:
        arrays["labels"] = data.units.labels
    if data.units.groups is not None:
        arrays["groups"] = data.units.groups
    if data.class_names:
        arrays["class_names"] = np.array(data.class_names)
    with path.open("wb") as stream:
        np.savez(stream, **{**data.units.columns, **arrays})  # type: ignore[arg-type]
