"""KD201, the rule that decides: whether the student repeats its teacher's errors, and whether it gains more.

By the margins on kappa_W alone, or weighed against the correct answers gained, where the limits let these excuse. A
preset changes which hypothesis is tested, never that a pass needs evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kdaudit.numbers import exactly, number, percent
from kdaudit.policy.allowance import NAMED, allowance, side
from kdaudit.policy.evidence import effect
from kdaudit.policy.limits import Limits
from kdaudit.policy.phrases import at_most, bare
from kdaudit.types import Assessment, Evidence, RuleOutcome, RuleStatus

Asymmetry = Literal["negative", "absent", "undetermined"]

_REPEATS = "The student repeats its teacher’s errors"
_GAINS = "The student repeats its teacher’s errors, but gains more correct answers"
_FEW = "The student repeats few of its teacher’s errors"
QUESTION = "Whether the student repeats its teacher’s errors"
_TITLES = {
    RuleStatus.FAIL: _REPEATS,
    RuleStatus.UNDECIDED: QUESTION,
    RuleStatus.PASS: "The student repeats few of its teacher’s errors, if any",
}


def wrong_knowledge(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD201: whether the student repeats its teacher’s errors beyond its controls; decides the verdict.

    Errors are repeated: p <= alpha and kappa_W >= m_fail. They are not: the upper end of kappa_W, and that of the tilt
    guard, below m_pass. These are FAIL and PASS, else undecided. By `limits.gains` "if shown", a student also PASSes,
    whatever it repeats, if it gains more than it takes over (net harm's upper end below 0) and does not copy
    lopsidedly (asymmetry absent). By "unless refuted", repeated errors moreover FAIL only if they outweigh the gain
    (net harm above 0 with p <= alpha) or copying is lopsided (asymmetry negative).
    """
    kappa = effect(assessment, "kappa_W")
    if kappa.estimate is None or kappa.p_value is None or kappa.high is None:
        found = _Finding(RuleStatus.UNDECIDED, f"Not measured: {kappa.note}.")
    else:
        repeated = kappa.p_value <= limits.alpha and kappa.estimate >= limits.m_fail
        found = _weighed(assessment, limits, repeated=repeated)
    return RuleOutcome(
        rule="KD201",
        title=found.title or _TITLES[found.status],
        level="error",
        status=found.status,
        observed=kappa.estimate,
        unit="share",
        low=kappa.low,
        high=kappa.high,
        required=_required(assessment, limits),
        n=kappa.n or None,
        p_value=kappa.p_value,
        reason=found.reason,
    )


def asymmetry(assessment: Assessment, limits: Limits) -> Asymmetry:
    """Whether wrong knowledge is taken over more than right knowledge. Method, "Verdict"."""
    ratio, kappa = effect(assessment, "rrr"), effect(assessment, "kappa_W")
    p = assessment.p_asymmetry
    if assessment.fitness.n_W < limits.min_stratum or ratio.high is None or kappa.high is None or p is None:
        return "undetermined"
    if p <= limits.alpha and ratio.estimate is not None and ratio.estimate >= limits.ratio:
        return "negative"
    if ratio.high < limits.ratio or kappa.high < limits.absent_kappa:
        return "absent"
    return "undetermined"


@dataclass(frozen=True, slots=True)
class _Finding:
    status: RuleStatus
    reason: str
    title: str = ""


def _weighed(assessment: Assessment, limits: Limits, *, repeated: bool) -> _Finding:
    """The outcome where kappa_W is known; `repeated` by the margin to fail."""
    counts, weighing = _repeats(assessment), limits.gains != "never"
    open_because = _still_open(assessment, limits)
    if weighing and (repeated or open_because) and _gain_shown(assessment, limits):
        return _Finding(RuleStatus.PASS, f"{counts} {_payoff(assessment)}", _GAINS)
    if repeated and (limits.gains != "unless refuted" or _gain_refuted(assessment, limits)):
        payoff = f" {_payoff(assessment)}" if weighing else ""
        uncertain = _uncertain(effect(assessment, "kappa_W"), limits)
        return _Finding(RuleStatus.FAIL, f"{counts}{uncertain}{payoff}")
    if open_because:
        return _Finding(RuleStatus.UNDECIDED, open_because)
    return _Finding(RuleStatus.PASS, counts, _FEW if repeated else "")


