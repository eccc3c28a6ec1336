"""The worked example of the method: every intermediate value, to 1e-6."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from kdaudit.stats import PROCEDURES, variance
from kdaudit.stats.inherited import inherited, most_surprising_first
from kdaudit.stats.knowledge import per_1000
from kdaudit.stats.sample import Sample
from kdaudit.types import Evidence
from tests.panels import panel_of_answers, sample_of


def digits(text: str) -> list[int]:
    """Class indices from a line of the worked example."""
    return [int(c) for c in text.split()]


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Case 1: one student, four independent controls, 40 examples, 3 classes."""
    return sample_of(
        panel_of_answers(
            labels=digits("2 0 0 0 0 2 2 1 0 0 0 1 1 1 0 0 2 2 0 0 1 1 2 1 1 1 1 1 0 2 2 2 2 0 0 1 1 2 2 0"),
            teacher=digits("0 0 1 0 0 2 2 1 2 0 0 1 1 1 0 2 0 2 2 0 2 1 0 1 1 1 1 1 2 2 2 2 0 0 2 1 1 0 2 0"),
            students=[
                digits("0 0 0 0 2 0 0 2 2 0 0 1 1 1 0 2 0 2 2 1 0 2 2 1 2 1 0 1 2 1 2 2 0 0 2 1 1 2 2 0")
            ],
            independent=[
                digits("1 0 0 0 0 0 2 1 2 0 0 1 1 1 0 2 2 2 0 2 2 1 2 1 1 1 1 1 2 1 2 2 2 0 0 1 1 2 1 0"),
                digits("1 2 0 0 2 2 0 2 2 1 0 1 1 1 0 1 2 2 0 2 1 1 2 0 2 1 1 1 0 1 0 2 0 0 0 1 0 2 1 0"),
                digits("2 0 1 0 2 0 2 1 0 0 0 1 1 1 0 2 2 2 0 0 1 2 2 1 2 2 1 1 0 1 2 2 2 0 0 1 1 2 2 0"),
                digits("2 0 2 0 2 0 0 2 2 1 1 1 1 1 0 2 2 2 0 2 2 1 2 1 1 1 1 1 0 0 1 2 2 0 0 1 1 2 1 0"),
            ],
        )
    )


def close(actual: float | None) -> float:
    """The number itself; fails on None."""
    assert actual is not None
    return actual


def test_strata_by_hand(sample: Sample) -> None:
    """Agreement, room, variances and headroom of both strata equal the table."""
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    assert np.flatnonzero(sample.teacher_wrong).tolist() == [0, 2, 8, 15, 16, 18, 20, 22, 28, 32, 34, 37]
    assert (wrong.n, right.n) == (12, 28)
    assert pytest.approx([0.66666667], abs=1e-6) == wrong.student_agreement
    assert pytest.approx([0.33333333, 0.16666667, 0.16666667, 0.25], abs=1e-6) == wrong.control_agreement
    assert (
        pytest.approx([0.85714286, 0.57142857, 0.78571429, 0.64285714], abs=1e-6) == right.control_agreement
    )
    assert pytest.approx(0.77083333, abs=1e-6) == wrong.room
    assert pytest.approx(0.024739583, abs=1e-6) == variance.student_difference(wrong)
    assert pytest.approx(0.01099537, abs=1e-6) == variance.between_examples(wrong)
    assert pytest.approx(0.0050784203, abs=1e-6) == variance.student_difference(right)
    assert pytest.approx(0.0053146259, abs=1e-6) == variance.between_examples(right)
    assert pytest.approx(9.25) == wrong.headroom
    assert pytest.approx(8.0) == right.headroom


EXPECTED = {
    "kappa_W": (0.56756757, 0.19665164, 0.9384835, 0.0099494286, 3.0343832, 1.0, 0.2),
    "kappa_R": (-0.125, -1.3259457, 1.0759457, 0.58885241, -0.19917184, 0.0, 0.6),
    "rrr": (2.6051641, 0.85678581, 7.9213261, 0.074773149, 1.7091238, 1.0, 0.2),
}


@pytest.mark.parametrize("procedure", EXPECTED)
def test_effects_by_hand(sample: Sample, procedure: str) -> None:
    """Estimate, both ends, p, Hedges' z, Cliff's delta and the rank p equal the table."""
    found: Evidence = PROCEDURES[procedure](sample)
    actual = (
        found.estimate,
        found.low,
        found.high,
        found.p_value,
        found.z,
        found.cliffs_delta,
        found.rank_p,
    )
    assert pytest.approx(EXPECTED[procedure], abs=1e-6) == actual


def test_asymmetry_p_by_hand(sample: Sample) -> None:
    """p_asymmetry is the larger of the ratio's p and kappa_W's."""
    p = [close(PROCEDURES[name](sample).p_value) for name in ("rrr", "kappa_W")]
    assert pytest.approx(0.074773149, abs=1e-6) == max(p)


def test_log_ratio_by_hand(sample: Sample) -> None:
    """The ratio is exp of the log estimate."""
    assert pytest.approx(0.95749565, abs=1e-6) == math.log(close(PROCEDURES["rrr"](sample).estimate))


def test_harm_and_benefit_by_hand(sample: Sample) -> None:
    """Counts per 1,000 and their ends are kappa's times 1000 (n_x / n) h_x."""
    harm = per_1000("harm", PROCEDURES["kappa_W"](sample), sample.stratum(wrong=True), 40)
    benefit = per_1000("benefit", PROCEDURES["kappa_R"](sample), sample.stratum(wrong=False), 40)
    assert pytest.approx((131.25, 45.475691, 217.02431), abs=1e-5) == (harm.estimate, harm.low, harm.high)
    assert pytest.approx((-25, -265.18915, 215.18915), abs=1e-5) == (
        benefit.estimate,
        benefit.low,
        benefit.high,
    )


def test_did_by_hand(sample: Sample) -> None:
    """The difference in differences and its p equal the text."""
    found = PROCEDURES["did"](sample)
    assert pytest.approx((0.92792793, 0.00095208416), abs=1e-6) == (found.estimate, found.p_value)


def test_inherited_errors_by_hand(sample: Sample) -> None:
    """The list, the expected count and the false-discovery rate equal the text."""
    found = inherited(sample)
    assert found is not None
    assert found.listed.tolist() == [0, 16, 18, 34]
    assert pytest.approx((0.66666667, 0.16666667), abs=1e-6) == (found.expected_by_chance, found.fdr)
    assert found.expected_by_chance >= sum(pair.expected_by_chance for pair in found.pairs)


def test_inherited_errors_are_ordered_by_surprise_by_hand(sample: Sample) -> None:
    """Controls give the shared answers of 0, 16, 18, 34 mean log-probabilities -1, -3, -2, -3: ties in their order."""
    log_probability = sample.panel.log_teacher_answer.copy()
    log_probability[list(sample.independent)] = 0
    log_probability[np.ix_([2, 3, 4, 5], [0, 16, 18, 34])] = [
        [-1, -6, -2, -3],
        [-1, -2, -2, -3],
        [-1, -2, -2, -3],
        [-1, -2, -2, -3],
    ]
    panel = dataclasses.replace(sample.panel, log_teacher_answer=log_probability)
    found = inherited(dataclasses.replace(sample, panel=panel))
    assert found is not None
    assert found.surprise.tolist() == [1, 3, 2, 3]
    assert found.listed[most_surprising_first(found)].tolist() == [16, 34, 18, 0]
