"""The part of a Panel that one audit tests: the students, their independent controls, the two strata.

Method, "Definitions, exactly", points 1 and 3: W are the examples that the teacher gets wrong, R the rest; the
strata are the teacher's for every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdaudit.types import BasePanel, Bool, Float64, Int64, Panel

MIN_CONTROLS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stratum:
    """Agreement with the teacher on the examples of W or of R.

    students (M, n), controls (K, n): Y_mi = 1 where model m gives the teacher's answer; groups (n,) or None.
    """

    students: Bool
    controls: Bool
    groups: Int64 | None

    @property
    def n(self) -> int:
        """Number of examples in the stratum."""
        return int(self.controls.shape[1])

    @property
    def n_units(self) -> int:
        """Number of independent units: clusters where examples are grouped, else examples."""
        return count_units(self.n, self.groups)

    @property
    def student_agreement(self) -> Float64:
        """A_x(S) (M,); [] for an empty stratum."""
        return _row_means(self.students)

    @property
    def control_agreement(self) -> Float64:
        """A_x(c_k) (K,); [] for an empty stratum."""
        return _row_means(self.controls)

    @property
    def room(self) -> float | None:
        """h_x = 1 - mean_k A_x(c_k): the share where controls do not agree with the teacher; None if unknown."""
        agreement = self.control_agreement
        return 1.0 - float(agreement.mean()) if agreement.size else None

    @property
    def headroom(self) -> float | None:
        """H_x = n_x h_x: how many examples of the stratum controls leave on average."""
        return None if self.room is None else self.n * self.room


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaseSample:
    """One or more students (seeds of one architecture) against the independent controls that are fit, without labels.

    Row numbers refer to `panel`; the teacher is row 0. `alternate` are controls that learnt from another teacher: they
    ask where wrong knowledge comes from, and never whether there is any.
    """

    panel: BasePanel
    students: tuple[int, ...]
    independent: tuple[int, ...]
    random: tuple[int, ...] = ()
    alternate: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample(BaseSample):
    """The same where labels say what is an error."""

    panel: Panel

    @property
    def teacher_wrong(self) -> Bool:
        """Membership of W (N,)."""
        wrong: Bool = self.panel.answers[0] != self.panel.labels
        return wrong

    def accuracy(self, rows: Sequence[int]) -> Float64:
        """Share of correct answers of each of the rows."""
        return _row_means(self.panel.answers[list(rows)] == self.panel.labels)

    def stratum(self, *, wrong: bool, within: Int64 | None = None) -> Stratum:
        """W (`wrong`) or R; of the examples at the positions `within` where given."""
        panel = self.panel
        if within is None:
            members = np.flatnonzero(self.teacher_wrong == wrong)
        else:
            members = within[(panel.answers[0, within] != panel.labels[within]) == wrong]
        answers, groups = panel.answers[:, members], panel.groups
        return Stratum(
            students=answers[list(self.students)] == answers[0],
            controls=answers[list(self.independent)] == answers[0],
            groups=None if groups is None else groups[members],
        )


def count_units(n: int, groups: Int64 | None) -> int:
    """How many of n examples are independent: the number of their clusters where they are grouped."""
    return n if groups is None else len(np.unique(groups))


def _row_means(values: Bool) -> Float64:
    if values.size == 0:
        return np.empty(0)
    means: Float64 = values.mean(axis=1, dtype=np.float64)
    return means
