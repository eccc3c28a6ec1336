"""One pass over the logits of a teacher, its students and all controls: Predictions in, a Panel out.

The teacher's softmax and order are computed once a chunk and shared by all other models. Chunks of about a mebibyte
keep memory flat; numpy releases the interpreter lock in its loops, so chunks run in threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kdaudit.cores import usable_cores
from kdaudit.errors import AlignmentError
from kdaudit.metrics.divergence import Distances, Softmax
from kdaudit.numerics import chunks, rows_per_chunk
from kdaudit.types import Float32, Int32, Int64, Panel, Predictions, Role, read_only

DISTANCES = ("activation", "js", "rank")


class _Arrays:
    """The Panel's arrays while they are filled; rows are models, columns examples."""

    def __init__(self, m: int, n: int) -> None:
        self.answers = np.empty((m, n), dtype=np.int32)
        self.best_other = np.empty((m, n), dtype=np.int32)
        self.confidence = np.empty((m, n), dtype=np.float32)
        self.log_likelihood = np.empty((m, n), dtype=np.float32)
        self.log_teacher_answer = np.empty((m, n), dtype=np.float32)
        self.margin = np.empty((m, n), dtype=np.float32)
        self.tied = np.empty((m, n), dtype=bool)
        self.distances = {name: np.zeros((m, n), dtype=np.float32) for name in DISTANCES}


def measure(predictions: Sequence[Predictions], labels: Int64, *, groups: Int64 | None = None) -> Panel:
    """The Panel of models that answered the same N examples; the teacher comes first.

    Args:
        predictions: logits (N, C) of each model.
        labels: (N,), in [0, C).
        groups: (N,) cluster of each example, or None.

    Raises:
        AlignmentError: models differ in examples or classes, the first is no teacher, or labels lie outside [0, C).
    """
    _check(predictions, labels)
    n, n_classes = predictions[0].logits.shape
    arrays = _Arrays(len(predictions), n)
    slices = list(chunks(n, rows_per_chunk(n_classes)))
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        for _ in pool.map(lambda rows: _measure_chunk(predictions, labels, arrays, rows), slices):
            pass
    return Panel(
        models=tuple(p.model for p in predictions),
        n_classes=n_classes,
        labels=read_only(labels),
        groups=None if groups is None else read_only(groups),
        answers=read_only(arrays.answers),
        confidence=read_only(arrays.confidence),
        log_likelihood=read_only(arrays.log_likelihood),
        log_teacher_answer=read_only(arrays.log_teacher_answer),
        margin=read_only(arrays.margin),
        best_other=read_only(arrays.best_other),
        distances={name: read_only(values) for name, values in arrays.distances.items()},
        tied=read_only(arrays.tied.mean(axis=1)),
    )


def _check(predictions: Sequence[Predictions], labels: Int64) -> None:
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
    if len(labels) != len(teacher.logits):
        raise AlignmentError(f"expected {len(teacher.logits)} labels, found {len(labels)}")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise AlignmentError(
            f"expected labels from 0 to {n_classes - 1} (the models have {n_classes} outputs), found labels from "
            f"{labels.min()} to {labels.max()}",
            hint="labels count from 0 in the order of the models' outputs",
        )


def _measure_chunk(predictions: Sequence[Predictions], labels: Int64, arrays: _Arrays, rows: slice) -> None:
    y = labels[rows]
    logits = _logits(predictions[0], rows)
    teacher, student = Softmax(*logits.shape), Softmax(*logits.shape)
    teacher.compute(logits)
    _fill_answers(arrays, 0, rows, logits=logits, softmax=teacher, y=y)
    distances = Distances(logits, teacher)
    for i, model in enumerate(predictions[1:], start=1):
        logits = _logits(model, rows)
        student.compute(logits)
        _fill_answers(arrays, i, rows, logits=logits, softmax=student, y=y)
        arrays.distances["activation"][i, rows] = distances.activation(student)
        arrays.distances["js"][i, rows] = distances.jensen_shannon(student)
        arrays.distances["rank"][i, rows] = distances.rank_disagreement(logits)


def _logits(model: Predictions, rows: slice) -> Float32:
    return np.ascontiguousarray(model.logits[rows])


def _fill_answers(
    arrays: _Arrays, i: int, rows: slice, *, logits: Float32, softmax: Softmax, y: Int64
) -> None:
    each = np.arange(len(y))
    answers: Int32 = logits.argmax(axis=1).astype(np.int32)
    largest = logits[each, answers]
    arrays.answers[i, rows] = answers
    arrays.tied[i, rows] = (logits == largest[:, None]).sum(axis=1) > 1
    arrays.confidence[i, rows] = softmax.probs[each, answers]
    arrays.log_likelihood[i, rows] = softmax.log_probs[each, y]
    # The teacher is row 0 and comes first.
    arrays.log_teacher_answer[i, rows] = softmax.log_probs[each, arrays.answers[0, rows]]
    others = logits.copy()
    others[each, y] = -np.inf
    best_other = others.argmax(axis=1).astype(np.int32)
    arrays.best_other[i, rows] = best_other
    arrays.margin[i, rows] = logits[each, y] - logits[each, best_other]
