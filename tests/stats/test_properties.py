"""What must hold for any answers: orders, names of classes, copies of examples, few controls."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kdaudit.stats import PROCEDURES, hybrid
from kdaudit.stats.inherited import inherited
from kdaudit.stats.sample import Sample
from kdaudit.stats.transfer import holm
from kdaudit.types import Evidence, Int64
from tests.panels import panel_of_answers, sample_of

NAMES = ("kappa_W", "kappa_R", "rrr", "did", "transfer.prediction", "information", "error_consistency")
N_CLASSES = 4


def random_answers(seed: int, *, n: int = 300, k: int = 5) -> Int64:
    """Rows: labels, teacher, student, k controls, each right in about three of four."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(N_CLASSES, size=n)
    rows = [labels]
    for _ in range(k + 2):
        wrong = rng.random(n) < 0.25
        rows.append(np.where(wrong, (labels + rng.integers(1, N_CLASSES, size=n)) % N_CLASSES, labels))
    return np.array(rows)


def sample_from(rows: Int64, groups: Int64 | None = None, n_students: int = 1) -> Sample:
    """A sample of rows made by `random_answers`."""
    return sample_of(
        panel_of_answers(
            labels=rows[0],
            teacher=rows[1],
            students=list(rows[2 : 2 + n_students]),
            independent=list(rows[2 + n_students :]),
            n_classes=N_CLASSES,
            groups=groups,
        )
    )


