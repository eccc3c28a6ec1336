"""What all audits of one command share, and what judging one group of students gives, with labels or without."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from kdaudit.pipeline.saved import SavedAudit
from kdaudit.policy.policy import Policy
from kdaudit.schema import BaselineRecord
from kdaudit.stats.sample import BaseSample
from kdaudit.types import AnyArray, BaseAssessment, BasePanel, Role, Verdict


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What all audits of one command share; the only place where the time is read."""

    policy: Policy
    baseline: SavedAudit | None
    command: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _start: float = field(default_factory=time.monotonic)

    @property
    def day(self) -> date:
        """On which waivers hold or do not."""
        return self.began.date()

    @property
    def seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self._start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """What was found of one group of students; of a `Sample` the assessment is an `Assessment`.

    `unfit`: controls that are left out, with the reason. `inherited`: all inherited errors, as columns.
    """

    sample: BaseSample
    unfit: Mapping[str, str]
    assessment: BaseAssessment
    verdict: Verdict
    baseline: BaselineRecord | None = None
    inherited: dict[str, AnyArray] = field(default_factory=dict)


def rows_by_role(panel: BasePanel, left_out: Container[str]) -> dict[str, tuple[int, ...]]:
    """The rows of a sample by its fields, but for controls of these names."""

    def kept(role: Role) -> tuple[int, ...]:
        return tuple(row for row in panel.rows(role) if panel.models[row].name not in left_out)

    return {
        "students": tuple(panel.rows(Role.STUDENT)),
        "independent": kept(Role.INDEPENDENT),
        "random": tuple(panel.rows(Role.RANDOM)),
        "alternate": kept(Role.ALTERNATE),
    }
