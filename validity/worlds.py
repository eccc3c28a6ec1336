"""Invented worlds in which the truth is known: networks that err independently but for what examples are difficult."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdaudit.stats.sample import Sample
from kdaudit.types import Bool, Int64
from tests.panels import panel_of_answers, sample_of

N_CLASSES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How networks err.

    error: mean error rate. seed_sd: of a network's skill on the logit scale: the seed variance. copied: the
    probability with which the student repeats the teacher; on its errors alone if `where` is 'wrong', on its correct
    answers alone if 'right', on both if 'all'.
    """

    n: int
    n_controls: int
    seed_sd: float
    error: float = 0.1
    copied: float = 0.0
    where: str = "all"

    def answers(self, rng: np.random.Generator) -> Int64:
        """Rows: labels, teacher, student, controls; (3 + K, n).

        Difficult examples are wrong in all models more often, and wrong answers have a favourite: so errors coincide
        without any teacher.
        """
        n = self.n
        labels = rng.integers(N_CLASSES, size=n)
        difficulty = rng.normal(size=n) * 1.5 - _OFFSETS[self.error]
        favourite = (labels + rng.integers(1, N_CLASSES, size=n)) % N_CLASSES

        def network() -> Int64:
            p_wrong = 1 / (1 + np.exp(-(difficulty + rng.normal() * self.seed_sd)))
            other = (labels + rng.integers(1, N_CLASSES, size=n)) % N_CLASSES
            wrong = np.where(rng.random(n) < 0.7, favourite, other)
            return np.where(rng.random(n) < p_wrong, wrong, labels)

        rows = [labels, network(), network(), *(network() for _ in range(self.n_controls))]
        rows[2] = np.where((rng.random(n) < self.copied) & self._may_copy(labels, rows[1]), rows[1], rows[2])
        return np.array(rows)

    def _may_copy(self, labels: Int64, teacher: Int64) -> Bool:
        wrong: Bool = teacher != labels
        return {"all": np.ones_like(wrong), "wrong": wrong, "right": ~wrong}[self.where]


def sample_from(rows: Int64, *, n_controls: int) -> Sample:
    """The Sample of a world's rows, with its first `n_controls` controls."""
    return sample_of(
        panel_of_answers(
            labels=rows[0],
            teacher=rows[1],
            students=[rows[2]],
            independent=list(rows[3 : 3 + n_controls]),
            n_classes=N_CLASSES,
        )
    )


# By mean error rate: what is taken from a difficulty of sd 1.5 on the logit scale.
_OFFSETS = {0.02: 4.907, 0.05: 3.846, 0.1: 2.954, 0.2: 1.909, 0.3: 1.189}
