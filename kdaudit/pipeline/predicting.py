"""Predictions of models on data: looked up in the store, else made, several models in one pass, and resumable.

Unfinished predictions stand in `predictions/.<key>.part`: logits, of which the first ones are there, and how many. A
run that was killed goes on from there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from kdaudit.data import Examples
from kdaudit.data.cache import take_space
from kdaudit.digest import record_digest
from kdaudit.errors import DataError, NotFiniteError
from kdaudit.locks import exclusive
from kdaudit.models import load_model
from kdaudit.models.predict import Answers, answer
from kdaudit.pipeline.store import LOGITS, Store
from kdaudit.protocols import Progress
from kdaudit.types import Float16, Float32, ModelRef, Predictions

PREDICTION_VERSION = "1"
# Models that are held open at once.
_TOGETHER = 4
# Examples after which it is written down how far a prediction is.
_PART = 2048
_STATE = "state.json"
_Mapped: TypeAlias = "np.memmap[tuple[int, ...], np.dtype[np.float32 | np.float16]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictTask:
    """Predict with one model on one data set; `half` keeps float16, enough to learn from and not to judge by."""

    model: ModelRef
    data: Examples
    device: str
    store: Store
    half: bool = False

    @property
    def key(self) -> str:
        """What the predictions depend on."""
        model = self.model
        network = None if model.network is None else model.network.model.sha256
        return record_digest(
            PREDICTION_VERSION,
            [model.sha256, model.kind, model.arch, model.arch_args, network, model.output],
            model.label_map,
            self.data.view_sha256,
            device_type(self.device),
            self.half,
        )


def kept_predictions(task: PredictTask) -> Predictions | None:
    """Predictions of an earlier run."""
    return task.store.predictions(task.key, task.model, task.data.ref)


def predict_task(task: PredictTask, progress: Progress) -> Predictions:
    """Kept predictions, or new ones, which are kept."""
    (found,) = predict_tasks([task], progress)
    return found


def try_predict_task(task: PredictTask, progress: Progress) -> Predictions | None:
    """As `predict_task`; None where the model puts out NaN, which makes a control unfit and not the audit."""
    try:
        return predict_task(task, progress)
    except NotFiniteError:
        return None


def predict_tasks(tasks: Sequence[PredictTask], progress: Progress) -> tuple[Predictions, ...]:
    """Predictions of several models in the order of their tasks, kept ones or new ones, which are kept.

    Models that take the examples in the same way are fed with the same batches, each read once.

    Raises:
        KDAuditError: a model cannot be predicted with; what others answered so far is kept.
    """
    missing: dict[str, list[PredictTask]] = {}
    for task in tasks:
        if kept_predictions(task) is None:
            missing.setdefault(task.data.view_sha256, []).append(task)
    fresh: dict[str, Predictions] = {}
    for alike in missing.values():
        for first in range(0, len(alike), _TOGETHER):
            some = alike[first : first + _TOGETHER]
            fresh |= {task.key: found for task, found in zip(some, _predict(some, progress), strict=True)}
    return tuple(fresh.get(task.key) or _required(task) for task in tasks)


def _required(task: PredictTask) -> Predictions:
    kept = kept_predictions(task)
    if kept is None:
        raise DataError(
            f"expected the predictions of {task.model.name} in the cache at {task.store.root}, found them gone",
            hint="something else empties the cache; run again",
        )
    return kept


def _predict(tasks: Sequence[PredictTask], progress: Progress) -> list[Predictions]:
    """New predictions of models that take the examples in one way; nobody else makes them meanwhile."""
    with ExitStack() as stack:
        for key in sorted({task.key for task in tasks}):
            stack.enter_context(_alone(tasks[0].store, key))
        done = {task.key: found for task in tasks if (found := kept_predictions(task)) is not None}
        running = []
        for task in {task.key: task for task in tasks if task.key not in done}.values():
            unfinished = _Unfinished(task)
            model = stack.enter_context(load_model(task.model, device=task.device))
            running.append(
                _Running(
                    task=task,
                    unfinished=unfinished,
                    answers=Answers(task.model, model, like_probabilities=unfinished.like_probabilities),
                )
            )
        for start, fixed in sorted({run.pass_ for run in running}, key=str):
            _run([run for run in running if run.pass_ == (start, fixed)], start, progress)
        for run in running:
            done[run.task.key] = run.finish()
        return [done[task.key] for task in tasks]


@contextmanager
def _alone(store: Store, key: str) -> Iterator[None]:
    folder = store.root / "predictions"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / f"{key}.lock"):
            yield
    except OSError as failure:
        raise DataError(
            f"expected to keep predictions in the cache at {store.root}, found: {failure.strerror or failure}",
            hint="free some space, name another folder with --cache-dir, or keep nothing with --no-cache",
        ) from failure


def _run(running: Sequence[_Running], start: int, progress: Progress) -> None:
    """All examples from number `start` on, given to each model batch by batch."""
    data = running[0].task.data
    size = min(run.answers.batch_size(data) for run in running)
    rest = data if start == 0 else data.subset(np.arange(start, len(data), dtype=np.int64))
    parts = answer(
        [run.answers for run in running],
        rest,
        batch_size=size,
        progress=progress,
        n_examples=start,
        n_rows=running[0].unfinished.n_rows,
    )
    for part in parts:
        for run, rows in zip(running, part.rows, strict=True):
            run.unfinished.add(rows, part.n_examples, like_probabilities=run.answers.like_probabilities)
    for run in running:
        run.batch_size = size


@dataclass(kw_only=True, eq=False)
class _Running:
    """An entered model, and where its answers go."""

    task: PredictTask
    unfinished: _Unfinished
    answers: Answers
    batch_size: int = 1
    pass_: tuple[int, int | None] = field(init=False)

    def __post_init__(self) -> None:
        self.pass_ = (self.unfinished.n_examples, self.answers.model.fixed_batch)

    def finish(self) -> Predictions:
        """The complete predictions, kept."""
        self.answers.refuse_contradiction()
        found = Predictions(
            model=self.task.model,
            data=self.task.data.ref,
            logits=self.unfinished.complete(),
            device=self.answers.model.device,
            batch_size=self.batch_size,
        )
        self.task.store.keep_predictions(self.task.key, found, written=self.unfinished.file)
        self.unfinished.forget()
        return kept_predictions(self.task) or found


class _Unfinished:
    """Logits on the disk of which the first ones are there."""

    def __init__(self, task: PredictTask) -> None:
        self._task = task
        self._folder = task.store.root / "predictions" / f".{task.key}.part"
        self._logits: _Mapped | None = None
        self.n_examples, self.n_rows, self.like_probabilities = 0, 0, True
        self._saved = 0
        if task.store.resume:
            self._go_on()
        if self._logits is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def file(self) -> Path:
        """Where they are."""
        return self._folder / LOGITS

    def add(self, rows: Float32, done: int, *, like_probabilities: bool) -> None:
        """Write down the next rows, after which `done` examples are answered."""
        logits = self._begun(rows.shape[1]) if self._logits is None else self._logits
        stop = self.n_rows + len(rows)
        logits[self.n_rows : stop] = _halved(rows) if self._task.half else rows
        self.n_examples, self.n_rows, self.like_probabilities = done, stop, like_probabilities
        if done - self._saved >= _PART:
            self._save(logits)

    def complete(self) -> Float32 | Float16:
        """All of them.

        Raises:
            DataError: there was nothing to predict.
        """
        if self._logits is None:
            raise DataError("expected examples to predict, found none")
        self._logits.flush()
        return cast("Float32 | Float16", self._logits)

    def forget(self) -> None:
        """Remove what is left once they are kept."""
        self._logits = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begun(self, n_classes: int) -> _Mapped:
        self._folder.mkdir(parents=True, exist_ok=True)
        shape = (self._task.data.n_answers, n_classes)
        dtype = np.float16 if self._task.half else np.float32
        self._logits = np.lib.format.open_memmap(self.file, mode="w+", dtype=dtype, shape=shape)
        take_space(self.file)
        return self._logits

    def _save(self, logits: _Mapped) -> None:
        """The rows first, then how many there are: what is said to be there is there."""
        logits.flush()
        state = [self.n_examples, self.n_rows, self.like_probabilities]
        temporary = self._folder / f"{_STATE}.new"
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(self._folder / _STATE)
        self._saved = self.n_examples

    def _go_on(self) -> None:
        try:
            n_examples, n_rows, like = json.loads((self._folder / _STATE).read_text(encoding="utf-8"))
            logits = np.lib.format.open_memmap(self.file, mode="r+")
        except (OSError, ValueError, TypeError):
            return
        self._logits = logits
        self.n_examples, self.n_rows, self.like_probabilities = n_examples, n_rows, like
        self._saved = n_examples


def _halved(logits: Float32 | Float16) -> Float16:
    """float16; what it cannot hold becomes its largest number."""
    largest = np.finfo(np.float16).max
    return np.clip(logits, -largest, largest).astype(np.float16)


def device_type(device: str) -> str:
    """'cpu' or 'cuda'."""
    return device.partition(":")[0]
