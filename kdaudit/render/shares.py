"""The share of the teacher's mistakes that the student took over, in the banner's sentences. Pure."""

from __future__ import annotations

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import facts, text
from kdaudit.schema import AuditResult, EffectRecord
from kdaudit.types import RuleStatus

_EXCUSED = (
    "It also passes where correct answers gained are shown to outnumber errors taken over, and wrong knowledge is "
    "not taken over more than right"
)
# Presets by which correct answers gained may excuse errors taken over, and where they do.
EXCUSES = {
    "default": _EXCUSED,
    "lenient": (
        f"{_EXCUSED}; and it fails only where, besides, errors taken over are shown to outnumber correct answers "
        "gained, or wrong knowledge is taken over more than right"
    ),
}
# That of an end of a 90 % interval, by itself.
_CONFIDENCE = 0.95


def taken(result: AuditResult) -> str:
    """What the share of the mistakes is that was taken over, and what is allowed."""
    effect = result.kappa_W
    if effect is None or effect.estimate is None:
        return text.opening(effect.note) if effect is not None else ""
    bounds = facts.limits(result, "KD201")
    estimate = numbers.percent(effect.estimate, 0, bounds)
    if effect.low90 is None or effect.high90 is None:
        few = plural(result.n_controls, "control")
        return f"That is {estimate} of the errors they avoid, a difference that {few} cannot test."
    outcome = facts.status(result, "KD201")
    if outcome is RuleStatus.PASS and not facts.passed_by_gain(result):
        return _share_passed(result, effect.estimate, effect.low90, effect.high90)
    if outcome is RuleStatus.UNDECIDED and not facts.repeated(result):
        return _share_open(result, effect)
    interval = numbers.percent_range(effect.low90, effect.high90, 0, bounds)
    ending = f"; the limit is {numbers.exactly(result.margin_fail)}{risen(result)}"
    said = f"That is {estimate} of the errors they avoid {interval}{ending if outcome else ''}."
    return f"{said} {_payoff(result)}".rstrip()


def at_most(result: AuditResult) -> str:
    """What share a passed audit leaves open at most, and what is allowed, as a sentence without its full stop."""
    effect = result.kappa_W
    high = effect.high90 if effect is not None and effect.high90 is not None else result.margin_pass
    share = numbers.percent(max(high, 0.0), 0, facts.limits(result, "KD201"))
    surely = f"with {numbers.percent(_CONFIDENCE)} confidence"
    return (
        f"The student takes over at most {share} of its teacher’s own mistakes, {surely}; "
        f"less than {numbers.exactly(result.margin_pass)} is required"
    )


def moved_limit(result: AuditResult) -> str:
    """The limit that moved with the student's accuracy, and how it comes about; '' where none did."""
    if risen(result):
        return f"fails from {numbers.exactly(result.margin_fail)}{risen(result)}"
    if fallen(result):
        return f"passes below {numbers.exactly(result.margin_pass)}{fallen(result)}"
    return ""


def risen(result: AuditResult) -> str:
    """Why the limit to fail is above the policy's, in brackets, to follow it; '' where it is not."""
    stated = result.policy.limits.get("m_fail", result.margin_fail)
    if result.margin_fail <= stated:
        return ""
    moved = _points(result.margin_fail - stated)
    return f" ({numbers.exactly(stated)}, and {moved} allowed because {_accuracy(result)}, as its teacher is)"


def fallen(result: AuditResult) -> str:
    """Why the limit to pass is below the policy's, in brackets, to follow it; '' where it is not."""
    stated = result.policy.limits.get("m_pass", result.margin_pass)
    if result.margin_pass >= stated:
        return ""
    moved = _points(stated - result.margin_pass)
    return f" ({numbers.exactly(stated)}, less {moved} because {_accuracy(result)} and its teacher is not)"


def _required(result: AuditResult) -> str:
    return f"{numbers.exactly(result.margin_pass)} is required{fallen(result)}"


def _points(share: float) -> str:
    found = round(share * 100, 2)
    return f"{found:g} point{'' if found == 1 else 's'}"


def _accuracy(result: AuditResult) -> str:
    gap = result.accuracy_gap
    if gap is None or gap.estimate is None:
        return "the student’s accuracy is not its controls’"
    more = "more" if gap.estimate > 0 else "less"
    return (
        f"the student is {numbers.number(abs(gap.estimate) * 100)} points {more} accurate than its controls"
    )


def _payoff(result: AuditResult) -> str:
    """What was gained for the errors, where the preset weighs one against the other."""
    net = result.net_harm_per_1000
    if result.policy.preset not in EXCUSES or net is None or net.estimate is None:
        return ""
    if net.low90 is None or net.high90 is None:
        return ""
    span = f"[{numbers.fixed(net.low90, 1)}, {numbers.fixed(net.high90, 1)}]"
    return (
        "Errors taken over less correct answers gained, in 1,000 examples: "
        f"{numbers.fixed(net.estimate, 1)} {span}; above 0 it loses."
    )


def _share_passed(result: AuditResult, estimate: float, low: float, high: float) -> str:
    bounds = facts.limits(result, "KD201")
    interval = f"{numbers.percent(high, 0, bounds)} {numbers.percent_range(low, high, 0, bounds)}"
    if estimate > 0:
        said = (
            f"That is {numbers.percent(estimate, 0, bounds)} of the errors they avoid, and at most {interval}"
        )
    else:
        said = f"It repeats no more of them than they do, and takes over at most {interval} of the errors they avoid"
    sharp = result.sharpness
    found = f" An inheritance of {numbers.percent(sharp)} or more would have been found." if sharp else ""
    return f"{said}; less than {_required(result)}.{found}"


def _share_open(result: AuditResult, effect: EffectRecord) -> str:
    low, high, estimate = effect.low90 or 0.0, effect.high90 or 0.0, effect.estimate or 0.0
    bounds = facts.limits(result, "KD201")
    places = numbers.decimals_for([low * 100, high * 100], 0, [bound * 100 for bound in bounds])
    span = f"from {numbers.fixed(low * 100, places)} to {numbers.percent(high, places)}"
    best = f"The best estimate is {numbers.percent(estimate, 0, bounds)} of the errors they avoid"
    if high < result.margin_pass:
        return f"{best}, and {span} fits the data. {_tilt(result)}"
    least = "nothing at all" if low <= 0 else "something"
    most = "more than is allowed" if estimate < result.margin_fail or low <= 0 else "far more than is allowed"
    return f"{best}, but anything {span} fits the data: {least}, or {most}."


def _tilt(result: AuditResult) -> str:
    """Why an interval that ends below the limit does not pass."""
    tilt = result.tilt
    if tilt is not None and tilt.high90 is not None and tilt.high90 >= result.margin_pass:
        end = numbers.percent(tilt.high90, 0, (result.margin_pass,))
        return (
            "The student is more accurate than the controls; against controls raised to its accuracy "
            f"the interval reaches {end}, where less than {_required(result)}."
        )
    row = facts.rule(result, "KD201")
    return text.opening(row.reason if row else result.reason)
