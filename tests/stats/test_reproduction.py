"""Whether the student is one more freshly distilled student."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kdaudit.stats.reproduction import unlike_positive
from kdaudit.stats.sample import Sample
from kdaudit.types import Int64, Role
from tests.panels import model_ref, panel_of_answers

N = 2000


def world(seed: int, *, student_copies: float, student_error: float = 0.2) -> Sample:
    """Ten independent controls, two positive ones that repeat half of the teacher's answers, and a student."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=N)

    def independent(error: float = 0.2) -> Int64:
        return np.where(rng.random(N) < error, (labels + rng.integers(1, 4, size=N)) % 4, labels)

    teacher = independent()

    def distilled(copies: float, error: float = 0.2) -> Int64:
        return np.where(rng.random(N) < copies, teacher, independent(error))

    panel = panel_of_answers(
        labels=labels,
        teacher=teacher,
        students=[distilled(student_copies, student_error)],
        independent=[independent() for _ in range(10)],
        random=[distilled(0.5) for _ in range(2)],
        n_classes=4,
    )
    models = tuple(
        model_ref(f"positive/{i}", Role.POSITIVE) if model.role is Role.RANDOM else model
        for i, model in enumerate(panel.models)
    )
    panel = dataclasses.replace(panel, models=models)
    return Sample(panel=panel, students=(1,), independent=tuple(panel.rows(Role.INDEPENDENT)))


def test_a_student_of_the_same_recipe_is_like_them_null() -> None:
    """In 200 worlds either measure sets one apart in no more than 5 % of cases allow (99.9 % bound: 10 %)."""
    found = [unlike_positive(world(seed, student_copies=0.5)) for seed in range(200)]
    for name in ("accuracy", "distance to the teacher"):
        assert sum(name in names for names in found) <= 20


@pytest.mark.parametrize(
    ("copies", "error", "unlike"),
    [
        (0.0, 0.2, ("distance to the teacher",)),
        (0.5, 0.9, ("accuracy", "distance to the teacher")),
    ],
)
def test_another_recipe_is_told_apart_planted(copies: float, error: float, unlike: tuple[str, ...]) -> None:
    """A student that copied nothing is farther from the teacher; one that learned little is less accurate too."""
    assert unlike == unlike_positive(world(1, student_copies=copies, student_error=error))


def test_without_positive_controls_nothing_is_said_undefined() -> None:
    """Nor with two independent ones."""
    sample = world(2, student_copies=0.0)
    few = dataclasses.replace(sample, independent=sample.independent[:2])
    assert () == unlike_positive(few)
    models = tuple(
        model_ref(m.name, Role.RANDOM) if m.role is Role.POSITIVE else m for m in sample.panel.models
    )
    without = dataclasses.replace(sample, panel=dataclasses.replace(sample.panel, models=models))
    assert () == unlike_positive(without)
