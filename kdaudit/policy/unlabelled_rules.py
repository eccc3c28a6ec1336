"""The rules on data without labels: transfer is a finding, nothing that labels decide is judged, and nothing passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from kdaudit.policy import RULES
from kdaudit.policy.fitness_rules import blocked_controls, enough_controls, left_out, no_leak
from kdaudit.policy.judge import DECIDING, concluded
from kdaudit.policy.knowledge_rules import functional_transfer
from kdaudit.policy.limits import Limits
from kdaudit.policy.policy import Policy
from kdaudit.policy.stated import blank_outcome
from kdaudit.types import BaseAssessment, ModelRef, Outcome, RuleOutcome, RuleStatus, Verdict

NO_LABELS = "The data has no labels."


def judge_unlabelled(
    assessment: BaseAssessment, policy: Policy, *, students: Sequence[ModelRef], on: date
) -> Verdict:
    """Always inconclusive: the reason is what makes the audit unfit, what was found, and what cannot be said.

    Args:
        assessment: what needs no labels.
        policy: levels, limits and waivers; none of them makes a pass of what was not measured.
        students: whom a waiver may name.
        on: the day of the audit, with which the waivers' days are compared.
    """
    outcomes = {rule: _outcome(rule, assessment, policy.limits) for rule in RULES}
    verdict = concluded(outcomes, policy, students=students, on=on)
    unfit = [o.reason for o in verdict.rules if o.fitness and o.status is RuleStatus.UNDECIDED]
    said = [*(reason for reason in unfit if reason != NO_LABELS), outcomes[DECIDING].reason]
    return replace(verdict, outcome=Outcome.INCONCLUSIVE, reason=" ".join(said))


def _outcome(rule: str, assessment: BaseAssessment, limits: Limits) -> RuleOutcome:
    if rule == "KD101":
        return functional_transfer(assessment, limits)
    if rule == "KD305":
        return enough_controls(assessment, limits)
    if rule == "KD307":
        return no_leak(assessment, limits)
    blank = replace(
        blank_outcome(rule, limits), status=RuleStatus.NOT_JUDGED, observed=None, n=None, reason=NO_LABELS
    )
    if rule == DECIDING:
        return replace(blank, reason=_open(assessment, limits))
    if rule == "KD301":
        return _controls_fit(blank, assessment, limits)
    if rule == "KD306" and assessment.fitness.problems:
        problems = assessment.fitness.problems
        return replace(
            blank,
            status=RuleStatus.UNDECIDED,
            observed=float(len(problems)),
            reason=" ".join(problems),
        )
    return blank


def _open(assessment: BaseAssessment, limits: Limits) -> str:
    """What was found of transfer, and what it leaves open."""
    found = functional_transfer(assessment, limits)
    said = found.reason
    if found.status is RuleStatus.NOT_JUDGED:
        said = f"Functional transfer was not tested: it {said[0].lower()}{said[1:]}"
    return f"{said} Which errors were taken over cannot be said: the data has no labels."


def _controls_fit(blank: RuleOutcome, assessment: BaseAssessment, limits: Limits) -> RuleOutcome:
    """KD301 as far as it asks for no accuracy."""
    fitness = assessment.fitness
    status, reason = blocked_controls(fitness, limits) or (
        RuleStatus.NOT_JUDGED,
        f"{NO_LABELS}{left_out(fitness)}",
    )
    return replace(blank, status=status, n=fitness.n_controls, reason=reason)
