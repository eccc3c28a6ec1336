"""Functional transfer: is the student closer to the teacher than its controls are?

Estimate: mean_k d(T, c_k) - d(T, S) for four distances; p against the independent controls and, where there are
three, the random ones; Holm over the measures. Method, points 5, 7 and 8.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from kdaudit.stats import hybrid, variance
from kdaudit.stats.sample import MIN_CONTROLS, Sample
from kdaudit.types import Evidence, Float32, Float64


def distance_rows(sample: Sample, measure: str) -> Float32:
    """Per-example distances (m, N) of every model to the teacher for 'activation', 'js', 'rank' or 'prediction'."""
    panel = sample.panel
    if measure == "prediction":
        differ: Float32 = (panel.answers != panel.answers[0]).astype(np.float32)
        return differ
    return panel.distances[measure]


def measures(sample: Sample) -> tuple[str, ...]:
    """The measures that are tested: for two classes rank equals prediction and is left out."""
    names = ("activation", "js", "rank", "prediction")
    return tuple(name for name in names if sample.panel.n_classes > 2 or name != "rank")


def against(sample: Sample, measure: str, controls: tuple[int, ...]) -> Evidence:
    """Closeness to the teacher beyond these controls, in the measure's own unit; larger is closer."""
    name = f"transfer.{measure}"
    if not controls:
        return hybrid.undefined(name, "no control", n=len(sample.panel.labels))
    rows = distance_rows(sample, measure)
    students, others = rows[list(sample.students)], rows[list(controls)]
    v_diff, v_int = 0.0, 0.0
    if len(controls) >= MIN_CONTROLS:
        v_diff, v_int = variance.of_quantity(students, others, sample.panel.groups)
    return hybrid.evidence(
        name, -_means(students), -_means(others), v_diff=v_diff, v_int=v_int, n=rows.shape[1]
    )


def transfer(measure: str) -> Callable[[Sample], Evidence]:
    """The procedure for one measure: interval against the independent controls, p the larger of both kinds'."""

    def procedure(sample: Sample) -> Evidence:
        independent = against(sample, measure, sample.independent)
        if independent.p_value is None or len(sample.random) < MIN_CONTROLS:
            return independent
        noise = against(sample, measure, sample.random)
        return dataclasses.replace(independent, p_value=max(independent.p_value, noise.p_value or 1.0))

    procedure.__name__ = f"transfer.{measure}"
    return procedure


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm 1979: ascending, (m - i) p_(i), running maximum, at most 1.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    for i, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p_values) - i) * p))
        adjusted[name] = largest
    return adjusted


def _means(rows: Float32) -> Float64:
    means: Float64 = rows.mean(axis=1, dtype=np.float64)
    return means
