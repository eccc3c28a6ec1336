"""What was found of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that audits need or can use: it works, is broken, or is not there and need not be ('note')."""

    what: str
    state: Literal["works", "broken", "note"]
    found: str
    advice: str = ""
