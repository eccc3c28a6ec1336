"""Options that are about errors, which only labels know: refused where the evaluation data has none."""

from __future__ import annotations

from kdaudit.errors import SpecError
from kdaudit.judge_options import JudgeSpec
from kdaudit.options import AuditSpec

_NEEDS_LABELS = {
    "baseline": "compares the errors of two audits",
    "split_eval": "trains controls on the labels of the evaluation data",
    "alternate_teacher": "asks where errors come from",
    "alternate_control": "asks where errors come from",
    "expect_teacher_accuracy": "compares an accuracy",
    "expect_student_accuracy": "compares an accuracy",
}


def refuse_with_unlabelled(spec: AuditSpec, files: JudgeSpec | None = None) -> None:
    """Return if nothing is asked for that the labels would have to answer.

    Raises:
        SpecError: something is.
    """
    if not spec.unlabelled:
        return
    for name, does in _NEEDS_LABELS.items():
        if getattr(spec, name, None) or getattr(files, name, None):
            option = f"--{name.replace('_', '-')}"
            raise SpecError(
                f"expected no {option} with --unlabelled, found both: {option} {does}",
                hint=f"leave out {option}, or give labels and leave out --unlabelled",
            )
