"""Whether the recipe was reproduced: is the student one more of the freshly distilled students?"""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy import stats

from kdaudit.stats.sample import MIN_CONTROLS, Sample
from kdaudit.stats.transfer import distance_rows
from kdaudit.types import Float64, Role

_LEVEL = 0.975


def unlike_positive(sample: Sample) -> tuple[str, ...]:
    """In what the students lie outside of where one more positive control would fall, in 95 of 100 cases.

    Accuracy and the mean distance to the teacher's outputs. The interval is mean -+ t(.975, K - 1) s sqrt(1 + 1/M) of
    the M positive controls; s is that of the K independent ones, since few positive controls tell no spread of theirs.
    Nothing where there is no positive control, or fewer than three independent ones.
    """
    positive = sample.panel.rows(Role.POSITIVE)
    if not positive or len(sample.independent) < MIN_CONTROLS:
        return ()
    correct = (sample.panel.answers == sample.panel.labels).mean(axis=1, dtype=np.float64)
    distance = distance_rows(sample, "activation").mean(axis=1, dtype=np.float64)
    measures: dict[str, Float64] = {"accuracy": correct, "distance to the teacher": distance}
    return tuple(name for name, values in measures.items() if _outside(sample, positive, values))


def _outside(sample: Sample, positive: list[int], values: Float64) -> bool:
    spread = float(np.std(values[list(sample.independent)], ddof=1)) * sqrt(1 + 1 / len(positive))
    half = float(stats.t.ppf(_LEVEL, len(sample.independent) - 1)) * spread
    difference = float(values[list(sample.students)].mean() - values[positive].mean())
    return abs(difference) > half
