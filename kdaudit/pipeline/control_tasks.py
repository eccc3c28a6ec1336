"""What is to be trained for one student: the recipe, and one task for each control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdaudit.controls.recipes import resolve_recipe
from kdaudit.data import Examples
from kdaudit.pipeline.plan import TRAIN, Setup, n_alternate
from kdaudit.pipeline.tasks import TrainTask, kept_control
from kdaudit.protocols import NetworkFactory
from kdaudit.types import ModelRef, NetworkSpec, Recipe, Role


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlTasks:
    """Makes the tasks of one student's controls."""

    setup: Setup
    student: ModelRef
    network_spec: NetworkSpec
    network: NetworkFactory
    train: Examples

    def recipe(self, epochs: int) -> Recipe:
        """How the controls are trained, for so many epochs."""
        spec = self.setup.spec
        return resolve_recipe(
            family=self.network.family,
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

    def all(self, recipe: Recipe) -> list[TrainTask]:
        """All tasks. Those of alternate controls name no teacher, and are kept nowhere, before it is trained."""
        spec = self.setup.spec
        wanted = (
            (Role.INDEPENDENT, spec.controls),
            (Role.RANDOM, spec.random_controls),
            (Role.POSITIVE, spec.positive_controls),
            (Role.ALTERNATE_TEACHER, int(spec.alternate_teacher == TRAIN)),
            (Role.ALTERNATE, n_alternate(spec)),
        )
        tasks = [self.one(f"{role}/{i}", role, recipe) for role, n in wanted for i in range(n)]
        trained = [kept_control(task) for task in tasks if task.role is Role.ALTERNATE_TEACHER]
        for teacher in trained:
            if teacher is not None:
                tasks = taught_by(teacher.model, tasks)
        return tasks

    def one(self, name: str, role: Role, recipe: Recipe) -> TrainTask:
        """The task of one control; `name` decides its random streams."""
        setup, teacher = self.setup, self._teacher_of(role)
        return TrainTask(
            name=name,
            role=role,
            network=self.network_spec,
            network_digest=self.network.spec_digest,
            output=self.student.output,
            label_map=self.student.label_map,
            data=self.train,
            recipe=recipe,
            seed=setup.spec.seed,
            device=setup.device,
            precision=setup.precision,
            store=setup.store,
            teacher=teacher,
            teacher_data=None if teacher is None else self._as_taken_by(teacher),
            random_kind=setup.spec.random_kind,
        )

    def _as_taken_by(self, teacher: ModelRef) -> Examples | None:
        """The training examples as a teacher takes them; None where it takes them as the student does."""
        view = self.setup.train_views.get(teacher.sha256)
        return None if view is None or view.view_sha256 == self.train.view_sha256 else view

    def _teacher_of(self, role: Role) -> ModelRef | None:
        if role is Role.ALTERNATE:
            return self.setup.alternate_teacher
        shuffled = role is Role.RANDOM and self.setup.spec.random_kind == "shuffled"
        return self.setup.teacher if shuffled or role is Role.POSITIVE else None


def taught_by(teacher: ModelRef, tasks: Sequence[TrainTask]) -> list[TrainTask]:
    """The tasks, those of alternate controls with this model as their teacher."""
    return [replace(task, teacher=teacher) if task.role is Role.ALTERNATE else task for task in tasks]
