"""KD203: where repeated errors come from. A finding: it never changes the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kdaudit.policy.evidence import effect
from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import bare
from kdaudit.types import Assessment, Evidence, RuleOutcome, RuleStatus

Attribution = Literal["this_teacher", "unproven"]


def attribution(assessment: Assessment, limits: Limits) -> Attribution:
    """'this_teacher' if p(kappa_W), p(DID), the smallest Holm p of functional transfer and p(ATD) are all <= alpha.

    p(ATD) is asked for where there are enough alternate controls to test against. Without them, a student more accurate
    than its controls (the tilt guard's bound) is never traced: better networks are closer to a good teacher, its errors
    included, whoever taught them, and no comparison with worse ones tells these apart (docs/validity.md).
    """
    p_values = [effect(assessment, "kappa_W").p_value, effect(assessment, "did").p_value]
    p_values.append(min(assessment.transfer_holm.values(), default=None))
    if _tested_against_another(assessment, limits):
        p_values.append(effect(assessment, "atd").p_value)
    if assessment.fitness.n_W < limits.min_stratum or _better_than_compared(assessment, limits):
        return "unproven"
    return "this_teacher" if all(p is not None and p <= limits.alpha for p in p_values) else "unproven"


def origin(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD203: where the errors come from. Shown is the weaker of what tells this teacher from others."""
    shown = _weaker(assessment, limits)
    kappa_p = effect(assessment, "kappa_W").p_value
    status = RuleStatus.FINDING
    if attribution(assessment, limits) == "this_teacher":
        reason = (
            "From this teacher: wrong knowledge, closeness to this teacher and not to other models, and transfer are "
            "all above chance."
        )
        if _tested_against_another(assessment, limits):
            n = effect(assessment, "atd").n_controls
            reason += f" It repeats them more than {n} students of another teacher do."
    elif kappa_p is None or kappa_p > limits.alpha:
        status = RuleStatus.NOT_JUDGED
        reason = "No wrong knowledge above chance whose origin could be asked for."
    else:
        reason = f"Shared with other models, origin unproven: {'; '.join(_against(assessment, limits))}."
    few = effect(assessment, "atd").n_controls
    if 0 < few < limits.min_controls:
        reason += (
            f" Students of another teacher are shown, not tested: {few} of at least {limits.min_controls}."
        )
    return RuleOutcome(
        rule="KD203",
        title="Where the errors come from",
        level="finding",
        status=status,
        observed=shown.estimate,
        unit="share",
        low=shown.low,
        high=shown.high,
        required=f"each p ≤ {bare(limits.alpha)}",
        n=shown.n or None,
        p_value=shown.p_value,
        reason=reason,
    )


def _tested_against_another(assessment: Assessment, limits: Limits) -> bool:
    return effect(assessment, "atd").n_controls >= limits.min_controls


def _better_than_compared(assessment: Assessment, limits: Limits) -> bool:
    better = effect(assessment, "tilt").estimate is not None
    return better and not _tested_against_another(assessment, limits)


def _weaker(assessment: Assessment, limits: Limits) -> Evidence:
    did, atd = effect(assessment, "did"), effect(assessment, "atd")
    if not _tested_against_another(assessment, limits) or atd.p_value is None or did.p_value is None:
        return did
    return atd if atd.p_value > did.p_value else did


def _against(assessment: Assessment, limits: Limits) -> Iterator[str]:
    """What speaks against this teacher as the origin, each as a clause."""
    if assessment.fitness.n_W < limits.min_stratum:
        yield f"its {assessment.fitness.n_W} errors are too few to tell"
    if _better_than_compared(assessment, limits):
        yield (
            "the student is more accurate than its controls, and better networks are closer to the teacher by "
            "themselves (compare with students of another teacher: --alternate-teacher)"
        )
    atd, did = effect(assessment, "atd"), effect(assessment, "did")
    if _tested_against_another(assessment, limits) and not _counts(atd.p_value, limits):
        yield f"students of another teacher may repeat these errors as often{_note(atd)}"
    if not _counts(did.p_value, limits):
        yield f"the student may be as close to its controls’ errors as to this teacher’s{_note(did)}"
    if not _counts(min(assessment.transfer_holm.values(), default=None), limits):
        yield "its function may be no closer to this teacher than theirs"


def _counts(p: float | None, limits: Limits) -> bool:
    return p is not None and p <= limits.alpha


def _note(found: Evidence) -> str:
    return f" ({found.note})" if found.note else ""
