"""The printed numbers of one model: accuracy, loss, negative flips, agreement.

Each takes rows of a Panel; undefined is None.
"""

from __future__ import annotations

import numpy as np

from kdaudit.types import Bool, Panel


def accuracy(panel: Panel, row: int) -> float:
    """Share of examples where the answer is the label; in [0, 1], higher is better."""
    return float(np.mean(panel.answers[row] == panel.labels))


def loss(panel: Panel, row: int) -> float:
    """Mean negative log-likelihood of the label in nats; >= 0, lower is better."""
    return float(-np.mean(panel.log_likelihood[row], dtype=np.float64))


def negative_flips(panel: Panel, row: int) -> float:
    """#{t = y, s != y} / n: correct answers of the teacher that the model lost; lower is better.

    Source: Yan et al. 2021.
    """
    return float(np.mean((panel.answers[0] == panel.labels) & (panel.answers[row] != panel.labels)))


def agreement(panel: Panel, row: int, *, where: Bool) -> float | None:
    """Share of the examples `where` on which the model gives the teacher's answer; None if there are none."""
    if not where.any():
        return None
    return float(np.mean(panel.answers[row, where] == panel.answers[0, where]))
