"""The sentence that opens each section of a report. Pure; what was not measured is said, with the reason."""

from __future__ import annotations

from kdaudit import numbers
from kdaudit.numerics import listing, plural
from kdaudit.render import facts, text
from kdaudit.schema import AuditResult, EffectRecord, ModelRecord
from kdaudit.types import RuleStatus

_NO_MORE_ALIKE = "No more like the teacher in error than networks that never saw it."
_COUNTS = ("no", "one", "two", "three", "four")
_CLOSE_SHARE = 0.5


def of_numbers(result: AuditResult) -> str:
    """Section 2: accuracy against what was taken over."""
    if not result.data.has_labels:
        return not_measured(facts.NO_LABELS)
    if facts.nothing_measured(result):
        return not_measured(result.reason)
    if facts.unfit_rules(result):
        return "As measured; this audit is not fit for a verdict, so the numbers decide nothing."
    outcome = facts.status(result, "KD201")
    accurate = against_controls(result.accuracy_gap)
    if facts.taken_over(result):
        healthy = accurate != "Less accurate than"
        return (
            "Accuracy looks healthy; what was copied does not."
            if healthy
            else "Less accurate than without the teacher, and the teacher’s mistakes came along."
        )
    if outcome is RuleStatus.PASS:
        return _of_passed(result, accurate)
    if outcome is RuleStatus.UNDECIDED:
        return "The interval is too wide for a verdict."
    if not facts.measured(result.kappa_W):
        return f"What was taken over was not measured: {_reason(result, 'kappa_w', 'there are no controls')}"
    return "The student against its teacher and against networks trained without it."


def _of_passed(result: AuditResult, accurate: str) -> str:
    """What the rule on errors found where it passed: none, few, or more gained for them."""
    effect = result.kappa_W
    opening = f"{accurate} without the teacher" if accurate else ""
    if facts.passed_by_gain(result):
        said = "more correct answers were gained than mistakes taken over"
    elif effect is not None and effect.p is not None and effect.p <= facts.limit(result, "alpha"):
        said = "few of the teacher’s mistakes were taken over"
    else:
        return f"{opening}, and no more like it in error." if opening else _NO_MORE_ALIKE
    return f"{opening}; {said}." if opening else text.opening(said)


def against_controls(gap: EffectRecord | None) -> str:
    """How accurate the student is against the controls, as an opening; empty where it was not measured."""
    if gap is None or gap.estimate is None:
        return ""
    level = gap.estimate == 0 or (
        gap.low90 is not None and gap.high90 is not None and gap.low90 <= 0 <= gap.high90
    )
    if level:
        return "As accurate as"
    return "More accurate than" if gap.estimate > 0 else "Less accurate than"


def of_transfer(result: AuditResult) -> str:
    """Section 4: whether the student's function is closer to the teacher's."""
    rows = list(result.transfer.values())
    if not rows:
        return not_measured(facts.why_missing(result, "transfer", "there are no controls to compare with"))
    if all(row.p is None for row in rows):
        return "Not tested: with fewer than three controls only differences can be shown."
    close = [row for row in rows if row.p is not None and row.p <= facts.limit(result, "alpha")]
    total = "all" if len(close) == len(rows) else f"{_word(len(close))} of"
    if not close:
        return (
            f"No sign of it: in none of {_word(len(rows))} {_measures(len(rows))} is the student closer to the "
            "teacher than chance allows."
        )
    closest = all(row.independent and row.student < min(row.independent) for row in close)
    than = "that of any independent control" if closest else "chance allows"
    opening = "As measured, without a verdict:" if facts.unfit_rules(result) else "Yes:"
    return (
        f"{opening} the student’s function is closer to this teacher than {than}, "
        f"in {total} {_word(len(rows))} {_measures(len(rows))}."
    )


def of_asymmetry(result: AuditResult) -> str:
    """Section 5: wrong against right knowledge."""
    wrong, right = result.kappa_W, result.kappa_R
    if wrong is None or wrong.estimate is None:
        return not_measured(_reason(result, "kappa_w", "there are no controls to compare with"))
    shown = numbers.percent(wrong.estimate, 0, facts.limits(result, "KD201"))
    if right is None or right.estimate is None:
        why = _reason(result, "kappa_r", "controls know everything that the teacher knows")
        return f"{shown} of the wrong knowledge was taken over; the right could not be measured: {why}"
    both = (
        f"{shown} of the wrong knowledge was taken over and {numbers.percent(right.estimate)} of the right."
    )
    if not facts.tested(result.rrr):
        return f"Not tested: {both}"
    if facts.unfit_rules(result):
        return f"As measured, without a verdict: {both}"
    if result.asymmetry == "negative":
        only = "but only " if right.estimate < wrong.estimate else "and "
        return (
            f"Negative: the student took over {shown} of the wrong knowledge "
            f"{only}{numbers.percent(right.estimate)} of the right."
        )
    if result.asymmetry == "absent":
        return f"No negative asymmetry: {both}"
    return f"Open: {both} Their intervals allow for both answers."


