"""The tool's own controls: the student's network checked, the recipe decided, K networks trained and predicted."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import numpy as np

from kdaudit.controls.epochs import EpochChoice, choose_epochs
from kdaudit.controls.recipes import resolve_recipe
from kdaudit.errors import KDAuditError, ModelError
from kdaudit.execute import LocalPool
from kdaudit.models.trainable import open_network
from kdaudit.pipeline.network import check, network_spec, training_data
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.tasks import (
    PilotTask,
    PredictTask,
    TrainTask,
    pilot_task,
    predict_task,
    train_task,
    warm_up,
)
from kdaudit.protocols import NetworkFactory, Progress
from kdaudit.stats.sanity import beats_majority
from kdaudit.types import (
    ModelRef,
    Predictions,
    ProgressEvent,
    Recipe,
    Role,
    TrainedControl,
)

_PILOT_EPOCHS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlSet:
    """Controls and how they came about. `predictions` are of all that answered, fit or not.

    unfit: {name: reason} of independent controls that are left out of every test; stopped: why nothing was trained.
    """

    predictions: tuple[Predictions, ...] = ()
    trained: dict[str, TrainedControl] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    recipe: Recipe | None = None
    epochs: EpochChoice | None = None
    network: NetworkFactory | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What would be trained, for `--dry-run` and before the first training."""

    n_independent: int
    n_random: int
    n_positive: int
    n_kept: int
    recipe: Recipe
    n_train: int
    pilot: bool


def open_pool(setup: Setup) -> AbstractContextManager[LocalPool]:
    """Workers for training: one single-threaded process per core; on CUDA one after the other in this process."""
    if setup.device != "cpu":
        return LocalPool(0)
    return LocalPool(setup.spec.workers or os.cpu_count() or 1, threads_per_worker=1, initializer=warm_up)


