"""The verdict in words: the banner's sentences and the names of outcomes. Pure: the same audit, the same words.

S is the student, T the teacher; present tense, counts before shares; no Greek, nothing is "significant".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kdaudit import numbers
from kdaudit.numerics import listing, plural
from kdaudit.render import facts, shares, stated, text
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome, RuleStatus

Mark = Literal["unfit", "fail", "undecided", "warning", "not_judged", "waived", "finding", "pass"]

WORDS: dict[Mark, str] = {
    "unfit": "Unfit",
    "fail": "Fail",
    "undecided": "Undecided",
    "warning": "Warning",
    "not_judged": "Not judged",
    "waived": "Waived",
    "finding": "Finding",
    "pass": "Pass",
}
Distance = Literal["activation", "js", "rank", "prediction"]
DISTANCES: dict[Distance, str] = {
    "activation": "Activation distance",
    "js": "Jensen–Shannon divergence",
    "rank": "Rank disagreement",
    "prediction": "Prediction disagreement",
}
VERDICTS = {Outcome.PASS: "PASS", Outcome.FAIL: "FAIL", Outcome.INCONCLUSIVE: "INCONCLUSIVE"}

# What the student did, where a rule other than KD201 failed; the subject is "The student".
_DEEDS = {
    "KD202": "takes over wrong knowledge more than right",
    "KD204": "shares more errors with its teacher alone than chance explains",
    "KD205": "takes over more of its teacher’s mistakes than the one of the earlier audit",
    "KD401": "is less accurate than allowed",
    "KD402": "loses more correct answers than allowed",
    "KD403": "is worse calibrated than allowed",
    "KD404": "is worse in single classes than allowed",
    "KD405": "is worse in single slices than allowed",
}
_TAKEN = "The student has taken over its teacher’s mistakes"
_GAINS = "The student gains more from its teacher than it takes over mistakes"
_TAKEN_OPEN = f"{_TAKEN}; whether it gains more, the data cannot say"
_LITTLE = 0.1
_CANNOT_SAY = "The data cannot say whether the student took over its teacher’s mistakes"


@dataclass(frozen=True, slots=True)
class Headline:
    """The banner: verdict word, what stands under it, the sentence for a manager and the numbers for it."""

    word: str
    aside: str
    lead: str
    body: tuple[str, ...]


def mark(row: RuleRecord) -> Mark:
    """The outcome of a rule as it is shown; a violated fitness rule is "unfit"."""
    return "unfit" if facts.is_unfit(row) else row.outcome.value


def headline(result: AuditResult) -> Headline:
    """The verdict of an audit in words."""
    return Headline(VERDICTS[result.verdict], aside(result), lead(result) + ".", body(result))


def aside(result: AuditResult) -> str:
    """What stands under the verdict word: how the rules ended, in short."""
    counts = Counter(mark(row) for row in result.rules)
    if result.verdict is Outcome.FAIL:
        parts = [f"{_rules(counts['fail'])} failed", *_few(counts, "warning", "waived")]
    elif result.verdict is Outcome.PASS:
        parts = [f"{_rules(counts['pass'])} passed", *_few(counts, "warning", "waived", "not_judged")]
    else:
        parts = _few(counts, "unfit", "fail", "undecided", "warning") or _few(counts, "not_judged")
        return f"{', '.join(parts) or 'No rule was judged'}. Not a pass (exit code {result.exit_code})."
    return ", ".join(parts)


def count_rules(result: AuditResult) -> str:
    """How many rules ended in which way, in the report's order."""
    counts = Counter(mark(row) for row in result.rules)
    if not counts:
        return "No rule was judged."
    words = {
        "unfit": "make the audit unfit" if counts["unfit"] > 1 else "makes the audit unfit",
        "fail": "failed",
        "undecided": "undecided",
        "warning": "warning" if counts["warning"] == 1 else "warnings",
        "not_judged": "could not be judged",
        "waived": "waived",
        "finding": "finding" if counts["finding"] == 1 else "findings",
        "pass": "passed",
    }
    return ", ".join(f"{counts[kind]} {words[kind]}" for kind in WORDS if counts[kind]) + "."


def lead(result: AuditResult) -> str:
    """The banner's first sentence, without its full stop."""
    if facts.nothing_measured(result):
        return "The audit measured nothing"
    if facts.unfit_rules(result):
        return "This audit is not fit for a verdict"
    on_mistakes = _lead_on_mistakes(result)
    failed = [row for row in result.rules if row.outcome is RuleStatus.FAIL]
    others = [row for row in failed if row.id != "KD201"]
    if result.verdict is Outcome.FAIL and len(failed) == len(others):
        return _failed_elsewhere(result, others, on_mistakes)
    return on_mistakes


def body(result: AuditResult) -> tuple[str, ...]:
    """The banner's further sentences, one paragraph each."""
    if facts.nothing_measured(result) or not result.data.has_labels:
        return (text.opening(result.reason),)
    broken = facts.unfit_rules(result)
    if broken:
        reasons = " ".join(text.opening(row.reason or row.title) for row in broken)
        return (reasons, "The numbers below are shown as they were measured; no verdict is drawn from them.")
    parts = [_counts(result), shares.taken(result), _most_affected(result), _origin(result)]
    said = " ".join(part for part in parts if part)
    extra = _waived_reasons(result) if result.verdict is Outcome.PASS else _failed_reasons(result)
    return tuple(part for part in (said or text.opening(result.reason), extra) if part)


