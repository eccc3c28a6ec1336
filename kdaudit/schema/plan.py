"""What `kdaudit plan` prints, and what it reads of an audit."""

from __future__ import annotations

from typing import Literal

from kdaudit.schema.base import SCHEMA_VERSION, Document, Share


class DesignRecord(Document):
    """What decides how sharp an audit is; `kdaudit plan --from` reads it.

    `agreement`: the controls' mean agreement with the teacher on its errors; `between_examples` and `between_seeds`:
    the variance of one control's agreement that examples (per example) and seeds explain.
    """

    agreement: Share
    between_examples: float
    between_seeds: float


class PlanLine(Document):
    """What an audit with `n_controls` would need and see; None where no number of errors is enough.

    To fail: teacher errors `n_W_fail` (and examples) to find the wished effect; to pass: to show that nothing was
    taken over. `sharpness`: the smallest share that the errors at hand would show.
    """

    n_controls: int
    n_W_fail: int | None  # noqa: N815 - the method's name
    n_fail: int | None
    n_W_pass: int | None  # noqa: N815
    n_pass: int | None
    sharpness: float | None
    training_seconds: float | None


class PlanProfile(Document):
    """The lines for one expectation of how the controls behave: measured, or of a reference teacher."""

    name: str
    design: DesignRecord
    lines: tuple[PlanLine, ...]


class PlanResult(Document):
    """What it would take to see `effect` with `power`, before anything is trained.

    `n`, `n_W`: the examples and teacher errors at hand. Training times are for independent, random and positive
    controls together, and for `n_alternate` networks of another teacher (itself counted where it is to be trained); of
    one epoch where a pilot is to choose how many (`per_epoch`).
    """

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    effect: Share
    power: Share
    margin_fail: Share
    margin_pass: Share
    n: int
    n_W: int  # noqa: N815
    per_epoch: bool
    n_alternate: int = 0
    profiles: tuple[PlanProfile, ...]
