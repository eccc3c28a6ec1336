"""Power and needed sizes: against the method's evidence, against simulation, and where nothing is enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdaudit.stats.knowledge import kappa_W
from kdaudit.stats.power import PROFILES, Design, fail_power, needed_n_W, pass_power, sharpness
from tests.panels import panel_of_answers, sample_of

FLAWED, GOOD = PROFILES.values()


@pytest.mark.parametrize(
    ("profile", "n", "k", "power_of_20", "power_of_30", "pass_at_zero"),
    [
        (GOOD, 200, 10, 0.70, 0.95, 0.71),
        (GOOD, 500, 5, 0.78, 0.97, 0.77),
        (GOOD, 2000, 20, 0.98, 1.00, 0.98),
        (FLAWED, 25, 10, 0.54, 0.78, 0.76),
        (FLAWED, 50, 5, 0.75, 0.95, 0.87),
        (FLAWED, 100, 10, 0.96, 1.00, 0.99),
    ],
)
def test_power_is_that_of_the_methods_evidence_by_reference(
    profile: Design, n: int, k: int, power_of_20: float, power_of_30: float, pass_at_zero: float
) -> None:
    """The table of the evidence, to its two decimals; for a pass it takes the central t, which is .014 less here."""
    design = replace(profile, n_W=n, n_controls=k)
    assert power_of_20 == pytest.approx(fail_power(design, 0.2, m_fail=0.0), abs=0.0051)
    assert power_of_30 == pytest.approx(fail_power(design, 0.3, m_fail=0.0), abs=0.0051)
    assert pass_at_zero == pytest.approx(pass_power(design, 0.0, m_pass=0.2), abs=0.02)


def test_the_needed_number_is_the_smallest_that_is_enough() -> None:
    """One error fewer has less power than wished; more power needs more errors."""
    design = replace(GOOD, n_controls=10)
    for wished in (0.8, 0.9):
        needed = needed_n_W(design, 0.2, m_fail=0.1, wished=wished)
        assert needed is not None
        at, below = replace(design, n_W=needed), replace(design, n_W=needed - 1)
        assert fail_power(below, 0.2, m_fail=0.1) < wished <= fail_power(at, 0.2, m_fail=0.1)
    eighty, ninety = (needed_n_W(design, 0.2, m_fail=0.1, wished=w) for w in (0.8, 0.9))
    assert (eighty or 0) < (ninety or 0)


def test_an_effect_at_the_limit_is_never_surely_found_undefined() -> None:
    """At a true kappa_W of .10 half of the estimates lie below the limit: no number of errors is enough."""
    assert needed_n_W(replace(FLAWED, n_controls=10), 0.10, m_fail=0.10) is None


def test_sharpness_falls_with_errors_and_controls() -> None:
    """More of either shows smaller shares; with hardly any, nothing below 100 % shows."""
    found = [sharpness(replace(GOOD, n_W=n, n_controls=10), m_fail=0.1) for n in (50, 200, 2000)]
    assert found == sorted(found, key=lambda s: -(s or 0.0))
    assert len(set(found)) == 3
    assert sharpness(replace(GOOD, n_W=2, n_controls=3), m_fail=0.1) is None


@pytest.mark.parametrize("kappa", [0.0, 0.2, 0.4])
def test_power_is_that_of_simulated_audits_planted(kappa: float) -> None:
    """300 audits of 10 controls on 150 teacher errors: the share that is found lies within .06 of the formula.

    Three quarters of the errors every model avoids or makes with its own small chance; none has a seed effect.
    """
    rng = np.random.default_rng(11)
    n, k, n_audits = 150, 10, 300
    chance = rng.choice([0.05, 0.9], p=[0.75, 0.25], size=n)
    labels, teacher = np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64)

    def model() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.where(rng.random(n) < chance, 1, 0)

    found = 0
    for _ in range(n_audits):
        student = np.where(rng.random(n) < kappa, 1, model())
        panel = panel_of_answers(
            labels=labels, teacher=teacher, students=[student], independent=[model() for _ in range(k)]
        )
        p = kappa_W(sample_of(panel)).p_value
        found += p is not None and p <= 0.05
    design = Design(
        n_W=n,
        n_controls=k,
        agreement=float(chance.mean()),
        between_examples=float((chance * (1 - chance)).mean()),
        between_seeds=0.0,
    )
    assert found / n_audits == pytest.approx(fail_power(design, kappa, m_fail=0.0), abs=0.06)