def _lead_on_mistakes(result: AuditResult) -> str:
    """What the rule on inherited mistakes says, whatever the other rules say."""
    outcome = facts.status(result, "KD201")
    waived = sum(row.outcome is RuleStatus.WAIVED for row in result.rules)
    if outcome is RuleStatus.FAIL:
        return _TAKEN + _right_too(result)
    if outcome is RuleStatus.WARNING:
        return f"{_TAKEN}; here this only warns"
    if outcome is RuleStatus.WAIVED:
        return f"{_TAKEN}; the rule against it is waived"
    if outcome is RuleStatus.PASS:
        passed = _GAINS if facts.passed_by_gain(result) else shares.at_most(result)
        return passed + (f"; {plural(waived, 'rule')} waived" if waived else "")
    if outcome is RuleStatus.UNDECIDED:
        return _TAKEN_OPEN if facts.repeated(result) else _CANNOT_SAY
    if not result.data.has_labels:
        return "Without labels it cannot be said whether the student took over its teacher’s mistakes"
    if outcome is RuleStatus.NOT_JUDGED:
        return "Whether the student took over its teacher’s mistakes could not be judged"
    return "Whether the student took over its teacher’s mistakes was not asked"


def _failed_elsewhere(result: AuditResult, others: Sequence[RuleRecord], on_mistakes: str) -> str:
    deeds = [_DEEDS[row.id] for row in others if row.id in _DEEDS]
    untold = [text.short(row.title) for row in others if row.id not in _DEEDS]
    said = f"The student {listing(deeds)}" if deeds else ""
    if untold:
        failed = f"{'a rule' if len(untold) == 1 else 'rules'} failed: {'; '.join(untold)}"
        said = f"{said}; {failed}" if said else failed[0].upper() + failed[1:]
    few_taken = facts.status(result, "KD201") is RuleStatus.PASS and not facts.passed_by_gain(result)
    if few_taken and any(row.id == "KD205" for row in others):
        return f"{said}; without that comparison it would not fail for them"
    return f"{said}. {on_mistakes}"


def _right_too(result: AuditResult) -> str:
    """How much right knowledge came along, where it is less than the wrong."""
    right = result.kappa_R
    if result.asymmetry != "negative" or right is None or right.estimate is None or right.low90 is None:
        return ""
    if right.low90 <= 0 or right.estimate < _LITTLE:
        return ", and little of what the teacher does better"
    return ", more than what the teacher does better"


def _counts(result: AuditResult) -> str:
    controls, repeated = facts.controls_repeat(result), result.n_repeated_W
    if controls is None or repeated is None or result.n_W is None:
        return ""
    return (
        f"Where the teacher is wrong, the student gives the same wrong answer {_times(repeated)} in "
        f"{numbers.count(result.n_W)}; networks trained without the teacher do so {_times(round(controls))}."
    )


def _most_affected(result: AuditResult) -> str:
    inherited = result.inherited
    if not facts.taken_over(result) or not inherited or not inherited.pairs:
        return ""
    if inherited.fdr > facts.LARGEST_FDR:
        return ""
    pair = max(inherited.pairs, key=lambda row: row.n)
    label, answer = (text.short(facts.class_name(result, index)) for index in (pair.label, pair.answer))
    return f"Most affected: {label}, taken for {answer}."


def _origin(result: AuditResult) -> str:
    if not facts.taken_over(result):
        return ""
    if result.attribution == "this_teacher":
        return "The errors come from this teacher."
    return "The origin is unproven: students of other teachers may share these errors."


def _failed_reasons(result: AuditResult) -> str:
    """The reasons of failed rules that the numbers above do not give."""
    told = {"KD201", "KD202"} if facts.status(result, "KD201") is RuleStatus.FAIL else {"KD201"}
    rows = [row for row in result.rules if row.outcome is RuleStatus.FAIL and row.id not in told]
    return " ".join(text.opening(row.reason or row.title) for row in rows)


def _waived_reasons(result: AuditResult) -> str:
    rows = [row for row in result.rules if row.outcome is RuleStatus.WAIVED]
    return " ".join(text.sentence(f"{row.id} is {stated.waived(row)}") for row in rows)


def count_controls(result: AuditResult) -> str:
    """How many controls of the kinds that are compared with, in words."""
    counts = f"{result.n_controls} independent"
    if result.n_alternate:
        return f"{counts}, {result.n_random} random and {result.n_alternate} alternate controls"
    return f"{counts} and {result.n_random} random controls"


def _rules(n: int) -> str:
    return plural(n, "rule")


def _few(counts: Counter[Mark], *kinds: Mark) -> list[str]:
    """Counts for the banner's aside; a warning is the only outcome with a plural."""
    nouns = {"not_judged": "not judged", "warning": "warnings", "fail": "failed", "waived": "waived"}
    said = [(counts[kind], nouns.get(kind, kind)) for kind in kinds if counts[kind]]
    return [f"{n} {'warning' if noun == 'warnings' and n == 1 else noun}" for n, noun in said]


def _times(n: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(n, f"{numbers.count(n)} times")
