"""Sanity before statistics: sentences about models and data that make every verdict worthless. Method, "Verdict"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kdaudit.metrics.agreement import accuracy
from kdaudit.pipeline.checks import Checks
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.stats.sanity import (
    accuracy_lower_bound,
    beats_majority,
    below_expected,
    label_hint,
    majority_share,
    misordered,
)
from kdaudit.types import BasePanel, Int64, Panel, Role, TrainedControl

_MANY_TIES = 0.01
_NO_CHECKS = Checks()


def problems_of(panel: Panel, students: Sequence[int], checks: Checks = _NO_CHECKS) -> tuple[str, ...]:
    """Violated conditions that need no control.

    Constant outputs, no better than the majority class, below an accuracy that was stated, classes in another order,
    training and evaluation inputs that differ.
    """
    found = []
    for row in (0, *students):
        model = panel.models[row]
        who = f"The {model.role} {model.name}"
        if constant := _constant(panel, row):
            found.append(constant)
        elif not beats_majority(panel.answers[row], panel.labels):
            found.append(
                f"{who} is right in {accuracy(panel, row):.1%}, no better than always giving the commonest class "
                f"({majority_share(panel.labels):.1%}). {_hint(panel, row, checks)}"
            )
        else:
            found += list(_below_expected(panel, row, checks)) or _misordered(panel, row, checks)
    return (*found, *checks.shifted)


def problems_without_labels(
    panel: BasePanel, students: Sequence[int], checks: Checks = _NO_CHECKS
) -> tuple[str, ...]:
    """Violated conditions that need neither a control nor labels: constant outputs, inputs that differ."""
    constant = (_constant(panel, row) for row in (0, *students))
    return (*filter(None, constant), *checks.shifted)


def _constant(panel: BasePanel, row: int) -> str:
    """A sentence on a model that always answers alike; '' for any other."""
    if not _is_constant(panel, row):
        return ""
    model = panel.models[row]
    return f"The {model.role} {model.name} gives the same answer to every example: check its inputs and its output."


def _is_constant(panel: BasePanel, row: int) -> bool:
    return bool(np.all(panel.answers[row] == panel.answers[row, 0]))


def _below_expected(panel: Panel, row: int, checks: Checks) -> Iterator[str]:
    """Less than the stated accuracy by more than two points and chance; a file's word needs an explanation too."""
    model = panel.models[row]
    expected = checks.expected.get(model.sha256)
    n_right = int((panel.answers[row] == panel.labels).sum())
    if expected is None or not below_expected(n_right, len(panel.labels), expected.accuracy):
        return
    hint = _found_hints(panel, row, checks)
    if hint or expected.by_user:
        yield (
            f"The {model.role} {model.name} is right in {accuracy(panel, row):.1%}, below the "
            f"{expected.accuracy:.1%} of {expected.source}. "
            f"{hint or 'No other preprocessing or order of classes that was tried does better: check file and data.'}"
        )


def _misordered(panel: Panel, row: int, checks: Checks) -> list[str]:
    """A sentence on a model whose classes stand in another order, as it beats the commonest class by those that do not.

    Of a model whose accuracy the user stated, and that reaches it, nothing is doubted.
    """
    model = panel.models[row]
    expected = checks.expected.get(model.sha256)
    if expected is not None and expected.by_user:
        return []
    hint = misordered(panel.answers[row], panel.labels, panel.n_classes)
    return (
        [f"The {model.role} {model.name} is right in {accuracy(panel, row):.1%}. Hint: {hint}."]
        if hint
        else []
    )


def weak_teacher(
    panel: Panel, controls: Sequence[int], checks: Checks = _NO_CHECKS, *, allowed: bool, said: Sequence[str]
) -> tuple[str, ...]:
    """The teacher must be at least halfway between the majority class and the controls' mean accuracy.

    A hint that stands in one of the sentences `said` before is not repeated.
    """
    if not controls or allowed:
        return ()
    floor = majority_share(panel.labels)
    mean = float(np.mean([accuracy(panel, row) for row in controls]))
    teacher = accuracy(panel, 0)
    if teacher >= floor + (mean - floor) / 2:
        return ()
    hint = _hint(panel, 0, checks)
    new = "" if any(hint in sentence for sentence in said) else f"{hint} "
    return (
        f"The teacher is right in {teacher:.1%}, the independent controls in {mean:.1%}: less than halfway from "
        f"the commonest class ({floor:.1%}) to the controls. {new}If this teacher really is so "
        "weak, say --allow-weak-teacher.",
    )


def unfit_reason(panel: Panel, row: int) -> str:
    """Why an independent control is unfit, or ''."""
    if beats_majority(panel.answers[row], panel.labels):
        return ""
    return f"right in {accuracy(panel, row):.1%}, no better than the commonest class"


def unfit_without_labels(panel: BasePanel, row: int) -> str:
    """Why an independent control is unfit whatever the labels are, or ''."""
    return "the same answer to every example" if _is_constant(panel, row) else ""


def ties_notes(panel: BasePanel) -> tuple[str, ...]:
    """Models whose largest logit is tied on more than 1 % of the examples."""
    return tuple(
        f"{model.name}: {share:.1%} of its answers are ties, decided for the lowest class"
        for model, share in zip(panel.models, panel.tied, strict=True)
        if share > _MANY_TIES
    )


def _hint(panel: Panel, row: int, checks: Checks) -> str:
    role = panel.models[row].role
    return _found_hints(panel, row, checks) or (
        f"Check the {role if role is Role.TEACHER else 'student'}'s preprocessing, class order and file."
    )


def _found_hints(panel: Panel, row: int, checks: Checks) -> str:
    """What other order of classes, or preprocessing, would make a bad accuracy good; '' if none that was tried."""
    hints = (label_hint(panel.answers[row], panel.labels, panel.n_classes), checks.search(panel.models[row]))
    return " ".join(f"Hint: {hint}." for hint in hints if hint)


def unfit_models(
    controls: ControlSet, labels: Int64 | None, role: Role, *, trained_on: Int64
) -> dict[str, str]:
    """Models of one role that diverged or are no better than the commonest class, with the reason.

    Without labels (None) that is asked of the last epoch of their training, on the labels `trained_on`.
    """
    answered = {p.model.name: p for p in controls.predictions if p.model.role is role}
    trained = [name for name, control in controls.trained.items() if control.model.role is role]
    unfit = {}
    for name in dict.fromkeys([*trained, *answered]):
        predictions = answered.get(name)
        if predictions is None:
            unfit[name] = f"{name} diverged"
        elif labels is None:
            if not _learnt(controls.trained[name], trained_on):
                unfit[name] = f"{name} is no better than the commonest class on its training data"
        elif not beats_majority(predictions.logits.argmax(axis=1).astype(np.int32), labels):
            unfit[name] = f"{name} is no better than the commonest class"
    return unfit


def _learnt(control: TrainedControl, labels: Int64) -> bool:
    """Whether a control's accuracy in its last epoch lies above the commonest class's share."""
    n = len(labels)
    n_right = round(control.curve[-1].accuracy * n)
    return accuracy_lower_bound(n_right, n) > majority_share(labels)