class ControlTrainer:
    """Trains the controls of one student."""

    def __init__(self, setup: Setup, student: ModelRef, pool: LocalPool, *, progress: Progress) -> None:
        self._setup = setup
        self._pool = pool
        self._progress = progress
        self._train = training_data(setup)
        self._student = student
        self._spec = network_spec(setup, student)
        self._network = open_network(self._spec)

    def provide(self, notice: Callable[[str], None]) -> ControlSet:
        """All controls, trained or from the store, predicted on the evaluation data.

        Raises:
            ModelError: the network fails a self-check.
            TrainingError: a training was lost.
        """
        check(self._network, self._setup, self._spec.model)
        choice = self._choose_epochs(notice)
        recipe = self._recipe(choice.epochs if choice else int(self._setup.spec.epochs))
        tasks = self._tasks(recipe)
        stopped = self._too_long(tasks, notice)
        done = ControlSet(recipe=recipe, epochs=choice, network=self._network, stopped=stopped)
        if stopped:
            return done
        self._predict_teacher_on_training_data(tasks)
        trained = self._train_all(tasks)
        predictions = self._predict_all(trained)
        return self._replace_unfit(replace(done, trained=trained, predictions=predictions), tasks)

    def plan(self) -> TrainingPlan:
        """What `provide` would do."""
        automatic = self._setup.spec.epochs == "auto"
        recipe = self._recipe(_PILOT_EPOCHS if automatic else int(self._setup.spec.epochs))
        tasks = self._tasks(recipe)
        return TrainingPlan(
            n_independent=self._setup.spec.controls,
            n_random=self._setup.spec.random_controls,
            n_positive=self._setup.spec.positive_controls,
            n_kept=0 if automatic else len(tasks) - len(self._missing(tasks)),
            recipe=recipe,
            n_train=len(self._train),
            pilot=automatic,
        )

    def _choose_epochs(self, notice: Callable[[str], None]) -> EpochChoice | None:
        if self._setup.spec.epochs != "auto":
            return None

        def accuracies(budgets: tuple[int, ...]) -> Sequence[float]:
            tasks = [
                PilotTask(
                    train=self._task(f"pilot {n} epochs", Role.INDEPENDENT, self._recipe(n)),
                    purpose="accuracy",
                )
                for n in budgets
            ]
            return [_value(result) for result in self._pool.map(pilot_task, tasks, progress=self._progress)]

        choice = choose_epochs(accuracies)
        tried = ", ".join(f"{step.epochs}: {step.accuracy:.1%}" for step in choice.history)
        notice(f"epochs: {choice.epochs}, chosen on held-out training data ({tried})")
        return choice

    def _recipe(self, epochs: int) -> Recipe:
        spec = self._setup.spec
        return resolve_recipe(
            family=self._network.family,
            epochs=epochs,
            batch_size=spec.batch_size,
            optimizer=spec.optimizer,
            lr=spec.lr,
            schedule=spec.schedule,
            weight_decay=spec.weight_decay,
            label_smoothing=spec.label_smoothing,
            augment=spec.augment,
            alpha=spec.alpha,
            temperature=spec.temperature,
        )

    def _tasks(self, recipe: Recipe) -> list[TrainTask]:
        spec = self._setup.spec
        wanted = (
            (Role.INDEPENDENT, spec.controls),
            (Role.RANDOM, spec.random_controls),
            (Role.POSITIVE, spec.positive_controls),
        )
        return [self._task(f"{role}/{i}", role, recipe) for role, n in wanted for i in range(n)]

    def _task(self, name: str, role: Role, recipe: Recipe) -> TrainTask:
        setup = self._setup
        return TrainTask(
            name=name,
            role=role,
            network=self._spec,
            network_digest=self._network.spec_digest,
            output=self._student.output,
            data=self._train,
            recipe=recipe,
            seed=setup.spec.seed,
            device=setup.device,
            precision=setup.precision,
            store=setup.store,
            teacher=setup.teacher if role is Role.POSITIVE else None,
        )

    def _missing(self, tasks: Sequence[TrainTask]) -> list[TrainTask]:
        return [task for task in tasks if self._setup.store.control(task.key) is None]

    def _too_long(self, tasks: Sequence[TrainTask], notice: Callable[[str], None]) -> str:
        """Why the training would take longer than allowed; '' if it would not, or nothing is missing."""
        missing = self._missing(tasks)
        recipe = tasks[0].recipe if tasks else None
        if not missing or recipe is None:
            notice(f"controls: all {len(tasks)} are kept from an earlier run")
            return ""
        notice(
            f"controls: {len(missing)} of {len(tasks)} to train, {recipe.epochs} epochs x {len(self._train):,} "
            f"examples each ({len(tasks) - len(missing)} kept from an earlier run)"
        )
        pilot = PilotTask(train=replace(missing[0], name="pilot"), purpose="step-seconds")
        (step_seconds,) = (_value(r) for r in self._pool.map(pilot_task, [pilot], progress=self._progress))
        n_steps = recipe.epochs * -(-len(self._train) // recipe.batch_size)
        rounds = -(-len(missing) // self._pool.n_workers)
        seconds = step_seconds * n_steps * rounds
        limit = self._setup.time_limit_seconds
        notice(f"controls: about {duration(seconds)} of training ({step_seconds * 1000:.0f} ms a step)")
        if seconds <= limit:
            return ""
        return (
            f"Training {len(missing)} controls would take about {duration(seconds)}, more than the limit of "
            f"{duration(limit)}. Allow more with --time-limit, or use fewer controls (--controls), fewer epochs "
            "(--epochs), ready-made controls (--control FILE) or less training data (--limit-train N)."
        )

    def _predict_teacher_on_training_data(self, tasks: Sequence[TrainTask]) -> None:
        if any(task.role is Role.POSITIVE for task in self._missing(tasks)):
            predict_task(self._predict(self._setup.teacher, on_training_data=True), self._progress)

    def _predict(self, model: ModelRef, *, on_training_data: bool = False) -> PredictTask:
        data = self._train if on_training_data else self._setup.data
        return PredictTask(model=model, data=data, device=self._setup.device, store=self._setup.store)

    def _train_all(self, tasks: Sequence[TrainTask]) -> dict[str, TrainedControl]:
        trained = {}
        self._progress(ProgressEvent(stage="controls", done=0, total=len(tasks)))
        for i, result in enumerate(self._pool.map(train_task, tasks, progress=self._progress), start=1):
            if isinstance(result, KDAuditError):
                raise result
            trained[result.model.name] = result
            self._progress(ProgressEvent(stage="controls", name=result.model.name, done=i, total=len(tasks)))
        return trained

    def _predict_all(self, trained: dict[str, TrainedControl]) -> tuple[Predictions, ...]:
        tasks = [self._predict(control.model) for control in trained.values() if not control.diverged]
        results = self._pool.map(predict_task, tasks, progress=self._progress)
        return tuple(result for result in map(_answered, results) if result is not None)

    def _replace_unfit(self, controls: ControlSet, tasks: Sequence[TrainTask]) -> ControlSet:
        """Train unfit independent controls once more with a new seed; what is unfit again is left out and named."""
        unfit = self._unfit(controls)
        again = [replace(task, name=f"{task.name}/again") for task in tasks if task.name in unfit]
        if not again:
            return controls
        trained = self._train_all(again)
        second = replace(controls, trained=trained, predictions=self._predict_all(trained))
        left = [p for p in controls.predictions if p.model.name not in unfit]
        return replace(
            controls,
            trained={**{n: c for n, c in controls.trained.items() if n not in unfit}, **trained},
            predictions=_by_role([*left, *second.predictions]),
            unfit=self._unfit(second),
        )

    def _unfit(self, controls: ControlSet) -> dict[str, str]:
        answered = {p.model.name: p for p in controls.predictions}
        unfit = {}
        for name, control in controls.trained.items():
            if control.model.role is not Role.INDEPENDENT:
                continue
            predictions = answered.get(name)
            if predictions is None:
                unfit[name] = f"{name} diverged"
            elif not beats_majority(
                predictions.logits.argmax(axis=1).astype(np.int32), self._setup.data.labels
            ):
                unfit[name] = f"{name} is no better than the commonest class"
        return unfit


def duration(seconds: float) -> str:
    """'40 seconds', '12 minutes', '3.5 hours', for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def _answered(result: Predictions | KDAuditError) -> Predictions | None:
    """None for NaN outputs, which make a control unfit; any other failure is one of the audit."""
    if isinstance(result, Predictions):
        return result
    if isinstance(result, ModelError) and "finite outputs" in result.message:
        return None
    raise result


def _value(result: float | KDAuditError) -> float:
    if isinstance(result, KDAuditError):
        raise result
    return result


def _by_role(predictions: Sequence[Predictions]) -> tuple[Predictions, ...]:
    order = {Role.INDEPENDENT: 0, Role.RANDOM: 1, Role.POSITIVE: 2}
    return tuple(sorted(predictions, key=lambda p: order[p.model.role]))
