"""The proof in a reduced form: digits, four kinds of students, 20 seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from validity.audits import Audit
from validity.kinds import Kinds
from validity.networks import train_all
from validity.real import Bench, Cell, audits
from validity.sets import data_set

N_SEEDS = 20


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Audit, ...]]:
    """The audits of four kinds of students against a teacher that confuses two digits."""
    folder: Path = tmp_path_factory.mktemp("networks")
    kinds = Kinds(data=data_set("digits"), n_seeds=N_SEEDS)
    bench = Bench(kinds=kinds, teacher="confused", folder=folder)
    plain, smoothed = kinds.honest("independent"), kinds.honest("smoothed")
    distilled = kinds.distilled("confused", 0.9, 4.0)
    for _ in train_all([*plain, *smoothed, *distilled, *kinds.random()], folder, lambda _event: None):
        pass
    cells: list[Cell] = [
        bench.cell("independent", "honest", plain),
        bench.cell("smoothed", "honest", smoothed),
        bench.cell("copies wrong answers", "planted", plain, copied="wrong"),
        bench.cell("a = 0.9, T = 4", "distilled", distilled),
    ]
    return {cell.kind: each for cell, each in zip(cells, audits(cells), strict=True)}


def count(audits_: tuple[Audit, ...], outcome: str, preset: str = "default") -> int:
    """How many ended so."""
    return sum(each.outcomes[preset] == outcome for each in audits_)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["default", "lenient", "margins", "strict"])
def test_honest_students_rarely_fail_null(found: dict[str, tuple[Audit, ...]], preset: str) -> None:
    """No more than a rule of level 5 % shows in 999 of 1,000 such proofs; and most of them pass."""
    honest = found["independent"] + found["smoothed"]
    assert count(honest, "fail", preset) <= stats.binom.ppf(0.999, len(honest), 0.05)
    if preset != "strict":
        assert count(honest, "pass", preset) >= 0.6 * len(honest)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["default", "lenient", "margins", "strict"])
def test_students_of_a_flawed_teacher_fail_planted(found: dict[str, tuple[Audit, ...]], preset: str) -> None:
    """At least 18 of 20, and no honest student's errors are traced to this teacher."""
    assert count(found["a = 0.9, T = 4"], "fail", preset) >= 18
    traced = sum(each.attribution == "this_teacher" for each in found["independent"] + found["smoothed"])
    assert traced <= stats.binom.ppf(0.999, 2 * N_SEEDS, 0.05)


@pytest.mark.slow
def test_the_interval_holds_the_planted_share(found: dict[str, tuple[Audit, ...]]) -> None:
    """Three in ten wrong answers are copied: the mean estimate is near, and 90 % intervals hold it, as they should."""
    kappas = [each.effects["kappa_W"] for each in found["copies wrong answers"]]
    held = [k.low is not None and k.high is not None and k.low <= 0.3 <= k.high for k in kappas]
    assert sum(held) >= stats.binom.ppf(0.001, N_SEEDS, 0.9)
    assert np.mean([k.estimate for k in kappas if k.estimate is not None]) == pytest.approx(0.3, abs=0.05)
    assert 0 == count(found["copies wrong answers"], "pass", "margins")
