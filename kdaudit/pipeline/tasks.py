"""The work of workers: train one control, predict with one model. Picklable records and module-level functions.

A task names its inputs by path and digest and looks into the store first: a second run is a cache hit, in this
process or in any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kdaudit.data import Examples
from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import ModelError
from kdaudit.options import RandomKind
from kdaudit.pipeline.in_order import in_order
from kdaudit.pipeline.predicting import PredictTask, device_type, predict_task
from kdaudit.pipeline.store import WEIGHTS, Store
from kdaudit.protocols import Progress
from kdaudit.rng import stream, stream_seed
from kdaudit.types import (
    Float16,
    Float32,
    LabelMap,
    ModelRef,
    NetworkSpec,
    OutputKind,
    Recipe,
    Role,
    TrainedControl,
)

if TYPE_CHECKING:
    from kdaudit.controls.targets import Targets

# A logit whose probability is 0 in float32, at every temperature in use.
_NEVER = -1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainTask:
    """Train one control: `role` says which targets, `name` which random streams under `seed`.

    `teacher_data` are the examples as the teacher takes them, where it takes them otherwise.
    """

    name: str
    role: Role
    network: NetworkSpec
    network_digest: str
    output: OutputKind
    data: Examples
    recipe: Recipe
    seed: int
    device: str
    precision: str
    store: Store
    label_map: LabelMap | None = None
    teacher: ModelRef | None = None
    teacher_data: Examples | None = None
    random_kind: RandomKind = "uniform"

    @property
    def key(self) -> str:
        """What the control depends on: two students of one architecture share it."""
        from kdaudit.controls.train import TRAINING_VERSION

        teacher = None if self.teacher is None else [self.teacher.sha256, self.teacher.output]
        return record_digest(
            TRAINING_VERSION,
            [self.network_digest, self.output, self.role, self.name, self.seed],
            self.label_map,
            self.recipe,
            self.data.view_sha256,
            [self.precision, device_type(self.device)],
            teacher,
            None if self.teacher_data is None else self.teacher_data.view_sha256,
            None if self.teacher is None else self.teacher.label_map,
            self.random_kind if self.role is Role.RANDOM else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotTask:
    """Train a pilot on nine tenths of the training data; not a control."""

    train: TrainTask

    @property
    def key(self) -> str:
        """What the pilot's accuracy depends on."""
        return record_digest("pilot", self.train.key)


def warm_up() -> None:
    """Load what tasks need, once a worker, single-threaded."""
    import torch

    torch.set_num_threads(1)


def kept_control(task: TrainTask) -> TrainedControl | None:
    """The control of an earlier run, under the name that it has in this one."""
    kept = task.store.control(task.key)
    if kept is None:
        return None
    return replace(kept, model=replace(kept.model, name=task.name, role=task.role, network=task.network))


def train_task(task: TrainTask, progress: Progress) -> TrainedControl:
    """A new control, which is kept; not one that is kept since, by a worker that was lost before it could say so."""
    if (kept := kept_control(task)) is not None:
        return kept
    from kdaudit.controls.checkpoint import save_checkpoint
    from kdaudit.controls.train import train_control
    from kdaudit.models.trainable import open_network

    training = train_control(
        open_network(task.network).build(stream_seed(task.seed, f"{task.name}/weights")),
        in_order(task.data, task.network, task.label_map),
        task.recipe,
        _targets(task, progress),
        output=task.output,
        rng=stream(task.seed, f"{task.name}/training"),
        device=task.device,
        precision=task.precision,
        progress=progress,
        name=task.name,
    )
    with task.store.new_control(task.key) as folder:
        save_checkpoint(training.network, folder / WEIGHTS)
        control = TrainedControl(
            model=ModelRef(
                name=task.name,
                role=task.role,
                path=str(folder / WEIGHTS),
                kind="control",
                sha256=file_digest(folder / WEIGHTS, error=ModelError, what="the control's weights"),
                output=task.output,
                label_map=task.label_map,
                network=task.network,
            ),
            curve=training.curve,
            seconds=training.seconds,
            device=task.device,
            precision=task.precision,
            diverged=training.diverged,
        )
        return task.store.kept_control(task.key, control, folder)


def kept_pilot(task: PilotTask) -> float | None:
    """The pilot's accuracy of an earlier run."""
    return task.train.store.number(task.key)


def pilot_task(task: PilotTask, progress: Progress) -> float:
    """The pilot's accuracy on the tenth of the training data that was held out, which is kept; 0 if it diverged."""
    if (kept := kept_pilot(task)) is not None:
        return kept
    from kdaudit.controls.epochs import holdout_accuracy, holdout_split
    from kdaudit.controls.targets import LabelTargets
    from kdaudit.controls.train import train_control
    from kdaudit.models.trainable import open_network

    train = task.train
    split = holdout_split(train.data.labels, rng=stream(train.seed, "pilot/split"))
    data = in_order(train.data, train.network, train.label_map)
    training = train_control(
        open_network(train.network).build(stream_seed(train.seed, "pilot/weights")),
        data,
        train.recipe,
        LabelTargets(),
        output=train.output,
        rng=stream(train.seed, "pilot/training"),
        device=train.device,
        precision=train.precision,
        progress=progress,
        name=train.name,
        examples=split.train,
    )
    accuracy = 0.0
    if not training.diverged:
        accuracy = holdout_accuracy(
            training.network, data, split.holdout, output=train.output, device=train.device
        )
    train.store.keep_number(task.key, accuracy)
    return accuracy


def step_seconds_task(task: TrainTask, progress: Progress) -> float:  # noqa: ARG001 - every task has this form
    """Seconds of one training step, measured."""
    from kdaudit.controls.targets import LabelTargets
    from kdaudit.controls.train import measure_step_seconds
    from kdaudit.models.trainable import open_network

    return measure_step_seconds(
        open_network(task.network).build(stream_seed(task.seed, "pilot/weights")),
        in_order(task.data, task.network, task.label_map),
        task.recipe,
        LabelTargets(),
        output=task.output,
        rng=stream(task.seed, "pilot/training"),
        device=task.device,
        precision=task.precision,
    )


def teacher_task(task: TrainTask, teacher: ModelRef) -> PredictTask:
    """What the teacher says of the plain training examples, predicted once for all controls that learn from it."""
    data = task.teacher_data or task.data
    return PredictTask(model=teacher, data=data, device=task.device, store=task.store, half=True)


def _targets(task: TrainTask, progress: Progress) -> Targets:
    from kdaudit.controls.targets import LabelTargets, NoiseTargets, TeacherTargets

    if task.teacher is None:
        return NoiseTargets(kind=task.random_kind) if task.role is Role.RANDOM else LabelTargets()
    logits = predict_task(teacher_task(task, task.teacher), progress).logits
    starts = None
    if task.data.labels.ndim == 2:
        starts = np.searchsorted(task.data.units.rows, np.arange(len(task.data) + 1))
    order = None
    if task.role is Role.RANDOM:
        order = stream(task.seed, f"{task.name}/shuffle").permutation(len(logits))
    return TeacherTargets(logits=_by_output(logits, task.label_map), order=order, starts=starts)


def _by_output(logits: Float32 | Float16, label_map: LabelMap | None) -> Float32 | Float16:
    """Logits (N, C) of the data's classes at the network's outputs (N, D); those of no class are never answered."""
    if label_map is None:
        return logits
    placed = np.full((len(logits), label_map.n_outputs), _NEVER, dtype=np.float32)
    placed[:, label_map.columns] = logits
    return placed
