"""What all documents share: versions, the base record, and an effect."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal["1.0"] = "1.0"
METHOD_VERSION = "1.1"

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Document(BaseModel):
    """Base of every record on disk: unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EffectRecord(Document):
    """An estimate with its 90 % interval and one-sided p; `controls` as if each were the student."""

    estimate: float | None
    low90: float | None
    high90: float | None
    p: Share | None
    z: float | None = None
    cliffs_delta: float | None = None
    rank_p: Share | None = None
    controls: tuple[float, ...] = ()
    status: Literal["ok", "differences-only", "undefined"] = "ok"
    note: str = ""
