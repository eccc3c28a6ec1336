"""A guard of PASS: would a student as accurate as this one, but otherwise like the controls, look the same?

A more accurate student disagrees with the teacher's errors for that reason alone, which hides what it took over.
Method, point 10.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from kdaudit.stats import hybrid
from kdaudit.stats.knowledge import kappa
from kdaudit.stats.sample import Sample, Stratum
from kdaudit.types import Evidence, Int32

_FEW_CONTROLS = 5


def is_tilted(sample: Sample) -> bool:
    """Whether the student is more accurate than one more control would be (two-sided 95 %; K < 5: than their mean)."""
    controls = sample.accuracy(sample.independent)
    if controls.size == 0:
        return False
    bound, k = float(controls.mean()), len(controls)
    if k >= _FEW_CONTROLS:
        bound += float(stats.t.ppf(0.975, k - 1) * np.std(controls, ddof=1) * np.sqrt(1 + 1 / k))
    return float(np.mean(sample.accuracy(sample.students))) > bound


def tilt(sample: Sample) -> Evidence:
    """kappa_W against controls lifted to the student's accuracy; undefined where the guard is not needed."""
    if not is_tilted(sample):
        return hybrid.undefined("tilt", "not needed: the student is no more accurate than a control")
    plain = sample.stratum(wrong=True)
    lifted = _lifted_answers(sample)[:, sample.teacher_wrong]
    teacher = sample.panel.answers[0, sample.teacher_wrong]
    return kappa("tilt", Stratum(students=plain.students, controls=lifted == teacher, groups=plain.groups))


def _lifted_answers(sample: Sample) -> Int32:
    """Answers (K, N): each control answers the label on its N largest margins, else its best class other than it."""
    panel = sample.panel
    n_correct = round(float(np.mean(sample.accuracy(sample.students))) * len(panel.labels))
    rows = list(sample.independent)
    answers = panel.best_other[rows].copy()
    for answer, margin in zip(answers, panel.margin[rows], strict=True):
        surest = np.argsort(-margin, kind="stable")[:n_correct]
        answer[surest] = panel.labels[surest]
    return answers
