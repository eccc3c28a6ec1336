"""I(T; S | Y) and error consistency: by hand, against theory, planted, undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kdaudit.stats import PROCEDURES
from kdaudit.stats.sample import Sample
from kdaudit.types import Evidence, Int64
from tests.panels import panel_of_answers, sample_of

NAMES = ("information", "error_consistency")


def sample_of_rows(labels: Int64, teacher: Int64, student: Int64, controls: list[Int64], c: int) -> Sample:
    """A sample of these answers."""
    panel = panel_of_answers(
        labels=labels, teacher=teacher, students=[student], independent=controls, n_classes=c
    )
    return sample_of(panel)


def estimate(name: str, sample: Sample) -> float:
    """The estimate; fails on None."""
    found: Evidence = PROCEDURES[name](sample)
    assert found.estimate is not None
    return found.estimate


def noisy(rng: np.random.Generator, labels: Int64, c: int, error: float = 0.25) -> Int64:
    """Answers that are wrong with this probability, in any other class alike."""
    wrong = rng.random(len(labels)) < error
    return np.where(wrong, (labels + rng.integers(1, c, size=len(labels))) % c, labels)


def test_the_information_of_a_copy_is_the_teachers_entropy_by_hand() -> None:
    """One label, answers 12 : 6 : 2; student = teacher, controls always right: H(.6, .3, .1) + (3 - 1) / 40."""
    labels = np.zeros(20, dtype=np.int64)
    teacher = np.repeat([0, 1, 2], [12, 6, 2])
    found = estimate("information", sample_of_rows(labels, teacher, teacher, [labels] * 3, 3))
    entropy = -(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1))
    assert entropy + 2 / 40 == pytest.approx(found)


def test_answers_beside_the_commonest_wrong_one_are_alike_by_hand() -> None:
    """Teacher 10 : 6 : 2 : 2; a student that swaps its classes 2 and 3 knows as much: both are "other"."""
    labels = np.zeros(20, dtype=np.int64)
    teacher = np.repeat([0, 1, 2, 3], [10, 6, 2, 2])
    swapped = np.repeat([0, 1, 3, 2], [10, 6, 2, 2])
    copy = estimate("information", sample_of_rows(labels, teacher, teacher, [labels] * 3, 4))
    assert copy == estimate("information", sample_of_rows(labels, teacher, swapped, [labels] * 3, 4))


def test_labels_of_fewer_than_20_examples_are_one_by_hand() -> None:
    """Right on one label, wrong on another: nothing within labels of 20; in ten and ten together ln 2 + 1 / 40."""
    for each, expected in ((20, 0.0), (10, math.log(2) + 1 / 40)):
        labels = np.repeat([0, 1], each)
        teacher = np.repeat([0, 2], each)
        found = estimate("information", sample_of_rows(labels, teacher, teacher, [labels] * 3, 3))
        assert expected == pytest.approx(found, abs=1e-7)


def test_independent_answers_share_nothing_beyond_the_label_against_theory() -> None:
    """100 labels of 100 examples: about 0, where the plug-in estimate alone would be 4 / 200."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(100), 100)
    to_next, to_any = ((labels + step) % 100 for step in (1, rng.integers(2, 100, size=len(labels))))
    teacher, student = (
        np.choose(rng.choice(3, p=[0.4, 0.3, 0.3], size=len(labels)), [labels, to_next, to_any])
        for _ in range(2)
    )
    found = estimate("information", sample_of_rows(labels, teacher, student, [labels] * 3, 100))
    assert found == pytest.approx(0.0, abs=0.003)


def test_copying_with_a_known_probability_planted() -> None:
    """A student that copies 40 % of answers: the information and the consistency that their joint law has."""
    rng, n, copied, error = np.random.default_rng(2), 200_000, 0.4, 0.25
    labels = rng.integers(3, size=n)
    teacher = noisy(rng, labels, 3, error)
    student = np.where(rng.random(n) < copied, teacher, noisy(rng, labels, 3, error))
    sample = sample_of_rows(labels, teacher, student, [noisy(rng, labels, 3, error) for _ in range(3)], 3)
    kinds = np.array([1 - error, error / 2, error / 2])
    joint = copied * np.diag(kinds) + (1 - copied) * np.outer(kinds, kinds)
    expected = float(np.sum(joint * np.log(joint / np.outer(kinds, kinds))))
    assert expected == pytest.approx(estimate("information", sample), abs=0.002)
    assert copied == pytest.approx(estimate("error_consistency", sample), abs=0.01)


def test_error_consistency_by_hand() -> None:
    """10 examples, teacher right on 7; o = .8 and .5, a = .7 and .4: kappas (.8 - .58) / .42 and (.5 - .46) / .54."""
    labels = np.zeros(10, dtype=np.int64)
    teacher = np.repeat([0, 1], [7, 3])
    student = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 0])
    control = np.array([0, 0, 0, 1, 1, 1, 1, 0, 2, 2])
    found = estimate("error_consistency", sample_of_rows(labels, teacher, student, [control] * 3, 3))
    assert (0.8 - 0.58) / 0.42 - (0.5 - 0.46) / 0.54 == pytest.approx(found)


def test_models_that_are_always_right_have_no_error_consistency_undefined() -> None:
    """Teacher and student without an error: chance alone makes them agree, so e = 1."""
    labels = np.zeros(20, dtype=np.int64)
    found = PROCEDURES["error_consistency"](sample_of_rows(labels, labels, labels, [labels] * 3, 3))
    assert found.estimate is None
    assert found.note == "the teacher and another model are always right, or always wrong"
    assert PROCEDURES["information"](sample_of_rows(labels, labels, labels, [labels] * 3, 3)).estimate == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_copier_is_found_planted(name: str) -> None:
    """A fifth of the answers repeated is found in at least 80 of 100 worlds of 800 examples, with 8 controls."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(100):
        labels = rng.integers(4, size=800)
        teacher, student, *controls = (noisy(rng, labels, 4) for _ in range(10))
        copier = np.where(rng.random(800) < 0.2, teacher, student)
        p = PROCEDURES[name](sample_of_rows(labels, teacher, copier, controls, 4)).p_value
        found += p is not None and p <= 0.05
    assert found >= 80
