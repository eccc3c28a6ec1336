"""Functional transfer: is the student closer to the teacher than its controls are?

Estimate: mean_k d(T, c_k) - d(T, S) for four distances; p against the independent controls and, where there are
three, the random ones; Holm over the measures. Method, points 5, 7 and 8.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from kdaudit.stats.quantity import difference
from kdaudit.stats.sample import MIN_CONTROLS, BaseSample
from kdaudit.types import Evidence, Float32


def distance_rows(sample: BaseSample, measure: str) -> Float32:
    """Per-example distances (m, N) of every model to the teacher for 'activation', 'js', 'rank' or 'prediction'."""
    panel = sample.panel
    if measure == "prediction":
        differ: Float32 = (panel.answers != panel.answers[0]).astype(np.float32)
        return differ
    return panel.distances[measure]


def measures(sample: BaseSample) -> tuple[str, ...]:
    """The measures that are tested: for two classes rank equals prediction and is left out."""
    names = ("activation", "js", "rank", "prediction")
    return tuple(name for name in names if sample.panel.n_classes > 2 or name != "rank")


def against(sample: BaseSample, measure: str, controls: tuple[int, ...]) -> Evidence:
    """Closeness to the teacher beyond these controls, in the measure's own unit; larger is closer."""
    rows = distance_rows(sample, measure)
    return difference(
        f"transfer.{measure}", -rows[list(sample.students)], -rows[list(controls)], sample.panel.groups
    )


def transfer(measure: str) -> Callable[[BaseSample], Evidence]:
    """The procedure for one measure: interval against the independent controls, p the larger of both kinds'."""

    def procedure(sample: BaseSample) -> Evidence:
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
