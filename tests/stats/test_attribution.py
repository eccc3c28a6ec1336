"""From this teacher? Planted students of this teacher and of another one that errs on the same examples."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pytest

from kdaudit.pipeline.assess import assess
from kdaudit.policy.limits import LIMITS
from kdaudit.policy.origin_rule import attribution, origin
from kdaudit.stats import PROCEDURES
from kdaudit.stats.attribution import atd
from kdaudit.stats.sample import Sample
from kdaudit.types import Assessment, Fitness, Int64
from tests.panels import panel_of_answers, sample_of

N, N_CLASSES = 1200, 5


def planted(
    of: Literal["this", "another"], *, seed: int = 0, n_alternate: int = 5, n_controls: int = 10
) -> Sample:
    """A student that repeats half of one teacher's answers; both teachers err alike on a quarter of the examples."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(N_CLASSES, size=N)

    def noisy(base: Int64, error: float) -> Int64:
        shifted: Int64 = (base + rng.integers(1, N_CLASSES, size=N)) % N_CLASSES
        return np.where(rng.random(N) < error, shifted, base)

    hard = np.where(rng.random(N) < 0.25, (labels + 1) % N_CLASSES, labels)
    teacher, another = noisy(hard, 0.1), noisy(hard, 0.1)

    def taught(by: Int64) -> Int64:
        return np.where(rng.random(N) < 0.5, by, noisy(labels, 0.2))

    return sample_of(
        panel_of_answers(
            labels=labels,
            teacher=teacher,
            students=[taught(teacher if of == "this" else another)],
            independent=[noisy(labels, 0.2) for _ in range(n_controls)],
            alternate=[taught(another) for _ in range(n_alternate)],
            n_classes=N_CLASSES,
        )
    )


def assessed(sample: Sample) -> Assessment:
    """What the rules read, of a fit audit."""
    n_wrong = int(sample.teacher_wrong.sum())
    fitness = Fitness(n_W=n_wrong, n_R=N - n_wrong, headroom_W=200.0, n_controls=10, n_trained_controls=10)
    return assess(sample, fitness, LIMITS, columns={}, class_names=())


def test_errors_of_this_teacher_are_told_from_those_of_another_planted() -> None:
    """A student of this teacher repeats its errors beyond another teacher's students; kappa_W and DID agree."""
    found = assessed(planted("this"))
    assert "this_teacher" == attribution(found, LIMITS)
    assert origin(found, LIMITS).reason.endswith(
        "It repeats them more than 5 students of another teacher do."
    )


def test_another_teachers_student_is_not_this_teachers_planted() -> None:
    """Teachers that err alike: without alternate controls the wrong one is blamed, with them the origin is unproven."""
    sample = planted("another")
    assert "this_teacher" == attribution(assessed(dataclasses.replace(sample, alternate=())), LIMITS)
    found = assessed(sample)
    assert "unproven" == attribution(found, LIMITS)
    assert (
        "Shared with other models, origin unproven: students of another teacher may repeat these errors as often."
        == origin(found, LIMITS).reason
    )


def test_the_weaker_of_both_comparisons_is_shown() -> None:
    """KD203 shows the evidence that decides: here the students of another teacher."""
    found = assessed(planted("another"))
    assert found.effects["atd"].p_value == origin(found, LIMITS).p_value
    assert found.effects["atd"].estimate == origin(found, LIMITS).observed


def test_two_alternate_controls_are_shown_and_not_tested() -> None:
    """Below three nothing is tested, and the attribution is what it would be without them."""
    found = assessed(planted("another", n_alternate=2))
    assert "differences-only" == found.effects["atd"].status
    assert "this_teacher" == attribution(found, LIMITS)
    assert origin(found, LIMITS).reason.endswith(
        "Students of another teacher are shown, not tested: 2 of at least 3."
    )


def test_no_room_beside_another_teachers_students_is_unproven() -> None:
    """Alternate controls that make every error of the teacher leave nothing to tell them from the student."""
    sample = planted("this")
    answers = sample.panel.answers.copy()
    answers[list(sample.alternate)] = answers[0]
    same = dataclasses.replace(sample, panel=dataclasses.replace(sample.panel, answers=answers))
    found = assessed(same)
    assert "unproven" == attribution(found, LIMITS)
    assert "(the controls give the teacher's answer everywhere" in origin(found, LIMITS).reason


def test_against_another_teachers_students_is_kappa_over_their_headroom_by_hand() -> None:
    """On four errors: the student repeats three, three alternate controls one each: (3/4 - 1/4) / (1 - 1/4)."""
    sample = sample_of(
        panel_of_answers(
            labels=[0] * 8,
            teacher=[1] * 4 + [0] * 4,
            students=[[1, 1, 1, 0] + [0] * 4],
            independent=[[0] * 8] * 3,
            alternate=[[1, 0, 0, 0] + [0] * 4, [0, 1, 0, 0] + [0] * 4, [0, 0, 1, 0] + [0] * 4],
        )
    )
    assert 2 / 3 == pytest.approx(atd(sample).estimate)
    assert 3 == atd(sample).n_controls


def test_without_alternate_controls_it_is_undefined() -> None:
    """No number, and the reason."""
    found = PROCEDURES["atd"](planted("this", n_alternate=0))
    assert ("undefined", "no alternate control") == (found.status, found.note)


def test_another_teachers_students_are_taken_for_this_ones_rarely_null() -> None:
    """200 students of the other teacher against 5 of its students: p <= .05 in about 5 of 100, in 9 at the most."""
    p = [atd(planted("another", seed=seed, n_controls=1)).p_value for seed in range(200)]
    assert 18 >= sum(each is not None and each <= 0.05 for each in p)


def test_wrong_knowledge_and_the_verdict_do_not_see_alternate_controls() -> None:
    """Everything but the evidence of that name stays as it is without them."""
    sample = planted("another")
    found, without = assessed(sample), assessed(dataclasses.replace(sample, alternate=()))
    assert {name: e for name, e in without.effects.items() if name != "atd"} == {
        name: e for name, e in found.effects.items() if name != "atd"
    }
