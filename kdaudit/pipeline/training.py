"""The tool's own controls: the student's network checked, the recipe decided, K networks trained and predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from kdaudit.controls.epochs import EpochChoice, choose_epochs
from kdaudit.errors import KDAuditError
from kdaudit.models.trainable import open_network
from kdaudit.numbers import duration
from kdaudit.numerics import plural
from kdaudit.pipeline.control_set import ControlSet, TrainingPlan
from kdaudit.pipeline.control_tasks import ControlTasks, taught_by
from kdaudit.pipeline.network import check, network_spec, training_data
from kdaudit.pipeline.plan import TRAIN, Setup, n_alternate, stated_epochs
from kdaudit.pipeline.predicting import PredictTask, kept_predictions, predict_task, try_predict_task
from kdaudit.pipeline.sanity import unfit_models
from kdaudit.pipeline.tasks import (
    PilotTask,
    TrainTask,
    kept_control,
    kept_pilot,
    pilot_task,
    step_seconds_task,
    teacher_task,
    train_task,
)
from kdaudit.protocols import Executor, Progress
from kdaudit.types import (
    ModelRef,
    Predictions,
    ProgressEvent,
    Role,
    TrainedControl,
)

_PILOT_EPOCHS = 5
T = TypeVar("T")
R = TypeVar("R")


class ControlTrainer:
    """Trains the controls of one student."""

    def __init__(self, setup: Setup, student: ModelRef, pool: Executor, *, progress: Progress) -> None:
        self._setup = setup.of_student(student)
        self._pool = pool
        self._progress = progress
        self._train = training_data(self._setup)
        self._spec = network_spec(self._setup, student)
        self._network = open_network(self._spec)
        self._tasks = ControlTasks(
            setup=self._setup,
            student=student,
            network_spec=self._spec,
            network=self._network,
            train=self._train,
        )
        self._checked = False

    def provide(self, notice: Callable[[str], None], alternate: tuple[Predictions, ...]) -> ControlSet:
        """All controls, trained or from the store, predicted on the evaluation data.

        Args:
            notice: told what is decided.
            alternate: the alternate teacher's predictions, where it is a file.

        Raises:
            ModelError: the network fails a self-check.
            TrainingError: a training was lost.
        """
        choice = self._choose_epochs(notice)
        recipe = self._tasks.recipe(choice.epochs if choice else int(self._setup.spec.epochs))
        tasks = self._tasks.all(recipe)
        missing = self._missing(tasks)
        stopped = self._too_long(tasks, missing, notice)
        done = ControlSet(recipe=recipe, epochs=choice, network=self._network, stopped=stopped)
        if stopped:
            return done
        first = [task for task in tasks if task.role is not Role.ALTERNATE]
        trained = self._train_all(first, [task for task in missing if task.role is not Role.ALTERNATE])
        predictions = _by_role([*alternate, *self._predict_all(trained)])
        done = self._replace_unfit(replace(done, trained=trained, predictions=predictions), first)
        return self._with_alternates(done, [task for task in tasks if task.role is Role.ALTERNATE])

    def plan(self) -> TrainingPlan:
        """What `provide` would do, and what it would cost.

        Raises:
            ModelError: the network fails a self-check.
        """
        epochs = stated_epochs(self._setup.spec)
        recipe = self._tasks.recipe(epochs or _PILOT_EPOCHS)
        tasks = self._tasks.all(recipe)
        missing = self._missing(tasks) if epochs else tasks
        return TrainingPlan(
            n_independent=self._setup.spec.controls,
            n_random=self._setup.spec.random_controls,
            n_positive=self._setup.spec.positive_controls,
            n_alternate=n_alternate(self._setup.spec),
            trains_teacher=self._setup.spec.alternate_teacher == TRAIN,
            n_kept=len(tasks) - len(missing),
            recipe=recipe,
            n_train=len(self._train),
            pilot=epochs is None,
            seconds=self._seconds_per_epoch(missing) * (epochs or 1),
            n_bytes=self._n_bytes() * len(missing),
            place=self._pool.place,
        )

    def seconds_per_control(self) -> float:
        """What a control takes while all workers train, measured: of one epoch where a pilot is to choose how many.

        Raises:
            ModelError: the network fails a self-check.
        """
        epochs = stated_epochs(self._setup.spec)
        recipe = self._tasks.recipe(epochs or _PILOT_EPOCHS)
        tasks = [self._tasks.one("pilot", Role.INDEPENDENT, recipe)] * self._pool.n_workers
        return self._seconds_per_epoch(tasks) * (epochs or 1) / len(tasks)

    def _choose_epochs(self, notice: Callable[[str], None]) -> EpochChoice | None:
        if stated_epochs(self._setup.spec) is not None:
            return None

        def accuracies(budgets: tuple[int, ...]) -> Sequence[float]:
            pilots = (
                self._tasks.one(f"pilot {n} epochs", Role.INDEPENDENT, self._tasks.recipe(n)) for n in budgets
            )
            tasks = [PilotTask(train=task) for task in pilots]
            return list(self._run(tasks, kept=kept_pilot, work=pilot_task))

        choice = choose_epochs(accuracies)
        tried = ", ".join(f"{step.epochs}: {step.accuracy:.1%}" for step in choice.history)
        notice(f"epochs: {choice.epochs}, chosen on held-out training data ({tried})")
        return choice

    def _missing(self, tasks: Sequence[TrainTask]) -> list[TrainTask]:
        return [task for task in tasks if kept_control(task) is None]

    def _too_long(
        self, tasks: Sequence[TrainTask], missing: Sequence[TrainTask], notice: Callable[[str], None]
    ) -> str:
        """Why the training would take longer than allowed; '' if it would not, or nothing is missing."""
        recipe = tasks[0].recipe if tasks else None
        if not missing or recipe is None:
            notice(f"controls: all {len(tasks)} are kept from an earlier run")
            return ""
        notice(
            f"controls: {len(missing)} of {len(tasks)} to train, {plural(recipe.epochs, 'epoch')} x "
            f"{len(self._train):,} examples each ({len(tasks) - len(missing)} kept from an earlier run)"
        )
        seconds = self._seconds_per_epoch(missing) * recipe.epochs
        limit = self._setup.time_limit_seconds
        about = "" if seconds < 1 else "about "
        notice(f"controls: {about}{duration(seconds)} of training {self._pool.place}")
        if seconds <= limit:
            return ""
        return (
            f"Training {len(missing)} controls would take about {duration(seconds)}, more than the limit of "
            f"{duration(limit)}. Allow more with --time-limit, or use fewer controls (--controls), fewer epochs "
            "(--epochs), ready-made controls (--control FILE) or less training data (--limit-train N)."
        )

    def _seconds_per_epoch(self, tasks: Sequence[TrainTask]) -> float:
        """Seconds for one epoch of all tasks, measured on 50 steps in as many workers as will train at once."""
        if not tasks:
            return 0.0
        n_at_once = min(self._pool.n_workers, len(tasks))
        pilots = [replace(tasks[0], name="pilot")] * n_at_once
        step_seconds = max(self._run(pilots, kept=lambda _task: None, work=step_seconds_task))
        n_steps = -(-len(self._train) // tasks[0].recipe.batch_size)
        return step_seconds * n_steps * -(-len(tasks) // n_at_once)

    def _n_bytes(self) -> int:
        """What one control and its predictions take on the disk."""
        weights: int = sum(tensor.nbytes for tensor in self._network.build(0).state_dict().values())
        return weights + len(self._setup.data) * _n_classes(self._setup) * np.dtype(np.float32).itemsize

    def _train_all(
        self, tasks: Sequence[TrainTask], missing: Sequence[TrainTask]
    ) -> dict[str, TrainedControl]:
        for task in missing:
            if task.teacher is not None:
                predict_task(teacher_task(task, task.teacher), self._progress)
                break  # the others find it kept
        trained = {}
        new, done = {task.name for task in missing}, len(tasks) - len(missing)
        self._progress(ProgressEvent(stage="controls", done=done, total=len(tasks)))
        for control in self._run(tasks, kept=kept_control, work=train_task):
            name = control.model.name
            trained[name] = control
            if name in new:
                done += 1
                self._progress(ProgressEvent(stage="controls", name=name, done=done, total=len(tasks)))
        return trained

    def _with_alternates(self, controls: ControlSet, tasks: Sequence[TrainTask]) -> ControlSet:
        """And the students of the alternate teacher, once it is there; none where it is not fit to teach."""
        if not tasks:
            return controls
        teacher = next(
            (p.model for p in controls.predictions if p.model.role is Role.ALTERNATE_TEACHER), None
        )
        unfit = self._unfit(controls, Role.ALTERNATE_TEACHER)
        if teacher is None or unfit:
            return replace(controls, aside=unfit)
        tasks = taught_by(teacher, tasks)
        trained = self._train_all(tasks, self._missing(tasks))
        done = replace(
            controls,
            trained={**controls.trained, **trained},
            predictions=_by_role([*controls.predictions, *self._predict_all(trained)]),
        )
        return replace(done, aside=self._unfit(done, Role.ALTERNATE))

    def _unfit(self, controls: ControlSet, role: Role) -> dict[str, str]:
        labels = self._setup.data.units.labels
        return unfit_models(controls, labels, role, trained_on=self._train.labels)

    def _predict_all(self, trained: dict[str, TrainedControl]) -> tuple[Predictions, ...]:
        """Predictions of all controls that did not diverge, and put out finite numbers."""
        tasks = [
            PredictTask(
                model=control.model, data=self._setup.data, device=self._setup.device, store=self._setup.store
            )
            for control in trained.values()
            if not control.diverged
        ]
        return tuple(
            p for p in self._run(tasks, kept=kept_predictions, work=try_predict_task) if p is not None
        )

    def _run(
        self, tasks: Sequence[T], *, kept: Callable[[T], R | None], work: Callable[[T, Progress], R]
    ) -> Iterator[R]:
        """Results in order: what the store keeps at once, the rest from the workers, who are started only for that.

        Raises:
            KDAuditError: a task's own.
        """
        found = [kept(task) for task in tasks]
        missing = [task for task, result in zip(tasks, found, strict=True) if result is None]
        if missing:
            self._check_once()
        fresh = self._pool.map(work, missing, progress=self._progress) if missing else iter(())
        for result in found:
            if result is not None:
                yield result
                continue
            new = next(fresh)
            if isinstance(new, KDAuditError):
                raise new
            yield new

    def _check_once(self) -> None:
        """The network's self-checks, before the first training; what is kept has passed them."""
        if not self._checked:
            check(self._network, self._setup, self._spec.model)
            self._checked = True

    def _replace_unfit(self, controls: ControlSet, tasks: Sequence[TrainTask]) -> ControlSet:
        """Train unfit independent controls once more with a new seed; what is unfit again is left out and named."""
        unfit = self._unfit(controls, Role.INDEPENDENT)
        again = [replace(task, name=f"{task.name}/again") for task in tasks if task.name in unfit]
        if not again:
            return controls
        trained = self._train_all(again, self._missing(again))
        second = replace(controls, trained=trained, predictions=self._predict_all(trained))
        left = [p for p in controls.predictions if p.model.name not in unfit]
        return replace(
            controls,
            trained={**{n: c for n, c in controls.trained.items() if n not in unfit}, **trained},
            predictions=_by_role([*left, *second.predictions]),
            unfit=self._unfit(second, Role.INDEPENDENT),
        )


def _n_classes(setup: Setup) -> int:
    labelled = setup.data if setup.data.has_labels or setup.train is None else setup.train
    return len(setup.class_names) or int(labelled.labels.max()) + 1


def _by_role(predictions: Sequence[Predictions]) -> tuple[Predictions, ...]:
    order = list(Role)
    return tuple(sorted(predictions, key=lambda p: order.index(p.model.role)))
