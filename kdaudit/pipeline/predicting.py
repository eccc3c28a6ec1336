"""Predictions of models on data: looked up in the store, else made, several models in one pass, and resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from kdaudit.data import Examples
from kdaudit.digest import record_digest
from kdaudit.errors import DataError, NotFiniteError
from kdaudit.locks import exclusive
from kdaudit.models import load_model
from kdaudit.models.predict import Answers, answer
from kdaudit.pipeline.store import Store
from kdaudit.pipeline.unfinished import Unfinished, n_answered
from kdaudit.protocols import Progress
from kdaudit.types import ModelRef, Predictions

PREDICTION_VERSION = "1"
# Models that are held open at once.
TOGETHER = 4


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

    Models that take the examples in the same way are fed with the same batches, each read once. Of a subset of the data
    they are taken from those of the whole, where that is done already, or nearly.

    Raises:
        KDAuditError: a model cannot be predicted with; what others answered so far is kept.
    """
    missing: dict[str, list[PredictTask]] = {}
    parts: list[tuple[PredictTask, PredictTask]] = []
    for task in tasks:
        if kept_predictions(task) is None:
            whole = _with_least_work(task)
            missing.setdefault(whole.data.view_sha256, []).append(whole)
            if whole is not task:
                parts.append((task, whole))
    fresh: dict[str, Predictions] = {}
    for alike in missing.values():
        for first in range(0, len(alike), TOGETHER):
            some = alike[first : first + TOGETHER]
            fresh |= {task.key: found for task, found in zip(some, _predict(some, progress), strict=True)}
    for task, whole in parts:
        fresh[task.key] = _part(task, fresh[whole.key])
    return tuple(fresh.get(task.key) or _required(task) for task in tasks)


def _with_least_work(task: PredictTask) -> PredictTask:
    """The task itself, or that of the whole data if fewer examples of it are left to answer."""
    whole = replace(task, data=task.data.whole)
    n, n_whole = len(task.data), len(whole.data)
    if n == n_whole or whole.data.n_answers != n_whole:
        return task
    done = n_whole if kept_predictions(whole) is not None else n_answered(task.store, whole.key)
    return whole if n_whole - done < n else task


def _part(task: PredictTask, whole: Predictions) -> Predictions:
    """Those of a subset, kept."""
    found = replace(whole, data=task.data.ref, logits=whole.logits[task.data.positions])
    task.store.keep_predictions(task.key, found)
    return kept_predictions(task) or found


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
            stack.enter_context(alone(tasks[0].store, key))
        done = {task.key: found for task in tasks if (found := kept_predictions(task)) is not None}
        running = []
        for task in {task.key: task for task in tasks if task.key not in done}.values():
            unfinished = Unfinished(task.store, task.key, n_rows=task.data.n_answers, half=task.half)
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
def alone(store: Store, key: str) -> Iterator[None]:
    """Inside, nobody else makes the predictions of that key.

    Raises:
        DataError: the cache cannot be written.
    """
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
    for run in running:
        run.batch_size = size
    if start == len(data):
        return
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


@dataclass(kw_only=True, eq=False)
class _Running:
    """An entered model, and where its answers go."""

    task: PredictTask
    unfinished: Unfinished
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


def device_type(device: str) -> str:
    """'cpu' or 'cuda'."""
    return device.partition(":")[0]
