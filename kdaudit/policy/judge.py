"""All rules in order, each at its level and under its waivers, and the verdict they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from kdaudit.numerics import listing
from kdaudit.options import Level
from kdaudit.policy.allowance import allowing
from kdaudit.policy.deciding_rule import QUESTION, Asymmetry, asymmetry
from kdaudit.policy.limits import Limits
from kdaudit.policy.origin_rule import Attribution, attribution
from kdaudit.policy.policy import Policy
from kdaudit.policy.waivers import apply_waivers
from kdaudit.types import Assessment, ModelRef, Outcome, RuleOutcome, RuleStatus, Verdict

Rule = Callable[[Assessment, Limits], RuleOutcome]
DECIDING = "KD201"
# It is asked only where an earlier audit is named, and can fail a student that passes by itself, never hold it back.
_NEVER_OPEN = "KD205"
_FITNESS_FAMILY = "KD3"
# What was taken over: only an audit that is fit for a verdict can tell.
_TAKEN_OVER_FAMILY = "KD2"


def judge(
    rules: Mapping[str, Rule],
    assessment: Assessment,
    policy: Policy,
    *,
    students: Sequence[ModelRef],
    on: date,
) -> Verdict:
    """The verdict: closed by default, nothing measured is never a pass.

    In this order: a violated fitness rule of level error -> inconclusive; another violated rule of level error ->
    fail; KD201, or another rule of level error but KD205, undecided -> inconclusive; else pass.

    Args:
        rules: all rules by id.
        assessment: what they read.
        policy: levels, limits and waivers.
        students: whom a waiver may name.
        on: the day of the audit, with which the waivers' days are compared.
    """
    limits = allowing(assessment, policy.limits)
    return concluded(
        {name: rule(assessment, limits) for name, rule in rules.items()},
        policy,
        students=students,
        on=on,
        asymmetry=asymmetry(assessment, limits),
        attribution=attribution(assessment, limits),
    )


def concluded(
    by_rule: Mapping[str, RuleOutcome],
    policy: Policy,
    *,
    students: Sequence[ModelRef],
    on: date,
    asymmetry: Asymmetry = "undetermined",
    attribution: Attribution = "unproven",
) -> Verdict:
    """What the outcomes of rules at their own levels add up to; see `judge`.

    `asymmetry` and `attribution` are said where no fitness rule is violated.
    """
    judged = [
        at_level(outcome, policy.levels.get(name))
        for name, outcome in by_rule.items()
        if policy.levels.get(name) != "off"
    ]
    waived = apply_waivers(judged, policy.waivers, students=students, on=on)
    outcomes = waived.outcomes
    unfit = [o for o in outcomes if o.fitness and o.level == "error" and o.status is RuleStatus.UNDECIDED]
    if unfit:  # after waivers: one that such a rule would need is not said to be needless
        outcomes = tuple(
            _as_measured(o, unfit) if o.rule.startswith(_TAKEN_OVER_FAMILY) else o for o in outcomes
        )
    failed = [o for o in outcomes if not o.fitness and o.level == "error" and o.status is RuleStatus.FAIL]
    open_ones = [o for o in outcomes if not o.fitness and _is_open(o)]
    if unfit:
        outcome, deciding = Outcome.INCONCLUSIVE, unfit
    elif failed:
        outcome, deciding = Outcome.FAIL, failed
    elif open_ones:
        outcome, deciding = Outcome.INCONCLUSIVE, open_ones
    else:
        outcome, deciding = Outcome.PASS, [o for o in outcomes if o.rule == DECIDING]
    return Verdict(
        outcome=outcome,
        reason=" ".join(o.reason for o in deciding),
        asymmetry="undetermined" if unfit else asymmetry,
        attribution="unproven" if unfit else attribution,
        rules=outcomes,
        waivers=waived.states,
    )


def at_level(outcome: RuleOutcome, level: Level | None) -> RuleOutcome:
    """How a rule ends at a level that is not its own; None: at its own.

    A rule on fitness that is raised to error makes the audit inconclusive where it would have warned, and where it
    could not be judged.
    """
    if level in (None, "off", outcome.level):
        return outcome
    if level == "warn":
        lowered = RuleStatus.WARNING if outcome.status is RuleStatus.FAIL else outcome.status
        return replace(outcome, level="warn", status=lowered)
    status, fitness = outcome.status, outcome.rule.startswith(_FITNESS_FAMILY)
    if fitness and status in (RuleStatus.WARNING, RuleStatus.NOT_JUDGED):
        status = RuleStatus.UNDECIDED
    elif status is RuleStatus.WARNING:
        status = RuleStatus.FAIL
    return replace(outcome, level="error", status=status, fitness=fitness)


def _as_measured(outcome: RuleOutcome, unfit: Sequence[RuleOutcome]) -> RuleOutcome:
    """A rule's numbers without what they would mean if the audit were fit for a verdict."""
    if outcome.status in (RuleStatus.NOT_JUDGED, RuleStatus.UNDECIDED):
        return outcome  # with its own reason
    return replace(
        outcome,
        title=QUESTION if outcome.rule == DECIDING else outcome.title,
        status=outcome.status if outcome.status is RuleStatus.FINDING else RuleStatus.UNDECIDED,
        reason=f"As measured; this audit is not fit for a verdict ({listing([o.rule for o in unfit])}), so it decides "
        "nothing.",
        waiver="",
    )


def _is_open(outcome: RuleOutcome) -> bool:
    """Whether a rule that must be answered is not; the deciding rule must be at any level."""
    needed = (outcome.level == "error" and outcome.rule != _NEVER_OPEN) or outcome.rule == DECIDING
    return needed and outcome.status in (RuleStatus.UNDECIDED, RuleStatus.NOT_JUDGED)
