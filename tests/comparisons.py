"""Invented comparisons of two audits for tests of documents."""

from __future__ import annotations

from typing import Literal

from kdaudit.schema import ChangedError, ComparedAudit, ComparisonResult, EffectRecord
from kdaudit.types import Outcome
from tests.factories import CLASSES


def compared_audit(
    student: str, verdict: Outcome, kappa: float, accuracy: float, n_inherited: int
) -> ComparedAudit:
    """One of the two audits."""
    return ComparedAudit(
        students=(student,),
        sha256=("ab" * 32,),
        verdict=verdict,
        kappa_W=kappa,
        accuracy=accuracy,
        n=10_000,
        n_controls=10,
        n_inherited=n_inherited,
        started="2027-03-01T10:00:00+00:00",
        signature="kdaudit:0.1.0|T:...",
    )


def comparison(
    outcome: Literal["regression", "no_regression", "inconclusive"] = "regression",
    *,
    n_errors: int = 30,
    students: tuple[str, str] = ("old.onnx", "new.onnx"),
    class_names: tuple[str, ...] = CLASSES,
    **changed: object,
) -> ComparisonResult:
    """A comparison with so many new, and so many gone, inherited errors."""
    errors = [ChangedError(id=str(100 + i), label=6, answer=4, before=6, after=4) for i in range(n_errors)]
    gone = [ChangedError(id=str(500 + i), label=2, answer=6, before=6, after=2) for i in range(n_errors)]
    return ComparisonResult(
        outcome=outcome,
        reason="The share of the teacher’s errors taken over went from 3 % to 15 %, more than another seed explains. "
        "The verdict is PASS, as before.",
        exit_code=1 if outcome == "regression" else 0,
        teacher="teacher.onnx",
        data="fashion",
        class_names=class_names,
        before=compared_audit(students[0], Outcome.PASS, 0.03, 0.891, 40),
        after=compared_audit(students[1], Outcome.PASS, 0.15, 0.888, 40),
        n=9_900,
        n_W=880,
        n_only_before=100,
        n_only_after=50,
        n_other_answers=1,
        controls="shared",
        rise=EffectRecord(estimate=0.12, low90=0.06, high90=0.18, p=0.002),
        margin=0.05,
        accuracy=EffectRecord(estimate=-0.003, low90=-0.008, high90=0.002, p=0.8),
        new_errors=tuple(errors),
        gone_errors=tuple(gone),
        n_kept=10,
    ).model_copy(update=changed)