def of_inherited(result: AuditResult) -> str:
    """Section 6: errors that only teacher and student make."""
    inherited = result.inherited
    if inherited is None:
        return not_measured(
            facts.why_missing(result, "inherited", "there are too few controls to compare with")
        )
    if inherited.n == 0:
        return f"No error is shared by teacher and student {_alone(inherited.tau)}."
    is_are = "error is" if inherited.n == 1 else "errors are"
    said = (
        f"{numbers.count(inherited.n)} {is_are} shared by teacher and student {_alone(inherited.tau)}; "
        f"chance explains {numbers.count(inherited.expected_by_chance)}."
    )
    if inherited.fdr > facts.LARGEST_FDR:
        return f"{said} There is no list to look through."
    pair = max(inherited.pairs, key=lambda row: row.n, default=None)
    if pair is not None and pair.n > inherited.n * _CLOSE_SHARE and pair.n > 1:
        label, answer = (text.short(facts.class_name(result, index)) for index in (pair.label, pair.answer))
        return f"{said} More than half are {label}, taken for {answer}."
    return said


def of_controls(result: AuditResult) -> str:
    """Section 7: whether the controls are a fair comparison."""
    independent, left_out = facts.models(result, "independent"), facts.unfit(result)
    broken = [row for row in facts.unfit_rules(result) if row.id in ("KD301", "KD305")]
    if broken:
        reasons = " ".join(text.sentence(row.reason or row.title) for row in broken)
        return f"Unfit: {reasons} No verdict is drawn from them."
    if not independent:
        return not_measured(facts.why_missing(result, "control", "there are no independent controls"))
    if left_out:
        names = listing([text.short(model.name) for model in left_out[:3]])
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        return f"{names}{more} left out as unfit; {plural(len(independent), 'independent control')} remain."
    if not result.data.has_labels:
        return _controls_without_labels(result)
    total = f"all {len(independent)}" if len(independent) > 2 else _both(len(independent))
    control = "control is" if len(independent) == 1 else "controls are"
    return f"Fit: {total} independent {control} better than guessing{_matches(result)}."


def _controls_without_labels(result: AuditResult) -> str:
    n = result.n_controls
    control = "control is" if n == 1 else "controls are"
    said = f"How accurate the {n} independent {control} on this data is not known: it has no labels."
    if result.recipe is None:
        return said
    return f"{said} On the training data {'it is' if n == 1 else 'they are'} better than guessing."


def of_calibration(result: AuditResult) -> str:
    """Section 8: whether the student's confidence can be believed."""
    student = facts.mean([model.ece for model in facts.models(result, "student")])
    if student is None:
        return not_measured(facts.why_missing(result, "calibration", "no confidences were recorded"))
    controls = facts.known([model.ece for model in facts.models(result, "independent")])
    shown = numbers.percent(student, 1)
    if not controls:
        return f"Confidence and accuracy differ by {shown} on average; there are no controls to compare with."
    average = numbers.percent(facts.mean(controls), 1)
    if student > max(controls):
        return f"The student is {confidence(facts.models(result, 'student'))} ({shown} error, controls {average})."
    if student < min(controls):
        return f"Better calibrated than every control ({shown} error, controls {average})."
    return f"As well calibrated as the controls ({shown} error, controls {average})."


def confidence(models: tuple[ModelRecord, ...]) -> str:
    """Whether the models are surer than they are right, from their reliability bins."""
    bins = [row for model in models for row in model.reliability]
    surplus = sum(row.n * (row.confidence - row.accuracy) for row in bins)
    if surplus == 0:
        return "less well calibrated than the controls"
    return "overconfident" if surplus > 0 else "underconfident"


def not_measured(reason: str) -> str:
    """The sentence for a section without data."""
    said = text.sentence(reason)
    if len(said) > 1 and said[1].islower():
        said = said[0].lower() + said[1:]
    return f"Not measured: {said}"


def _reason(result: AuditResult, effect: str, otherwise: str) -> str:
    record = {"kappa_w": result.kappa_W, "kappa_r": result.kappa_R}[effect]
    note = record.note if record is not None else ""
    return text.sentence(note or facts.why_missing(result, effect, otherwise))


def _matches(result: AuditResult) -> str:
    outcome = facts.status(result, "KD301")
    if outcome is RuleStatus.PASS and facts.measured(result.accuracy_gap):
        points = f"{facts.limit(result, 'max_accuracy_gap') * 100:g} points"
        return f", and their accuracy is within {points} of the student’s"
    return ""


def _alone(tau: int) -> str:
    return "alone" if tau == 0 else f"and at most {plural(tau, 'control')}"


def _word(n: int) -> str:
    return _COUNTS[n] if n < len(_COUNTS) else str(n)


def _measures(n: int) -> str:
    return "measure" if n == 1 else "measures"


def _both(n: int) -> str:
    return "both" if n == 2 else "the only"
