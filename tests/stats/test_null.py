"""Null truth: honest students are rarely called guilty. Each bound is an exact binomial one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kdaudit.stats import PROCEDURES
from kdaudit.types import Int64
from tests.stats.test_properties import N_CLASSES, sample_from

ALPHA = 0.05


def world(rng: np.random.Generator, *, n: int, k: int, seed_sd: float, copied: float = 0.0) -> Int64:
    """Labels, a teacher, a student, k controls. Examples differ in difficulty, networks in skill.

    Difficult examples are wrong in all models more often, so that errors coincide without any teacher.
    """
    labels = rng.integers(N_CLASSES, size=n)
    difficulty = rng.normal(size=n) * 1.5 - 2.0
    favourite = (labels + rng.integers(1, N_CLASSES, size=n)) % N_CLASSES

    def network() -> Int64:
        p_wrong = 1 / (1 + np.exp(-(difficulty + rng.normal() * seed_sd)))
        other = (labels + rng.integers(1, N_CLASSES, size=n)) % N_CLASSES
        wrong = np.where(rng.random(n) < 0.7, favourite, other)
        return np.where(rng.random(n) < p_wrong, wrong, labels)

    rows = [labels, network(), network(), *(network() for _ in range(k))]
    rows[2] = np.where(rng.random(n) < copied, rows[1], rows[2])
    return np.array(rows)


def rejections(procedure: str, *, n_worlds: int, n: int, k: int, seed_sd: float, copied: float = 0.0) -> int:
    """In how many worlds the procedure's p is at most alpha."""
    rng = np.random.default_rng([n, k, int(seed_sd * 100), int(copied * 100)])
    found = 0
    for _ in range(n_worlds):
        p = PROCEDURES[procedure](sample_from(world(rng, n=n, k=k, seed_sd=seed_sd, copied=copied))).p_value
        found += p is not None and p <= ALPHA
    return found


def allowed(n_worlds: int) -> int:
    """The most rejections that a test of exactly level alpha shows in 999 of 1,000 repetitions."""
    return int(stats.binom.ppf(0.999, n_worlds, ALPHA))


@pytest.mark.parametrize("k", [3, 10])
@pytest.mark.parametrize("seed_sd", [0.0, 0.2])
@pytest.mark.parametrize(
    "procedure",
    ["kappa_W", "kappa_R", "rrr", "did", "transfer.prediction", "information", "error_consistency"],
)
def test_honest_students_are_rarely_called_guilty_null(procedure: str, seed_sd: float, k: int) -> None:
    """False-positive rate at most alpha: one more network of the same kind is no heir."""
    assert rejections(procedure, n_worlds=200, n=600, k=k, seed_sd=seed_sd) <= allowed(200)


@pytest.mark.parametrize("seed_sd", [0.0, 0.2])
def test_uniform_copying_is_no_asymmetry_null(seed_sd: float) -> None:
    """A student that repeats the teacher equally often, right or wrong, is not called asymmetric."""
    assert rejections("rrr", n_worlds=200, n=1500, k=10, seed_sd=seed_sd, copied=0.3) <= allowed(200)


def test_a_copier_is_found_planted() -> None:
    """A fifth of the answers repeated is found in nearly every world with 10 controls."""
    assert rejections("kappa_W", n_worlds=50, n=2000, k=10, seed_sd=0.1, copied=0.2) >= 45


def test_intervals_cover_the_truth_planted() -> None:
    """The 90 % interval of kappa_W covers the share that was copied in at least 87 % of the worlds."""
    rng = np.random.default_rng(3)
    n_worlds, covered = 300, 0
    for _ in range(n_worlds):
        found = PROCEDURES["kappa_W"](sample_from(world(rng, n=1500, k=10, seed_sd=0.1, copied=0.3)))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high
    assert covered / n_worlds >= 0.87
