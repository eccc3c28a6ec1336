"""All rules in order, and the verdict they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kdaudit.policy.knowledge_rules import asymmetry, attribution
from kdaudit.policy.limits import Limits
from kdaudit.types import Assessment, Outcome, RuleOutcome, RuleStatus, Verdict

Rule = Callable[[Assessment, Limits], RuleOutcome]


def judge(rules: Mapping[str, Rule], assessment: Assessment, limits: Limits) -> Verdict:
    """The verdict: closed by default, nothing measured is never a pass.

    In this order: a violated fitness rule of level error -> inconclusive; another violated rule of level error ->
    fail; KD201 undecided -> inconclusive; else pass.
    """
    outcomes = tuple(rule(assessment, limits) for rule in rules.values())
    unfit = [o for o in outcomes if o.fitness and o.level == "error" and o.status is RuleStatus.UNDECIDED]
    failed = [o for o in outcomes if not o.fitness and o.level == "error" and o.status is RuleStatus.FAIL]
    open_ones = [o for o in outcomes if o.level == "error" and not o.fitness and _is_open(o)]
    if unfit:
        outcome, deciding = Outcome.INCONCLUSIVE, unfit
    elif failed:
        outcome, deciding = Outcome.FAIL, failed
    elif open_ones:
        outcome, deciding = Outcome.INCONCLUSIVE, open_ones
    else:
        outcome, deciding = Outcome.PASS, [o for o in outcomes if o.rule == "KD201"]
    return Verdict(
        outcome=outcome,
        reason=" ".join(o.reason for o in deciding),
        asymmetry=asymmetry(assessment, limits) if not unfit else "undetermined",
        attribution=attribution(assessment, limits) if not unfit else "unproven",
        rules=outcomes,
    )


def _is_open(outcome: RuleOutcome) -> bool:
    return outcome.status in (RuleStatus.UNDECIDED, RuleStatus.NOT_JUDGED)
