"""By what an audit was judged, as far as the user can state it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from kdaudit.schema.base import Document
from kdaudit.types import WaiverState


class LimitChange(Document):
    """A limit that is not that of the preset."""

    name: str
    value: float
    preset: float


class LevelChange(Document):
    """A rule whose level is not its own."""

    rule: str
    level: Literal["off", "warn", "error"]
    default: Literal["finding", "warn", "error"]


class WaiverRecord(Document):
    """A stated waiver and what came of it; `student` is the only one that it is for."""

    rule: str
    reason: str
    expires: date
    student: str | None = None
    state: WaiverState


class PolicyRecord(Document):
    """The preset, all limits by name, what was changed, and waivers.

    `rates_lost` says, in clauses, why the published error rates do not hold; () where they do. Audits that were
    written before there were policies have no `limits`: theirs are the defaults.
    """

    preset: str = "margins"
    limits: dict[str, float] = Field(default_factory=dict)
    changed_limits: tuple[LimitChange, ...] = ()
    changed_levels: tuple[LevelChange, ...] = ()
    waivers: tuple[WaiverRecord, ...] = ()
    rates_lost: tuple[str, ...] = ()
