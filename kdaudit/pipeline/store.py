"""Artefacts by digest: predictions and controls, written whole or not at all, checked when read.

`predictions/<key>/{logits.npy, record.json}` and `controls/<key>/{weights.safetensors, record.json}`. The record is
written last: a folder without one is what a killed run left, and counts as absent. A damaged artefact too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
from pydantic import TypeAdapter, ValidationError

from kdaudit.digest import array_digest, file_digest
from kdaudit.errors import KDAuditError, ModelError, SpecError
from kdaudit.types import DataRef, ModelRef, Predictions, TrainedControl

WEIGHTS = "weights.safetensors"
_LOGITS = "logits.npy"
_RECORD = "record.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _PredictionRecord:
    sha256: str
    device: str
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A folder of artefacts; `resume` False writes but never reads."""

    root: Path
    resume: bool = True

    @property
    def data(self) -> Path:
        """Where example folders are kept."""
        return self.root / "data"

    def predictions(self, key: str, model: ModelRef, data: DataRef) -> Predictions | None:
        """Kept predictions of `model` on `data`, memory-mapped; None if there are none or they are damaged."""
        folder = self.root / "predictions" / key
        if not self.resume:
            return None
        try:
            record = _prediction_record().validate_json((folder / _RECORD).read_bytes())
            logits = np.load(folder / _LOGITS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, ValidationError):
            return None
        if array_digest(logits) != record.sha256:
            return None
        return Predictions(
            model=model, data=data, logits=logits, device=record.device, batch_size=record.batch_size
        )

    def keep_predictions(self, key: str, predictions: Predictions) -> None:
        """Keep predictions for the next run."""
        record = _PredictionRecord(
            sha256=array_digest(predictions.logits),
            device=predictions.device,
            batch_size=predictions.batch_size,
        )
        with self._new_folder("predictions", key) as folder:
            np.save(folder / _LOGITS, predictions.logits, allow_pickle=False)
            (folder / _RECORD).write_bytes(_prediction_record().dump_json(record))

    def control(self, key: str) -> TrainedControl | None:
        """A kept control; None if there is none or its weights are not those that were kept."""
        folder = self.root / "controls" / key
        if not self.resume:
            return None
        try:
            control = _control_record().validate_json((folder / _RECORD).read_bytes())
            weights = file_digest(folder / WEIGHTS, error=ModelError, what="weights")
        except (OSError, ValidationError, KDAuditError):
            return None
        if control.model.sha256 != weights:
            return None
        return replace(control, model=replace(control.model, path=str(folder / WEIGHTS)))

    @contextmanager
    def new_control(self, key: str) -> Iterator[Path]:
        """A folder to write a control's weights into; it is kept under `key` if nothing fails."""
        with self._new_folder("controls", key) as folder:
            yield folder

    def kept_control(self, key: str, control: TrainedControl, folder: Path) -> TrainedControl:
        """`control` with its record written to `folder` and the path that its weights will have under `key`."""
        final = replace(control.model, path=str(self.root / "controls" / key / WEIGHTS))
        kept = replace(control, model=final)
        (folder / _RECORD).write_bytes(_control_record().dump_json(kept))
        return kept

    def number(self, key: str) -> float | None:
        """A kept number; None if there is none."""
        try:
            text = (self.root / "numbers" / key / _RECORD).read_text(encoding="utf-8")
            return float(json.loads(text)) if self.resume else None
        except (OSError, ValueError, TypeError):
            return None

    def keep_number(self, key: str, value: float) -> None:
        """Keep a number for the next run."""
        with self._new_folder("numbers", key) as folder:
            (folder / _RECORD).write_text(json.dumps(value), encoding="utf-8")

    @contextmanager
    def _new_folder(self, family: str, key: str) -> Iterator[Path]:
        parent = self.root / family
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=f".{key[:16]}-", dir=parent))
        try:
            yield folder
            _replace_folder(folder, parent / key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_store(root: Path, *, keep: bool, resume: bool) -> Iterator[Store]:
    """The store at `root`, or a temporary one that is gone afterwards where nothing is to be kept.

    Raises:
        SpecError: `root` cannot be written to.
    """
    if not keep:
        with TemporaryDirectory(prefix="kdaudit-") as folder:
            yield Store(root=Path(folder), resume=resume)
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise SpecError(
            f"expected to write to the cache at {root}, found: {failure.strerror}",
            hint="name another folder with --cache-dir, or keep nothing with --no-cache",
        ) from failure
    yield Store(root=root, resume=resume)


def _replace_folder(folder: Path, target: Path) -> None:
    """Move a finished folder into its place; an older one there gives way."""
    if target.exists():
        shutil.rmtree(target, ignore_errors=True)
    try:
        folder.replace(target)
    except OSError:
        # Another run was faster: what it kept under this digest is the same.
        if not target.exists():
            raise


@cache
def _prediction_record() -> TypeAdapter[_PredictionRecord]:
    return TypeAdapter(_PredictionRecord)


@cache
def _control_record() -> TypeAdapter[TrainedControl]:
    return TypeAdapter(TrainedControl)