def numbers(found: Evidence) -> list[float | None]:
    """What must not change."""
    return [found.estimate, found.low, found.high, found.p_value]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_examples_changes_nothing(seed: int) -> None:
    """Permuting examples leaves every number."""
    rows = random_answers(seed)
    order = np.random.default_rng(seed + 1).permutation(rows.shape[1])
    plain, permuted = sample_from(rows), sample_from(rows[:, order])
    for name in NAMES:
        assert numbers(PROCEDURES[name](plain)) == pytest.approx(
            numbers(PROCEDURES[name](permuted)), rel=1e-9
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
@example(157)  # two wrong classes are equally common: not asked
def test_the_names_of_classes_change_nothing(seed: int) -> None:
    """Permuting class indices leaves every number; of the teacher's wrong classes, one is the commonest."""
    rows = random_answers(seed)
    rows[1] = np.where(rows[1] == rows[0], rows[1], (rows[0] + 1 + (np.arange(300) % 5 == 0)) % N_CLASSES)
    second, wrong = np.arange(300) % 5 == 0, rows[1] != rows[0]
    assume(
        all(
            (wrong & second & (rows[0] == y)).sum() * 2 != (wrong & (rows[0] == y)).sum()
            for y in range(N_CLASSES)
        )
    )
    names = np.random.default_rng(seed + 1).permutation(N_CLASSES)
    plain, renamed = sample_from(rows), sample_from(names[rows])
    for name in NAMES:
        assert numbers(PROCEDURES[name](plain)) == pytest.approx(numbers(PROCEDURES[name](renamed)), rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_copies_of_examples_change_nothing_where_groups_name_the_original(seed: int) -> None:
    """Every example twice, with its original as its group: p is that of single examples in groups of one."""
    rows = random_answers(seed)
    each = np.arange(rows.shape[1])
    single = sample_from(rows, groups=each)
    double = sample_from(np.concatenate([rows, rows], axis=1), groups=np.concatenate([each, each]))
    for name in ("kappa_W", "kappa_R"):
        once, twice = PROCEDURES[name](single), PROCEDURES[name](double)
        assert once.p_value == pytest.approx(twice.p_value, rel=1e-6)
        assert numbers(once)[:3] == pytest.approx(numbers(twice)[:3], rel=1e-6)


def test_groups_of_one_are_no_groups() -> None:
    """Clusters of single examples give what examples give, but for the finite-sample factors."""
    rows = random_answers(3, n=2000)
    plain = PROCEDURES["kappa_W"](sample_from(rows))
    grouped = PROCEDURES["kappa_W"](sample_from(rows, groups=np.arange(2000)))
    assert plain.estimate == grouped.estimate
    assert plain.p_value == pytest.approx(grouped.p_value, rel=0.02)


def test_three_controls_give_a_rank_p_of_a_quarter_by_hand() -> None:
    """Leave-one-out rank p of a student above all of three controls is 1/4."""
    rows = random_answers(0, k=3)
    rows[2] = rows[1]
    assert PROCEDURES["kappa_W"](sample_from(rows)).rank_p == 0.25


def test_a_perfect_copy_has_kappa_one_by_hand() -> None:
    """The teacher itself as student: kappa_W = kappa_R = 1."""
    rows = random_answers(1)
    rows[2] = rows[1]
    sample = sample_from(rows)
    for name in ("kappa_W", "kappa_R"):
        assert pytest.approx(PROCEDURES[name](sample).estimate) == 1.0


def test_uniform_copying_has_equal_kappas_and_ratio_one_planted() -> None:
    """A student that repeats the teacher with probability .4, right or wrong: kappas .4, ratio 1."""
    rows = random_answers(2, n=200_000, k=5)
    rows[2] = np.where(np.random.default_rng(9).random(200_000) < 0.4, rows[1], rows[2])
    sample = sample_from(rows)
    assert pytest.approx(PROCEDURES["kappa_W"](sample).estimate, abs=0.01) == 0.4
    assert pytest.approx(PROCEDURES["kappa_R"](sample).estimate, abs=0.01) == 0.4
    assert pytest.approx(PROCEDURES["rrr"](sample).estimate, abs=0.03) == 1.0


@pytest.mark.parametrize(
    ("k", "status"), [(0, "undefined"), (1, "differences-only"), (2, "differences-only"), (3, "ok")]
)
def test_few_controls_give_differences_and_no_test_undefined(k: int, status: str) -> None:
    """Below three controls no p and no interval; without any, no estimate."""
    sample = sample_from(random_answers(4, k=k))
    for name in ("kappa_W", "kappa_R", "rrr", "transfer.prediction", "information", "error_consistency"):
        found = PROCEDURES[name](sample)
        assert status == found.status
        assert (found.p_value is None) == (k < 3)
        assert (found.estimate is None) == (k == 0)
    assert (inherited(sample) is None) == (k < 3)


def test_a_teacher_without_errors_undefined() -> None:
    """W empty: kappa_W, the ratio and the attribution are undefined, kappa_R is not; nothing is NaN."""
    rows = random_answers(5)
    rows[1] = rows[0]
    sample = sample_from(rows)
    assert [PROCEDURES[name](sample).status for name in ("kappa_W", "rrr", "did", "kappa_R")] == [
        "undefined",
        "undefined",
        "undefined",
        "ok",
    ]


def test_controls_that_make_every_teacher_error_leave_no_room_undefined() -> None:
    """H_W = 0: kappa_W is undefined, never infinite."""
    rows = random_answers(6, k=4)
    rows[3:] = rows[1]
    found = PROCEDURES["kappa_W"](sample_from(rows))
    assert (found.status, found.estimate) == ("undefined", None)
    assert "nothing is left" in found.note


def test_unanimous_controls_still_have_a_variance_by_hand() -> None:
    """Equal controls have no variance of their own; the floor of the examples keeps p away from 0."""
    rows = random_answers(7, k=4)
    rows[3:] = rows[3]
    found = PROCEDURES["kappa_W"](sample_from(rows))
    assert found.p_value is not None
    assert found.p_value > 1e-6


def test_three_students_are_one_group_against_theory() -> None:
    """Three honest seeds of one student: estimate near 0, an exact Mann-Whitney p beside it."""
    found = PROCEDURES["kappa_W"](sample_from(random_answers(8, n=3000, k=8), n_students=3))
    assert found.estimate is not None
    assert abs(found.estimate) < 0.05
    assert found.rank_p is not None
    assert 1 / 165 <= found.rank_p <= 1


def test_inherited_errors_of_many_controls_tolerate_a_tenth() -> None:
    """From 20 controls on, tau is a tenth of them."""
    found = inherited(sample_from(random_answers(9, k=20)))
    assert found is not None
    assert found.tau == 2


def test_pairs_add_up_to_the_list() -> None:
    """Counts by class pair sum to the list; chance by pair sums to at most chance in all."""
    rows = random_answers(10, n=1000)
    rows[2] = np.where(np.random.default_rng(1).random(1000) < 0.5, rows[1], rows[2])
    found = inherited(sample_from(rows))
    assert found is not None
    assert len(found.listed) == sum(pair.n for pair in found.pairs)
    assert sum(pair.expected_by_chance for pair in found.pairs) <= found.expected_by_chance + 1e-9
    assert found.p_value < 0.001


def test_hybrid_against_theory() -> None:
    """Without a floor and without a difference in examples it is Crawford and Howell's t with K - 1 degrees."""
    u = np.array([0.1, 0.3, 0.2, 0.25])
    test = hybrid.hybrid(0.5, u, v_diff=0.0, v_int=0.0)
    assert pytest.approx(test.df) == 3
    assert np.var(u, ddof=1) * 1.25 == pytest.approx(test.variance)


def test_holm_by_hand() -> None:
    """Ascending, multiplied by what is left, never decreasing, at most 1."""
    adjusted = holm({"a": 0.02, "b": 0.01, "c": 0.9, "d": 0.03})
    assert pytest.approx(adjusted) == {"b": 0.04, "a": 0.06, "d": 0.06, "c": 0.9}


def test_two_classes_leave_the_rank_out() -> None:
    """For two classes rank equals prediction: Holm runs over three measures."""
    from kdaudit.stats.transfer import measures

    sample = sample_from(random_answers(11))
    two = dataclasses.replace(sample, panel=dataclasses.replace(sample.panel, n_classes=2))
    assert measures(two) == ("activation", "js", "prediction")
    assert len(measures(sample)) == 4
