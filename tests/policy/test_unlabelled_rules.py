"""Without labels nothing that they decide is judged, and nothing passes: absence of evidence is no pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from kdaudit.options import Level, Waiver
from kdaudit.policy import RULES
from kdaudit.policy.limits import PRESETS
from kdaudit.policy.policy import Policy
from kdaudit.policy.stated import policy_of, rule_info
from kdaudit.policy.unlabelled_rules import NO_LABELS, judge_unlabelled
from kdaudit.types import BaseAssessment, BaseFitness, Outcome, Role, RuleOutcome, RuleStatus, Verdict
from tests.panels import model_ref
from tests.policy.assessments import evidence

TODAY = date(2026, 11, 1)
OPEN = "Which errors were taken over cannot be said: the data has no labels."
NEEDS_NONE = {"KD101", "KD305", "KD307"}


CLOSER = {"activation": 0.001, "js": 0.2}


def found(holm: Mapping[str, float] = CLOSER, /, **fitness: object) -> BaseAssessment:
    """Ten fit controls and 5,000 new examples, but for what is given; `holm`: p by measure."""
    facts: dict[str, object] = {
        **{"n_controls": 10, "n_trained_controls": 10, "n_before_duplicates": 5000},
        **fitness,
    }
    return BaseAssessment(
        fitness=BaseFitness(**facts),  # type: ignore[arg-type]
        effects={
            f"transfer.{name}": evidence(f"transfer.{name}", 0.1, 0.0, 0.2, p) for name, p in holm.items()
        },
        transfer_holm=dict(holm),
    )


def judged(assessment: BaseAssessment, policy: Policy | None = None) -> Verdict:
    """The verdict on one student."""
    students = [model_ref("s", Role.STUDENT)]
    return judge_unlabelled(assessment, policy or Policy(), students=students, on=TODAY)


def rule(verdict: Verdict, name: str) -> RuleOutcome:
    """The outcome of a rule."""
    return next(outcome for outcome in verdict.rules if outcome.rule == name)


def test_everything_that_labels_decide_is_not_judged_by_hand() -> None:
    """Transfer is found, enough controls pass, new data passes; all else has one plain reason and no number."""
    verdict = judged(found())
    assert list(RULES) == [outcome.rule for outcome in verdict.rules]
    assert Outcome.INCONCLUSIVE == verdict.outcome
    assert ("undetermined", "unproven") == (verdict.asymmetry, verdict.attribution)
    assert RuleStatus.FINDING == rule(verdict, "KD101").status
    assert 1.0 == rule(verdict, "KD101").observed
    assert RuleStatus.PASS == rule(verdict, "KD305").status == rule(verdict, "KD307").status
    for outcome in verdict.rules:
        if outcome.rule not in NEEDS_NONE:
            assert RuleStatus.NOT_JUDGED == outcome.status, outcome.rule
            assert (None, None, None) == (outcome.observed, outcome.low, outcome.p_value)
            assert NO_LABELS[:-1].lower() in outcome.reason.lower()
            assert outcome.rule == "KD201" or NO_LABELS == outcome.reason
            assert rule_info(outcome.rule).title == outcome.title


def test_the_reason_says_what_was_found_and_what_cannot_be_said() -> None:
    """Of transfer, in either direction, and where it was not tested."""
    assert f"Closer to the teacher than its controls in 1 of 2 measures. {OPEN}" == judged(found()).reason
    none = judged(found({"activation": 0.3, "js": 0.2})).reason
    assert f"Closer to the teacher than its controls in none of 2 measures. {OPEN}" == none
    few = judged(found({}, n_controls=2, n_trained_controls=2)).reason
    assert (
        "2 controls: differences only, no test. Functional transfer was not tested: it needs at least 3 independent "
        f"controls. {OPEN}"
    ) == few


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("level", ["off", "warn", "error", None])
def test_no_preset_level_or_waiver_makes_a_pass(preset: str, level: Level | None) -> None:
    """Every rule at every level that it may have, and every waiver that may be stated."""
    rules = {
        name: level
        for name in RULES
        if level is not None and level in rule_info(name).levels and rule_info(name).level != level
    }
    waivers = tuple(
        Waiver(rule=name, reason="it is all right", expires=date(2027, 1, 1))
        for name in RULES
        if not name.startswith("KD3")
    )
    policy = policy_of(preset=preset, rules=rules, limits={}, waivers=waivers)
    for assessment in (found(), found({"activation": 1.0}), found({}, n_controls=0, n_trained_controls=0)):
        verdict = judged(assessment, policy)
        assert Outcome.INCONCLUSIVE == verdict.outcome
        assert verdict.reason.endswith(OPEN)
        assert {"unused"} == set(verdict.waivers)


def test_a_rule_that_must_be_answered_keeps_its_reason_short() -> None:
    """One sentence says that there are no labels, however many rules ask for them."""
    policy = policy_of(preset="default", rules={"KD303": "error", "KD401": "error"}, limits={}, waivers=())
    verdict = judged(found(), policy)
    assert RuleStatus.UNDECIDED == rule(verdict, "KD303").status
    assert 1 == verdict.reason.count("no labels")


@pytest.mark.parametrize(
    ("facts", "name", "status", "reason"),
    [
        (
            {"n_controls": 0, "n_trained_controls": 0},
            "KD301",
            "not_judged",
            "There is no independent control.",
        ),
        (
            {"unfit": ("c0 diverged",), "n_controls": 1, "n_trained_controls": 2},
            "KD301",
            "undecided",
            "1 of 2 controls",
        ),
        (
            {"unfit": ("c0 diverged",), "n_trained_controls": 11},
            "KD301",
            "not_judged",
            "Left out: c0 diverged.",
        ),
        ({"unmatched": "They have more layers."}, "KD301", "undecided", "An honest student can look guilty"),
        (
            {"unmatched": "They have more layers.", "unmatched_allowed": True},
            *("KD301", "not_judged", "They have more layers. Judged all the same"),
        ),
        (
            {"problems": ("The student s gives the same answer.",)},
            "KD306",
            "undecided",
            "gives the same answer",
        ),
        ({"n_duplicates": 2000}, "KD307", "undecided", "2,000 of 5,000"),
        ({"n_controls": 2, "n_trained_controls": 2}, "KD305", "undecided", "2 controls: differences only"),
    ],
)
def test_fitness_is_judged_as_far_as_it_needs_no_labels(
    facts: dict[str, object], name: str, status: str, reason: str
) -> None:
    """And what is violated is part of the verdict's reason."""
    verdict = judged(found(**facts))
    outcome = rule(verdict, name)
    assert status == outcome.status.value
    assert reason in outcome.reason
    assert Outcome.INCONCLUSIVE == verdict.outcome
    if status == "undecided":
        assert outcome.reason in verdict.reason
    assert verdict.reason.endswith(OPEN)


def test_limits_are_those_of_the_policy() -> None:
    """The largest p that counts decides what counts as closer."""
    strict = replace(Policy().limits, alpha=0.0005)
    assert "in none of 2 measures" in judged(found(), Policy(limits=strict)).reason
