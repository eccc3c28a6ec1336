"""Evidence by its name, as the rules ask for it."""

from __future__ import annotations

from kdaudit.types import BaseAssessment, Evidence

_MISSING = Evidence(procedure="missing", status="undefined", note="it was not measured")


def effect(assessment: BaseAssessment, name: str) -> Evidence:
    """The evidence of that name; an undefined one where it was not measured."""
    return assessment.effects.get(name, _MISSING)
