"""Sanity before statistics: sentences about models and data that make every verdict worthless. Method, "Verdict"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdaudit.metrics.agreement import accuracy
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.stats.sanity import beats_majority, label_hint, majority_share
from kdaudit.types import Int64, Panel, Role

_MANY_TIES = 0.01


def problems_of(panel: Panel, students: Sequence[int]) -> tuple[str, ...]:
    """Violated conditions that need no control: constant outputs, and no better than the majority class."""
    found = []
    for row in (0, *students):
        model = panel.models[row]
        who = f"The {model.role} {model.name}"
        if np.all(panel.answers[row] == panel.answers[row, 0]):
            found.append(f"{who} gives the same answer to every example: check its inputs and its output.")
        elif not beats_majority(panel.answers[row], panel.labels):
            found.append(
                f"{who} is right in {accuracy(panel, row):.1%}, no better than always giving the commonest class "
                f"({majority_share(panel.labels):.1%}). {_hint(panel, row)}"
            )
    return tuple(found)


def weak_teacher(panel: Panel, controls: Sequence[int], *, allowed: bool) -> tuple[str, ...]:
    """The teacher must be at least halfway between the majority class and the controls' mean accuracy."""
    if not controls or allowed:
        return ()
    floor = majority_share(panel.labels)
    mean = float(np.mean([accuracy(panel, row) for row in controls]))
    teacher = accuracy(panel, 0)
    if teacher >= floor + (mean - floor) / 2:
        return ()
    return (
        f"The teacher is right in {teacher:.1%}, the independent controls in {mean:.1%}: less than halfway from "
        f"the commonest class ({floor:.1%}) to the controls. {_hint(panel, 0)} If this teacher really is so weak, say "
        "--allow-weak-teacher.",
    )


def unfit_reason(panel: Panel, row: int) -> str:
    """Why an independent control is unfit, or ''."""
    if beats_majority(panel.answers[row], panel.labels):
        return ""
    return f"right in {accuracy(panel, row):.1%}, no better than the commonest class"


def ties_notes(panel: Panel) -> tuple[str, ...]:
    """Models whose largest logit is tied on more than 1 % of the examples."""
    return tuple(
        f"{model.name}: {share:.1%} of its answers are ties, decided for the lowest class"
        for model, share in zip(panel.models, panel.tied, strict=True)
        if share > _MANY_TIES
    )


def _hint(panel: Panel, row: int) -> str:
    hint = label_hint(panel.answers[row], panel.labels, panel.n_classes)
    role = panel.models[row].role
    preprocessing = (
        f"Check the {role if role is Role.TEACHER else 'student'}'s preprocessing, class order and file."
    )
    return f"Hint: {hint}." if hint else preprocessing


def unfit_models(controls: ControlSet, labels: Int64, role: Role) -> dict[str, str]:
    """Models of one role that diverged or are no better than the commonest class, with the reason."""
    answered = {p.model.name: p for p in controls.predictions if p.model.role is role}
    trained = [name for name, control in controls.trained.items() if control.model.role is role]
    unfit = {}
    for name in dict.fromkeys([*trained, *answered]):
        predictions = answered.get(name)
        if predictions is None:
            unfit[name] = f"{name} diverged"
        elif not beats_majority(predictions.logits.argmax(axis=1).astype(np.int32), labels):
            unfit[name] = f"{name} is no better than the commonest class"
    return unfit
