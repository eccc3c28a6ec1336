"""One pass over the logits of a teacher, its students and all controls: Predictions in, a Panel out.

The teacher's softmax and order are computed once a chunk and shared by all other models. Chunks of about a mebibyte
keep memory flat; numpy releases the interpreter lock in its loops, so chunks run in threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np

from kdaudit.cores import usable_cores
from kdaudit.errors import AlignmentError
from kdaudit.metrics.divergence import Distances, Softmax
from kdaudit.numerics import chunks, rows_per_chunk
from kdaudit.types import BasePanel, Float32, Int32, Int64, Panel, Predictions, Role, read_only

DISTANCES = ("activation", "js", "rank")


class _Arrays:
    """A panel's arrays while they are filled; rows are models, columns examples."""

    def __init__(self, m: int, n: int) -> None:
        self.answers = np.empty((m, n), dtype=np.int32)
        self.confidence = np.empty((m, n), dtype=np.float32)
        self.log_teacher_answer = np.empty((m, n), dtype=np.float32)
        self.tied = np.empty((m, n), dtype=bool)
        self.distances = {name: np.zeros((m, n), dtype=np.float32) for name in DISTANCES}


class _Labelled:
    """What labels (n,) add to them."""

    def __init__(self, m: int, labels: Int64) -> None:
        self.labels = labels
        self.best_other = np.empty((m, len(labels)), dtype=np.int32)
        self.log_likelihood = np.empty((m, len(labels)), dtype=np.float32)
        self.margin = np.empty((m, len(labels)), dtype=np.float32)


def measure(predictions: Sequence[Predictions], labels: Int64, *, groups: Int64 | None = None) -> Panel:
    """The Panel of models that answered the same N examples; the teacher comes first.

    Args:
        predictions: logits (N, C) of each model.
        labels: (N,), in [0, C).
        groups: (N,) cluster of each example, or None.

    Raises:
        AlignmentError: models differ in examples or classes, the first is no teacher, or labels lie outside [0, C).
    """
    _check_models(predictions)
    _check_labels(predictions, labels)
    of_labels = _Labelled(len(predictions), labels)
    base = _measured(predictions, of_labels, groups)
    return Panel(
        **{field.name: getattr(base, field.name) for field in fields(base)},
        labels=read_only(labels),
        log_likelihood=read_only(of_labels.log_likelihood),
        margin=read_only(of_labels.margin),
        best_other=read_only(of_labels.best_other),
    )


def measure_answers(predictions: Sequence[Predictions], *, groups: Int64 | None = None) -> BasePanel:
    """What can be said of models that answered the same N examples without their labels; see `measure`.

    Raises:
        AlignmentError: models differ in examples or classes, or the first is no teacher.
    """
    _check_models(predictions)
    return _measured(predictions, None, groups)


def _measured(
    predictions: Sequence[Predictions], of_labels: _Labelled | None, groups: Int64 | None
) -> BasePanel:
    """The panel without labels; fills `of_labels` in the same pass."""
    n, n_classes = predictions[0].logits.shape
    arrays = _Arrays(len(predictions), n)
    slices = list(chunks(n, rows_per_chunk(n_classes)))
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        for _ in pool.map(lambda rows: _measure_chunk(predictions, arrays, of_labels, rows), slices):
            pass
    return BasePanel(
        models=tuple(p.model for p in predictions),
        n_classes=n_classes,
        groups=None if groups is None else read_only(groups),
        answers=read_only(arrays.answers),
        confidence=read_only(arrays.confidence),
        log_teacher_answer=read_only(arrays.log_teacher_answer),
        distances={name: read_only(values) for name, values in arrays.distances.items()},
        tied=read_only(arrays.tied.mean(axis=1)),
    )


def _check_models(predictions: Sequence[Predictions]) -> None:
    teacher = predictions[0]
    if teacher.model.role is not Role.TEACHER:
        raise AlignmentError(
            f"expected the teacher first, found the {teacher.model.role} {teacher.model.name}"
        )
    n_classes = teacher.logits.shape[1]
    for other in predictions[1:]:
        if other.data.sha256 != teacher.data.sha256 or len(other.logits) != len(teacher.logits):
            raise AlignmentError(
                f"expected {other.model.name} to answer the teacher's examples, found other ones"
            )
        if other.logits.shape[1] != n_classes:
            raise AlignmentError(
                f"expected {other.model.name} to have the teacher's {n_classes} classes, found "
                f"{other.logits.shape[1]} outputs",
                hint="align them with --teacher-label-map or --student-label-map",
            )


def _check_labels(predictions: Sequence[Predictions], labels: Int64) -> None:
    teacher, n_classes = predictions[0], predictions[0].logits.shape[1]
    if len(labels) != len(teacher.logits):
        raise AlignmentError(f"expected {len(teacher.logits)} labels, found {len(labels)}")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise AlignmentError(
            f"expected labels from 0 to {n_classes - 1} (the models have {n_classes} outputs), found labels from "
            f"{labels.min()} to {labels.max()}",
            hint="labels count from 0 in the order of the models' outputs"
            + (": take 1 from each" if labels.min() == 1 and labels.max() == n_classes else ""),
        )


def _measure_chunk(
    predictions: Sequence[Predictions], arrays: _Arrays, of_labels: _Labelled | None, rows: slice
) -> None:
    logits = _logits(predictions[0], rows)
    teacher, student = Softmax(*logits.shape), Softmax(*logits.shape)
    teacher.compute(logits)
    _fill(arrays, of_labels, 0, rows, logits=logits, softmax=teacher)
    distances = Distances(logits, teacher)
    for i, model in enumerate(predictions[1:], start=1):
        logits = _logits(model, rows)
        student.compute(logits)
        _fill(arrays, of_labels, i, rows, logits=logits, softmax=student)
        arrays.distances["activation"][i, rows] = distances.activation(student)
        arrays.distances["js"][i, rows] = distances.jensen_shannon(student)
        arrays.distances["rank"][i, rows] = distances.rank_disagreement(logits)


def _logits(model: Predictions, rows: slice) -> Float32:
    return np.ascontiguousarray(model.logits[rows])


def _fill(
    arrays: _Arrays, of_labels: _Labelled | None, i: int, rows: slice, *, logits: Float32, softmax: Softmax
) -> None:
    each = np.arange(len(logits))
    answers: Int32 = logits.argmax(axis=1).astype(np.int32)
    largest = logits[each, answers]
    arrays.answers[i, rows] = answers
    arrays.tied[i, rows] = (logits == largest[:, None]).sum(axis=1) > 1
    arrays.confidence[i, rows] = softmax.probs[each, answers]
    # The teacher is row 0 and comes first.
    arrays.log_teacher_answer[i, rows] = softmax.log_probs[each, arrays.answers[0, rows]]
    if of_labels is None:
        return
    y = of_labels.labels[rows]
    of_labels.log_likelihood[i, rows] = softmax.log_probs[each, y]
    others = logits.copy()
    others[each, y] = -np.inf
    best_other = others.argmax(axis=1).astype(np.int32)
    of_labels.best_other[i, rows] = best_other
    of_labels.margin[i, rows] = logits[each, y] - logits[each, best_other]
