"""The models at hand, predicted first: what they say decides whether controls are worth training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdaudit.errors import AlignmentError
from kdaudit.models import load_model
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.predicting import PredictTask, predict_tasks
from kdaudit.protocols import Progress
from kdaudit.types import Float16, Float32, ModelRef, Predictions, Role, Signature

FEWEST_SEEDS = 3
_ROUNDING = 1e-4
# A student that answers as its teacher does is a finding, and seeds may differ by nothing.
_MAY_AGREE = (Role.TEACHER, Role.STUDENT)
_ROWS = 4096


def predict_given(setup: Setup, models: Sequence[ModelRef], *, progress: Progress) -> tuple[Predictions, ...]:
    """Predictions of given models on the evaluation data, from the store where they are kept."""
    tasks = [
        PredictTask(model=model, data=setup.seen_by(model), device=setup.device, store=setup.store)
        for model in models
    ]
    return predict_tasks(tasks, progress)


def refuse_copies(given: Sequence[Predictions]) -> None:
    """Equal predictions mean that one model was given twice under different files.

    Raises:
        AlignmentError: a control, or the alternate teacher, answers exactly as another model does.
    """
    for i, later in enumerate(given):
        for earlier in given[:i] if later.model.role not in _MAY_AGREE else ():
            if _equal_but_for_rounding(later.logits, earlier.logits):
                raise AlignmentError(
                    f"expected different models, found that {later.model.name} ({later.model.role}) puts out what "
                    f"{earlier.model.name} ({earlier.model.role}) does on every example",
                    hint="copies of one model are no controls for each other; give models that were trained apart",
                )


def _equal_but_for_rounding(one: Float32 | Float16, other: Float32 | Float16) -> bool:
    """Whether two models' logits (N, C) tell the same probabilities, as those of one network in two formats do.

    Networks that were trained apart differ by about as much as their logits spread; one network, exported twice or
    with its softmax, differs by the rounding of float32.
    """
    if one.shape != other.shape:
        return False
    for start in range(0, len(one), _ROWS):
        a, b = (
            x[start : start + _ROWS] - x[start : start + _ROWS].mean(axis=1, keepdims=True)
            for x in (one, other)
        )
        if np.abs(a - b).max() > _ROUNDING * np.abs(a).max():
            return False
    return True


def signature_of(setup: Setup, model: ModelRef) -> Signature:
    """What must be equal for two models to count as one architecture."""
    with load_model(model, device=setup.device) as opened:
        return opened.signature()


def ready_controls(
    setup: Setup, student: ModelRef, predictions: tuple[Predictions, ...], stopped: str
) -> ControlSet:
    """The ready-made controls, if any, as they compare with one student."""
    if not predictions:
        return ControlSet(stopped=stopped)
    return ControlSet(
        predictions=predictions,
        stopped=stopped,
        unmatched=_unmatched(setup, student),
        fidelity="ready-made controls",
    )


def _unmatched(setup: Setup, student: ModelRef) -> str:
    """Why ready-made controls are not of the student's architecture, as a sentence; '' if they are."""
    wanted = signature_of(setup, student)
    for control in setup.ready:
        found = signature_of(setup, control)
        if reason := _difference(found, wanted):
            return f"{control.name} has {reason} {student.name}."
    return ""


def _difference(found: Signature, wanted: Signature) -> str:
    """What a model has that one of the wanted architecture has not; '' if they are of one architecture."""
    if found.kind == wanted.kind and found.n_parameters != wanted.n_parameters:
        return f"{found.n_parameters:,} parameters instead of the {wanted.n_parameters:,} of"
    if found.kind == wanted.kind and found.operators != wanted.operators:
        return "other operators than"
    if found.weights != wanted.weights:
        return "weights of other shapes than"
    return ""


def same_architecture(setup: Setup, students: Sequence[Predictions]) -> list[tuple[Predictions, ...]]:
    """Groups of students that are judged together: all, if three or more have one architecture; else each alone."""
    if len(students) >= FEWEST_SEEDS and len({signature_of(setup, s.model) for s in students}) == 1:
        return [tuple(students)]
    return [(student,) for student in students]
