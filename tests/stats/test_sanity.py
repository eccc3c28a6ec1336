"""Bounds and hints on accuracies: what chance does not explain, and what relabelling would."""

from __future__ import annotations

import numpy as np
import pytest

from kdaudit.stats.sanity import (
    Features,
    below_expected,
    clearly_better,
    label_hint,
    misordered,
    shifted_features,
    times_wider,
)
from kdaudit.types import Bool, Int32


@pytest.mark.parametrize(
    ("n_correct", "n", "expected", "found"),
    [
        (970, 1000, 0.98, False),  # one point below
        (950, 1000, 0.98, True),
        (47, 50, 0.98, False),  # four points, which chance explains
        (0, 50, 0.5, True),
    ],
)
def test_two_points_and_chance(n_correct: int, n: int, expected: float, found: bool) -> None:
    """Both must be exceeded."""
    assert found == below_expected(n_correct, n, expected)


def test_a_gain_must_be_more_than_the_best_of_several_by_chance() -> None:
    """By the sign test: 9 of 9 gained has p = 1/512."""
    plain = np.zeros(100, dtype=bool)
    other: Bool = np.arange(100) < 9
    assert clearly_better(plain, other, n_tried=1)
    assert not clearly_better(plain, other, n_tried=10)
    assert not clearly_better(other, plain, n_tried=1)


def test_a_permutation_is_found_where_there_are_examples_enough() -> None:
    """Classes in any order of the examples; hints name the renamed ones."""
    labels = np.arange(400) % 8
    answers: Int32 = ((labels + 3) % 8).astype(np.int32)
    assert "renaming 8 of them, found on one half of the examples and judged on the other" in label_hint(
        answers, labels, 8
    )


def test_noise_is_no_permutation_null() -> None:
    """An assignment fitted to few examples of many classes explains those and no others."""
    rng = np.random.default_rng(0)
    labels = rng.integers(150, size=300)
    answers = rng.integers(150, size=300).astype(np.int32)
    assert label_hint(answers, labels, 150) == ""


@pytest.mark.parametrize("shift", [1, -1])
def test_labels_off_by_one(shift: int) -> None:
    """Either way; answers outside the labels are wrong and nothing else."""
    labels = np.arange(1, 301) % 10
    hint = label_hint((labels + shift).astype(np.int32), labels, 12)
    assert hint.startswith(f"the labels look shifted by {shift:+d}: ")


@pytest.mark.parametrize("shift", [1, -1])
def test_labels_off_by_one_and_round_the_end(shift: int) -> None:
    """A shift that leads from the last class to the first is said as one, and no renaming of ten classes."""
    labels = np.arange(400) % 10
    hint = label_hint(((labels + shift) % 10).astype(np.int32), labels, 10)
    assert hint.startswith(
        f"the classes look shifted by {shift:+d}, and from one end to the other: 0.0% correct"
    )


def test_an_order_in_which_some_classes_keep_their_place_is_named() -> None:
    """Twelve classes numbered as text (0, 1, 10, 11, 2 ...): two keep their number, and beat the commonest class."""
    as_text = np.argsort([str(c) for c in range(12)], kind="stable")
    labels = np.arange(600) % 12
    assert misordered(as_text[labels].astype(np.int32), labels, 12).startswith(
        "the classes look permuted: 16.7% correct as given, 100.0% after renaming 10 of them"
    )


def test_a_flaw_is_no_other_order_null() -> None:
    """One class is always taken for another: no one-to-one renaming mends that. Nor do a few examples say anything."""
    labels = np.arange(600) % 6
    assert misordered(np.where(labels == 4, 5, labels).astype(np.int32), labels, 6) == ""
    few = np.array([0, 0, 1, 1, 2, 2])
    assert misordered(np.array([1, 1, 0, 0, 2, 2], dtype=np.int32), few, 3) == ""


def test_a_renaming_that_explains_more_than_a_shift_is_named() -> None:
    """Seven classes of ten are answered one lower: a shift explains these, a renaming all."""
    labels = np.arange(600) % 10
    renamed = np.array([7, 0, 1, 2, 3, 4, 5, 9, 6, 8])
    answers = renamed[labels].astype(np.int32)
    assert 0.7 == np.mean(answers == labels - 1)
    assert label_hint(answers, labels, 10).startswith(
        "the classes look permuted: 0.0% correct as given, 100.0% after renaming 10 of them"
    )


def features(means: list[float], deviation: float = 1.0) -> Features:
    """Hundred examples around these means."""
    rows = np.random.default_rng(0).normal(size=(100, len(means))) * deviation + np.array(means)
    return Features(means=rows, deviations=np.full(len(means), deviation))


def test_features_that_lie_apart_are_named_farthest_first() -> None:
    """Half a deviation and four standard errors: .5 + 4 sqrt(2) / 10 = 1.07 here."""
    assert [2, 1] == shifted_features(features([0.0, 0.0, 0.0]), features([1.0, 1.2, 5.0])).tolist()


def test_constant_features_that_differ_are_apart() -> None:
    """And those that are equal are not."""
    assert [1] == shifted_features(features([2.0, 2.0], 0.0), features([2.0, 2.5], 0.0)).tolist()


@pytest.mark.parametrize(("deviation", "times"), [(1.0, 0.0), (2.5, 0.0), (5.0, 5.0), (0.2, 5.0)])
def test_how_many_times_wider_every_feature_is_by_hand(deviation: float, times: float) -> None:
    """Of hundred examples more than 2 exp(4 / 10) = 2.98 times, either way; one feature alone may vary."""
    one, other = features([0.0, 0.0], 1.0), features([0.0, 0.0], deviation)
    assert times == pytest.approx(times_wider(one, other))
    uneven = Features(means=other.means, deviations=np.array([deviation, 1.0]))
    assert times_wider(one, uneven) == 0.0


def test_constant_features_are_no_wider_undefined() -> None:
    """Where nothing varies there is nothing to compare."""
    assert times_wider(features([1.0], 0.0), features([1.0], 3.0)) == 0.0
