"""Artefacts by digest: predictions and controls, written whole or not at all, checked when read.

`predictions/<key>/{logits.npy, record.json}` and `controls/<key>/{weights.safetensors, record.json}`. A folder is
filled under another name and renamed; a damaged one counts as absent and is replaced. Of two runs that make the same
artefact at the same time, the first keeps it: nothing that a run may be reading goes away.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
from platformdirs import user_cache_dir
from pydantic import TypeAdapter, ValidationError

from kdaudit.data.cache import mark_used
from kdaudit.digest import array_digest, file_digest
from kdaudit.errors import DataError, KDAuditError, ModelError, SpecError
from kdaudit.locks import shared
from kdaudit.options import AuditSpec
from kdaudit.types import DataRef, Float32, ModelRef, Predictions, TrainedControl

WEIGHTS = "weights.safetensors"
# Locked by every run that uses the cache, so that nothing is pruned under it.
IN_USE = "in-use.lock"
LOGITS = "logits.npy"
RECORD = "record.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecord:
    """What is kept beside logits; whose they are, and on what, is for people."""

    sha256: str
    device: str
    batch_size: int
    model: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _KeptPredictions:
    record: PredictionRecord
    logits: Float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A folder of artefacts; `resume` False writes but never reads."""

    root: Path
    resume: bool = True

    def predictions(self, key: str, model: ModelRef, data: DataRef) -> Predictions | None:
        """Kept predictions of `model` on `data`, memory-mapped; None if there are none or they are damaged."""
        kept = self._kept_predictions(key)
        if kept is None:
            return None
        return Predictions(
            model=model,
            data=data,
            logits=kept.logits,
            device=kept.record.device,
            batch_size=kept.record.batch_size,
        )

    def keep_predictions(self, key: str, predictions: Predictions, *, written: Path | None = None) -> None:
        """Keep predictions for the next run; `written`: a file of the store that holds their logits, which is taken.

        Raises:
            DataError: they cannot be written.
        """
        record = PredictionRecord(
            sha256=array_digest(predictions.logits),
            device=predictions.device,
            batch_size=predictions.batch_size,
            model=predictions.model.name,
            data=predictions.data.name,
        )
        with self._new_folder("predictions", key, kept=self._kept_predictions) as folder:
            if written is None:
                np.save(folder / LOGITS, predictions.logits, allow_pickle=False)
            else:
                _take(written, folder / LOGITS)
            (folder / RECORD).write_bytes(prediction_record().dump_json(record))

    def control(self, key: str) -> TrainedControl | None:
        """A kept control; None if there is none or its weights are not those that were kept."""
        folder = self.root / "controls" / key
        if not self.resume:
            return None
        try:
            control = control_record().validate_json((folder / RECORD).read_bytes())
            weights = file_digest(folder / WEIGHTS, error=ModelError, what="weights")
        except (OSError, ValidationError, KDAuditError):
            return None
        if control.model.sha256 != weights:
            return None
        mark_used(folder)
        return replace(control, model=replace(control.model, path=str(folder / WEIGHTS)))

    @contextmanager
    def new_control(self, key: str) -> Iterator[Path]:
        """A folder to write a control's weights into; it is kept under `key` if nothing fails.

        Raises:
            DataError: it cannot be written.
        """
        with self._new_folder("controls", key, kept=self.control) as folder:
            yield folder

    def kept_control(self, key: str, control: TrainedControl, folder: Path) -> TrainedControl:
        """`control` with its record written to `folder` and the path that its weights will have under `key`."""
        final = replace(control.model, path=str(self.root / "controls" / key / WEIGHTS))
        kept = replace(control, model=final)
        (folder / RECORD).write_bytes(control_record().dump_json(kept))
        return kept

    def number(self, key: str) -> float | None:
        """A kept number; None if there is none."""
        try:
            folder = self.root / "numbers" / key
            value = float(json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        if not self.resume:
            return None
        mark_used(folder)
        return value

    def keep_number(self, key: str, value: float) -> None:
        """Keep a number for the next run.

        Raises:
            DataError: it cannot be written.
        """
        with self._new_folder("numbers", key, kept=self.number) as folder:
            (folder / RECORD).write_text(json.dumps(value), encoding="utf-8")

    def _kept_predictions(self, key: str) -> _KeptPredictions | None:
        folder = self.root / "predictions" / key
        if not self.resume:
            return None
        try:
            record = prediction_record().validate_json((folder / RECORD).read_bytes())
            logits = np.lib.format.open_memmap(folder / LOGITS, mode="r")
        except (OSError, ValueError):
            return None
        if array_digest(logits) != record.sha256:
            return None
        mark_used(folder)
        return _KeptPredictions(record=record, logits=logits)

    @contextmanager
    def _new_folder(self, family: str, key: str, *, kept: Callable[[str], object | None]) -> Iterator[Path]:
        """A folder that becomes `family`/`key`, unless another run was faster: what that one `kept` is the same."""
        parent = self.root / family
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder = Path(mkdtemp(prefix=f".{key[:16]}-", dir=parent))
            try:
                yield folder
                if kept(key) is None:
                    _replace_folder(folder, parent / key)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError as failure:
            raise DataError(
                f"expected to keep {family} in the cache at {self.root}, found: {failure.strerror or failure}",
                hint="free some space, name another folder with --cache-dir, or keep nothing with --no-cache",
            ) from failure


def cache_folder(spec: AuditSpec) -> Path:
    """Where artefacts are kept."""
    return Path(spec.cache_dir or user_cache_dir("kdaudit"))


@contextmanager
def open_store(root: Path, *, keep: bool, resume: bool) -> Iterator[Store]:
    """The store at `root`, or a temporary one that is gone afterwards where nothing is to be kept.

    Raises:
        SpecError: `root`, or a temporary folder, cannot be made.
    """
    if keep:
        hint = "name another folder with --cache-dir, or keep nothing with --no-cache"
        with _made(f"the cache at {root}", hint=hint):
            root.mkdir(parents=True, exist_ok=True)
        with shared(root / IN_USE):
            yield Store(root=root, resume=resume)
        return
    with _made("a temporary folder", hint="name one with the environment variable TMPDIR"):
        temporary = TemporaryDirectory(prefix="kdaudit-", ignore_cleanup_errors=True)
    with temporary as folder:
        yield Store(root=Path(folder), resume=resume)


@contextmanager
def _made(what: str, *, hint: str) -> Iterator[None]:
    """Inside, a folder is made."""
    try:
        yield
    except OSError as failure:
        raise SpecError(f"expected to write to {what}, found: {failure.strerror}", hint=hint) from failure


def _take(written: Path, target: Path) -> None:
    """Move a file; Windows moves none that is mapped."""
    try:
        written.rename(target)
    except PermissionError:
        shutil.copyfile(written, target)


def _replace_folder(folder: Path, target: Path) -> None:
    """Move a finished folder into its place; an older one there gives way whole."""
    old = folder.with_name(f"{folder.name}.old")
    with suppress(FileNotFoundError):
        target.rename(old)
    try:
        folder.rename(target)
    except OSError as failure:
        # Another run was faster: what it kept under this digest is the same.
        if failure.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


@cache
def prediction_record() -> TypeAdapter[PredictionRecord]:
    """Reads and writes the record of kept predictions."""
    return TypeAdapter(PredictionRecord)


@cache
def control_record() -> TypeAdapter[TrainedControl]:
    """Reads and writes the record of a kept control."""
    return TypeAdapter(TrainedControl)