def _still_open(assessment: Assessment, limits: Limits) -> str:
    """Why the intervals of kappa_W do not show that errors are not repeated; '' if they do."""
    kappa, tilt = effect(assessment, "kappa_W"), effect(assessment, "tilt")
    if kappa.high is None or kappa.high >= limits.m_pass:
        below = kappa.low is None or kappa.low <= 0
        payoff = "" if limits.gains == "never" else f" {_payoff(assessment)}"
        return (
            f"{_repeats(assessment)} The interval reaches {exactly(limits.m_pass)}"
            f"{' and includes 0' if below else ''}.{payoff}"
        )
    if tilt.high is not None and tilt.high >= limits.m_pass:
        return (
            "The student is more accurate than its controls; against controls of its accuracy the interval "
            f"reaches {percent(tilt.high)}."
        )
    return ""


def _gain_shown(assessment: Assessment, limits: Limits) -> bool:
    net = effect(assessment, "net_harm_per_1000")
    return net.high is not None and net.high < 0 and asymmetry(assessment, limits) == "absent"


def _gain_refuted(assessment: Assessment, limits: Limits) -> bool:
    net = effect(assessment, "net_harm_per_1000")
    outweighed = net.p_value is not None and net.p_value <= limits.alpha
    return outweighed or asymmetry(assessment, limits) == "negative"


def _payoff(assessment: Assessment) -> str:
    net = effect(assessment, "net_harm_per_1000")
    if net.estimate is None or net.low is None or net.high is None:
        return "What it gains was not measured."
    taken, gained = "errors taken over", "correct answers gained"
    if net.low > 0:
        said = (
            f"{taken} outnumber {gained} by {number(net.estimate)} ({number(net.low)} to {number(net.high)})"
        )
    elif net.high < 0:
        said = f"{gained} outnumber {taken} by {number(-net.estimate)} ({number(-net.high)} to {number(-net.low)})"
    else:
        said = f"{taken} less {gained} are {number(net.estimate)} ({number(net.low)} to {number(net.high)})"
    return f"In 1,000 examples, {said}."


def _required(assessment: Assessment, limits: Limits) -> str:
    """What fails and passes, and how much of it is the student's accuracy, for which `limits` were moved."""
    moved, where = allowance(assessment, limits), side(assessment)
    added = taken = ""
    if moved >= NAMED and where == "nearer":
        added = f" ({exactly(limits.m_fail - moved)}, and {at_most(moved)} for its accuracy: see KD301)"
    if moved >= NAMED and where == "farther":
        taken = f" ({exactly(limits.m_pass + moved)}, less {at_most(moved)} for its accuracy: see KD301)"
    margins = (
        f"fail from {exactly(limits.m_fail)}{added} with p ≤ {bare(limits.alpha)}; "
        f"pass if the interval ends below {exactly(limits.m_pass)}{taken}"
    )
    if limits.gains == "never":
        return margins
    return f"{margins}, or if more is gained than taken over"


def _uncertain(kappa: Evidence, limits: Limits) -> str:
    if kappa.low is None or kappa.high is None or kappa.low >= limits.m_fail:
        return ""
    return (
        f" The share itself is uncertain ({percent(kappa.low)} to {percent(kappa.high)}), but it is estimated "
        f"at {exactly(limits.m_fail)} or more, and chance alone does not give that."
    )


def _repeats(assessment: Assessment) -> str:
    fitness, by_student = assessment.fitness, assessment.n_repeated_W
    n_w = fitness.n_W if fitness.n_errors is None else fitness.n_errors
    by_controls = assessment.n_repeated_by_controls_W
    if by_student is None or by_controls is None:
        return "Repeated errors were not counted."
    return (
        f"Where the teacher is wrong, the student gives the same wrong answer in {by_student:,} of {n_w:,} cases; "
        f"independent controls do so in {by_controls:,.0f}."
    )
