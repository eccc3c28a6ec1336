"""Inherited errors: what only teacher and student get wrong, and how many chance explains. Method, point 11.

Each control in turn plays the student against the others: what it would "inherit" without any teacher is chance.
Source: count-based false-discovery rate with an empirical null, Efron 2004, Barber & Candes 2015.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from kdaudit.stats.hybrid import hybrid
from kdaudit.stats.sample import MIN_CONTROLS, Sample, Stratum
from kdaudit.types import Bool, Float64, Inherited, InheritedPair, Int64

_LARGE_SET = 20


def tolerance(n_controls: int) -> int:
    """tau: how many controls may make the error too; 0 below 20 controls, else a tenth of them."""
    return 0 if n_controls < _LARGE_SET else n_controls // 10


def inherited(sample: Sample) -> Inherited | None:
    """The list with its expected count by chance and false-discovery rate; None below three controls.

    Several students: errors of at least half of them. The p-value sets the list's length against what each control
    would "inherit", with the Poisson variance as floor.
    """
    stratum = sample.stratum(wrong=True)
    k = len(stratum.controls)
    if k < MIN_CONTROLS:
        return None
    tau = tolerance(k)
    shared, listed = _by_students(stratum), is_inherited(stratum)
    votes = stratum.controls.sum(axis=0)
    # Row k: the examples that no more than tau of the other controls share.
    unshared = (votes[None, :] - stratum.controls) <= tau
    by_controls = stratum.controls & unshared
    by_student = shared[None, :] & unshared
    n_listed = int(listed.sum())
    denominator = float(by_student.sum(axis=1).mean())
    factor = n_listed / denominator if denominator else 0.0
    by_chance = by_controls.sum(axis=1) * factor
    expected = float(by_chance.mean())
    positions = np.flatnonzero(sample.teacher_wrong)
    return Inherited(
        listed=positions[listed],
        surprise=_surprise(sample, positions[listed]),
        tau=tau,
        expected_by_chance=expected,
        fdr=min(1.0, expected / n_listed) if n_listed else 1.0,
        p_value=hybrid(float(n_listed), by_chance, v_diff=0.0, v_int=expected).p_value,
        pairs=_pairs(sample, positions, listed, by_controls, factor),
    )


def is_inherited(stratum: Stratum) -> Bool:
    """Members (n,) of the list among the teacher errors of a stratum: at most tau controls make them too."""
    members: Bool = _by_students(stratum) & (stratum.controls.sum(axis=0) <= tolerance(len(stratum.controls)))
    return members


def _by_students(stratum: Stratum) -> Bool:
    """Where at least half of the students give the teacher's answer (n,)."""
    shared: Bool = 2 * stratum.students.sum(axis=0) >= len(stratum.students)
    return shared


def most_surprising_first(found: Inherited) -> Int64:
    """The order of the list (n,): those first that a model without this teacher would hardly make."""
    order: Int64 = np.argsort(-found.surprise, kind="stable")
    return order


def _surprise(sample: Sample, positions: Int64) -> Float64:
    """-mean_k ln p_k(t_i | x_i) over the independent controls (n,), in nats; 0 where all are sure of that answer."""
    of_controls = sample.panel.log_teacher_answer[:, positions][list(sample.independent)]
    surprise: Float64 = -of_controls.mean(axis=0, dtype=np.float64)
    return surprise


def _pairs(
    sample: Sample, positions: Int64, listed: Bool, by_controls: Bool, factor: float
) -> tuple[InheritedPair, ...]:
    labels = sample.panel.labels[positions].tolist()
    answers = sample.panel.answers[0, positions].tolist()
    keys = list(zip(labels, answers, strict=True))
    counts = Counter(key for key, is_listed in zip(keys, listed, strict=True) if is_listed)
    chance: Counter[tuple[int, int]] = Counter()
    for key, n in zip(keys, by_controls.sum(axis=0).tolist(), strict=True):
        chance[key] += n
    k = len(by_controls)
    return tuple(
        InheritedPair(label=key[0], answer=key[1], n=n, expected_by_chance=chance[key] / k * factor)
        for key, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
