"""What a student shares with its teacher beyond the label, and beyond its controls. Reported; no verdict rests on it.

Both numbers are written as the mean of a per-example quantity (their influence function, moved to the right mean), so
that their intervals know of the examples as well as of the seeds. Method, "Definitions, exactly", points 5, 15 and 16.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdaudit.stats import hybrid
from kdaudit.stats.quantity import difference
from kdaudit.stats.sample import Sample
from kdaudit.types import Evidence, Float32, Float64, Int64, Panel

SMALLEST_LABEL = 20
_RIGHT, _COMMON, _OTHER, _KINDS = 0, 1, 2, 3


def information(sample: Sample) -> Evidence:
    """I(T; S | Y) of the students less that of the controls, in nats; 0 for a student that is one of them.

    Answers are collapsed by label to three kinds: right, the teacher's commonest wrong class for this label (lowest
    index on ties), other. Labels with fewer than 20 examples are one. The full C x C table would be mostly noise.
    Undefined when: there is no control, or no example.

    Source: plug-in estimate with the correction of Miller 1955 (Miller-Madow); the pointwise information is its
    influence function, so its variance over examples is the estimate's (delta method).
    """
    panel = sample.panel
    return difference(
        "information", _pointwise(panel, sample.students), _pointwise(panel, sample.independent), panel.groups
    )


def error_consistency(sample: Sample) -> Evidence:
    """Cohen's kappa between right and wrong of the students and of the teacher, less that of the controls.

    (o - e) / (1 - e), with o the share of examples where both are right or both wrong, e that by chance. Undefined
    when: there is no control, no example, or a model that, like the teacher, is always right or always wrong (e = 1).

    Source: Geirhos et al. 2020.
    """
    panel, k = sample.panel, len(sample.independent)
    rows = [consistency(panel, row) for row in (*sample.students, *sample.independent)]
    defined = [row for row in rows if row is not None]
    if len(defined) < len(rows):
        note = "the teacher and another model are always right, or always wrong"
        return hybrid.undefined("error_consistency", note, n=len(panel.labels), n_controls=k)
    values, m = np.array(defined, dtype=np.float32).reshape(-1, len(panel.labels)), len(sample.students)
    return difference("error_consistency", values[:m], values[m:], panel.groups)


def consistency(panel: Panel, row: int) -> Float64 | None:
    """Per example (N,), with the error consistency of teacher and model as its mean; None at e = 1.

    kappa is a function of three means, o and both accuracies; this is its linearisation there.
    """
    teacher: Float64 = (panel.answers[0] == panel.labels).astype(np.float64)
    model: Float64 = (panel.answers[row] == panel.labels).astype(np.float64)
    if not len(model):
        return model
    both = teacher * model + (1 - teacher) * (1 - model)
    o, a, b = both.mean(), teacher.mean(), model.mean()
    left = 1 - (a * b + (1 - a) * (1 - b))
    if left <= 0:
        return None
    by_chance = (2 * a - 1) * (model - b) + (2 * b - 1) * (teacher - a)
    values: Float64 = 1 - (1 - o) / left + (both - o) / left - (1 - o) / left**2 * by_chance
    return values


def _kinds(panel: Panel, common: Int64, row: int) -> Int64:
    """Which kind each answer of one model is (N,)."""
    kinds = np.where(panel.answers[row] == common[panel.labels], _COMMON, _OTHER)
    return np.where(panel.answers[row] == panel.labels, _RIGHT, kinds)


def _commonest_wrong(panel: Panel) -> Int64:
    """The teacher's commonest wrong class for each label (C,), lowest index on ties; -1 where it makes no error."""
    c = panel.n_classes
    wrong = np.flatnonzero(panel.answers[0] != panel.labels)
    codes, counts = np.unique(panel.labels[wrong] * c + panel.answers[0, wrong], return_counts=True)
    commonest = np.full(c, -1, dtype=np.int64)
    # Ascending in count, for equal counts descending in class: the last one written to a label stays.
    order = np.lexsort((-codes, counts))
    commonest[codes[order] // c] = codes[order] % c
    return commonest


def _strata(labels: Int64) -> Int64:
    """The labels (N,) with all those of fewer than 20 examples as one more."""
    counts = np.bincount(labels)
    return np.where(counts[labels] < SMALLEST_LABEL, len(counts), labels)


def _pointwise(panel: Panel, rows: Sequence[int]) -> Float32:
    """Per example (m, N): ln p(t, s | y) / (p(t | y) p(s | y)), each label's correction spread over its examples."""
    n = len(panel.labels)
    values = np.empty((len(rows), n), dtype=np.float32)
    if not n:
        return values
    common, y = _commonest_wrong(panel), _strata(panel.labels)
    t = _kinds(panel, common, 0)
    for i, row in enumerate(rows):
        s = _kinds(panel, common, row)
        joint = np.zeros((int(y.max()) + 1, _KINDS, _KINDS))
        np.add.at(joint, (y, t, s), 1)
        of_t, of_s, of_y = joint.sum(axis=2), joint.sum(axis=1), joint.sum(axis=(1, 2))
        occupied = (of_t > 0).sum(axis=1) + (of_s > 0).sum(axis=1) - (joint > 0).sum(axis=(1, 2))
        correction = (occupied - 1) / (2 * np.maximum(of_y, 1))
        values[i] = np.log(joint[y, t, s] * of_y[y] / (of_t[y, t] * of_s[y, s])) + correction[y]
    return values
