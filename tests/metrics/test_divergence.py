"""Softmax, order and distances against their definitions, where rounding and ties are hardest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from kdaudit.metrics.divergence import Distances, Softmax, stable_order
from kdaudit.types import Float32


def softmax(logits: Float32) -> Softmax:
    """Of one model."""
    result = Softmax(*logits.shape)
    result.compute(logits)
    return result


def test_the_softmax_against_scipy() -> None:
    """The second model overwrites the first; probabilities below float64 are 0 and add nothing to the entropy."""
    rng = np.random.default_rng(0)
    result = Softmax(20, 30)
    for scale in (1, 1000):
        logits = (scale * rng.normal(size=(20, 30))).astype(np.float32)
        result.compute(logits)
        z = logits.astype(np.float64)
        np.testing.assert_allclose(result.probs, special.softmax(z, axis=1), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(result.log_probs, special.log_softmax(z, axis=1), rtol=1e-12)
        expected = special.entr(special.softmax(z, axis=1)).sum(axis=1)
        np.testing.assert_allclose(result.entropy, expected, rtol=1e-10, atol=1e-12)


def test_the_order_against_the_definition() -> None:
    """Rows with and without ties, sorted by (-logit, class) one by one."""
    logits = np.random.default_rng(0).normal(size=(40, 25)).astype(np.float32)
    logits[::2] = logits[::2].round(0)
    expected = [sorted(range(25), key=lambda c, row=row: (-row[c], c)) for row in logits]  # type: ignore[misc]
    assert expected == stable_order(logits).tolist()


def test_ranks_of_tied_rows_against_the_definition() -> None:
    """Double argsort of each row; some rows of each model have ties, some do not."""
    rng = np.random.default_rng(1)
    teacher, student = rng.normal(size=(2, 40, 25)).astype(np.float32)
    teacher[::2], student[::3] = teacher[::2].round(0), student[::3].round(0)
    ranks = [np.argsort(np.argsort(-z, axis=1, kind="stable"), axis=1) for z in (teacher, student)]
    actual = Distances(teacher, softmax(teacher)).rank_disagreement(student)
    np.testing.assert_allclose(actual, (ranks[0] != ranks[1]).mean(axis=1), rtol=1e-12)


def test_outputs_that_share_no_class_are_at_the_largest_distances_by_hand() -> None:
    """They are sqrt 2, ln 2, and every class at another rank."""
    teacher = np.array([[1000.0, -1000.0]], dtype=np.float32)
    distances, student = Distances(teacher, softmax(teacher)), softmax(-teacher)
    assert pytest.approx(2**0.5) == distances.activation(student)[0]
    assert pytest.approx(np.log(2)) == distances.jensen_shannon(student)[0]
    assert 1.0 == distances.rank_disagreement(-teacher)[0]


def test_equal_outputs_are_at_distance_zero() -> None:
    """Exactly, and however often they are asked."""
    logits = np.random.default_rng(2).normal(size=(10, 100)).astype(np.float32)
    distances, student = Distances(logits, softmax(logits)), softmax(logits)
    for _ in range(2):
        assert not distances.activation(student).any()
        assert not distances.rank_disagreement(logits).any()
        np.testing.assert_allclose(distances.jensen_shannon(student), 0, atol=1e-14)
