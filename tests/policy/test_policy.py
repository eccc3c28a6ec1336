"""Levels, limits and waivers change how rules end, and never make a pass of missing evidence."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdaudit.options import Level, Waiver
from kdaudit.policy import RULES
from kdaudit.policy.judge import judge
from kdaudit.policy.limits import LIMITS, PRESETS
from kdaudit.policy.policy import Policy, changed_limits, lost_rates
from kdaudit.policy.stated import policy_of, rule_info
from kdaudit.policy.waivers import may_be_waived
from kdaudit.types import (
    Assessment,
    ModelRef,
    Outcome,
    OutputKind,
    Role,
    RuleOutcome,
    RuleStatus,
    Verdict,
    WaiverState,
)
from tests.policy.assessments import EMPTY, GUILTY, assessment, judged

ASYMMETRIC = assessment(ratio=(1.5, 1.3, 1.8, 0.001), kappa=(0.09, 0.05, 0.15, 0.001))
UNCLEAR = (0.05, -0.10, 0.21, 0.3)
LAST_DAY = date(2026, 6, 30)


def student(name: str = "s.onnx") -> ModelRef:
    """A student whose digest begins with ab12ab12."""
    return ModelRef(
        name=name,
        role=Role.STUDENT,
        path=name,
        kind="onnx",
        sha256="ab12ab12" + "0" * 56,
        output=OutputKind.LOGITS,
    )


def waiver(rule: str = "KD202", student: str | None = None, expires: date = LAST_DAY) -> Waiver:
    """A waiver up to the last of June 2026."""
    return Waiver(rule=rule, reason="Known, and replaced in July.", expires=expires, student=student)


def waived(found: Assessment, *waivers: Waiver, on: date = LAST_DAY, names: tuple[str, ...] = ()) -> Verdict:
    """The verdict with these waivers."""
    students = [student(name) for name in names or ("s.onnx",)]
    return judge(RULES, found, Policy(waivers=waivers), students=students, on=on)


def rule(verdict: Verdict, name: str) -> RuleOutcome:
    """One rule of a verdict."""
    (found,) = [outcome for outcome in verdict.rules if outcome.rule == name]
    return found


@pytest.mark.parametrize(
    ("levels", "found", "status", "outcome"),
    [
        ({"KD202": "error"}, ASYMMETRIC, RuleStatus.FAIL, Outcome.FAIL),
        ({"KD202": "error"}, assessment(), RuleStatus.PASS, Outcome.PASS),
        ({"KD202": "error"}, assessment(ratio=(1.5, 0.9, 2.0, 0.06)), RuleStatus.PASS, Outcome.PASS),
        ({"KD401": "error"}, assessment(gap=-0.03), RuleStatus.FAIL, Outcome.FAIL),
        ({"KD405": "error"}, assessment(), RuleStatus.NOT_JUDGED, Outcome.INCONCLUSIVE),
        ({"KD201": "warn"}, assessment(kappa=GUILTY), RuleStatus.WARNING, Outcome.PASS),
        ({"KD201": "warn"}, assessment(kappa=UNCLEAR), RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
        ({"KD201": "warn"}, EMPTY, RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
        ({"KD304": "error"}, assessment(sharpness=0.3), RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
        ({"KD304": "error"}, assessment(sharpness=0.1), RuleStatus.PASS, Outcome.PASS),
        (
            {"KD304": "error"},
            assessment(kappa=GUILTY, sharpness=0.3),
            RuleStatus.UNDECIDED,
            Outcome.INCONCLUSIVE,
        ),
        ({"KD303": "error"}, assessment(), RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
    ],
)
def test_a_level_changes_what_a_violation_does(
    levels: dict[str, Level], found: Assessment, status: RuleStatus, outcome: Outcome
) -> None:
    """Raised, a warning fails, and a rule on fitness makes it inconclusive; what is not decided stays open."""
    verdict = judged(found, Policy(levels=levels))
    (name,) = levels
    assert (status, levels[name]) == (rule(verdict, name).status, rule(verdict, name).level)
    assert outcome == verdict.outcome
    assert rule(verdict, name).fitness == (name[:3] == "KD3")


def test_a_raised_rule_that_is_undecided_makes_it_inconclusive() -> None:
    """Whoever lets a rule decide wants its answer."""
    found = assessment(kappa=(0.15, 0.08, 0.19, 0.06), ratio=(1.3, 0.9, 1.8, 0.06))
    assert Outcome.PASS == judged(found).outcome
    verdict = judged(found, Policy(levels={"KD202": "error"}))
    assert (RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE) == (rule(verdict, "KD202").status, verdict.outcome)


def test_a_rule_that_is_off_is_not_judged_at_all() -> None:
    """It stands in no report."""
    verdict = judged(ASYMMETRIC, Policy(levels={"KD202": "off"}))
    assert "KD202" not in {outcome.rule for outcome in verdict.rules}
    assert len(RULES) - 1 == len(verdict.rules)


def test_strict_passes_only_below_the_limit_of_a_failure_by_hand() -> None:
    """An interval up to .15 passes by margins and is undecided by strict."""
    found = assessment(kappa=(0.05, 0.0, 0.15, 0.06))
    assert Outcome.PASS == judged(found, Policy(limits=PRESETS["margins"])).outcome
    assert Outcome.INCONCLUSIVE == judged(found, Policy(limits=PRESETS["strict"])).outcome
    assert (0.10, 0.10) == (PRESETS["strict"].m_fail, PRESETS["strict"].m_pass)
    assert PRESETS["margins"] == LIMITS


def test_limits_are_those_of_the_policy() -> None:
    """A gap of 8 points is fine where 10 are allowed, and the rule says which limit it used."""
    policy = Policy(limits=dataclasses.replace(LIMITS, max_accuracy_gap=0.1, m_fail=0.075))
    verdict = judged(assessment(gap=0.08), policy)
    assert RuleStatus.PASS == rule(verdict, "KD301").status
    assert "within 10 points" in rule(verdict, "KD301").required
    assert "fail from 7.5\u00a0%" in rule(verdict, "KD201").required


def test_a_waiver_lifts_a_violated_rule_and_says_so() -> None:
    """A failure and a warning become WAIVED; the observed number stays, and the verdict passes."""
    verdict = waived(assessment(kappa=GUILTY, listed=40), waiver("KD201"), waiver("KD204"))
    assert (Outcome.PASS, ("used", "used")) == (verdict.outcome, verdict.waivers)
    lifted = rule(verdict, "KD201")
    assert (RuleStatus.WAIVED, 0.3) == (lifted.status, lifted.observed)
    assert "waived until 30 June 2026: Known, and replaced in July. Otherwise it would fail" == lifted.waiver
    assert rule(verdict, "KD204").waiver.endswith("Otherwise it would warn")


@pytest.mark.parametrize(
    ("day", "outcome", "state"),
    [
        (date(2026, 6, 30), Outcome.PASS, "used"),
        (date(2026, 7, 1), Outcome.FAIL, "expired"),
    ],
)
def test_a_waiver_holds_on_its_last_day_and_not_after(
    day: date, outcome: Outcome, state: WaiverState
) -> None:
    """Afterwards the rule says that it was waived once."""
    verdict = waived(assessment(kappa=GUILTY), waiver("KD201"), on=day)
    assert (outcome, (state,)) == (verdict.outcome, verdict.waivers)
    expired = "no longer waived: the waiver ended on 30 June 2026" == rule(verdict, "KD201").waiver
    assert (state == "expired") == expired


def test_a_waiver_never_lifts_a_rule_without_a_decision() -> None:
    """Undecided stays undecided, and the waiver unused."""
    verdict = waived(assessment(kappa=UNCLEAR), waiver("KD201"))
    assert (Outcome.INCONCLUSIVE, ("unused",)) == (verdict.outcome, verdict.waivers)


@pytest.mark.parametrize("name", ["KD301", "KD302", "KD305", "KD306", "KD307", "KD303", "KD304"])
def test_a_waiver_never_lifts_a_rule_on_fitness(name: str) -> None:
    """Whatever is violated there stays as it is, a warning too."""
    found = assessment(n_W=19, n_controls=2, problems=("Constant.",), n_duplicates=4000, unmatched="Other.")
    found = dataclasses.replace(found, sharpness=0.3)
    assert judged(found).rules == waived(found, waiver(name)).rules


@pytest.mark.parametrize(
    ("stated", "names", "state"),
    [
        (None, ("s.onnx", "t.onnx"), "used"),
        ("s.onnx", ("s.onnx",), "used"),
        ("AB12AB12", ("s.onnx",), "used"),
        ("ab12ab1", ("s.onnx",), "other_student"),
        ("t.onnx", ("s.onnx",), "other_student"),
        ("s.onnx", ("s.onnx", "t.onnx"), "other_student"),
    ],
)
def test_a_waiver_is_for_its_student_alone(
    stated: str | None, names: tuple[str, ...], state: WaiverState
) -> None:
    """By name or by at least 8 digits; several students judged together are not covered by a waiver of one."""
    verdict = waived(assessment(kappa=GUILTY), waiver("KD201", student=stated), names=names)
    assert ((state,), state == "used") == (verdict.waivers, verdict.outcome is Outcome.PASS)


def test_the_second_waiver_of_a_rule_is_not_needed_and_an_expired_one_no_hindrance() -> None:
    """One is enough."""
    old = waiver("KD201", expires=date(2026, 1, 1))
    verdict = waived(assessment(kappa=GUILTY), old, waiver("KD201"), waiver("KD201"))
    assert (Outcome.PASS, ("expired", "used", "unused")) == (verdict.outcome, verdict.waivers)
    assert rule(verdict, "KD201").waiver.startswith("waived until")


def test_a_waiver_of_a_rule_that_is_off_is_unused() -> None:
    """There is nothing to lift."""
    policy = Policy(levels={"KD202": "off"}, waivers=(waiver("KD202"),))
    assert ("unused",) == judge(RULES, ASYMMETRIC, policy, students=(student(),), on=LAST_DAY).waivers


@pytest.mark.parametrize(
    ("limits", "levels", "lost"),
    [
        ({}, {}, ()),
        ({}, {"KD404": "off", "KD303": "error", "KD205": "warn"}, ()),
        ({}, {"KD202": "error"}, ("KD202 can fail the audit",)),
        ({}, {"KD402": "error"}, ("KD402 can fail the audit",)),
        ({}, {"KD201": "warn"}, ("KD201 only warns",)),
        ({"m_fail": 0.05}, {}, ("m_fail is 0.05 instead of 0.1",)),
        ({"m_pass": 0.3}, {}, ("m_pass is 0.3 instead of 0.2",)),
        ({"alpha": 0.01}, {}, ("alpha is 0.01 instead of 0.05",)),
        ({"max_accuracy_gap": 0.1}, {}, ("max_accuracy_gap is 0.1 instead of 0.05",)),
        ({"max_accuracy_gap": 0.02, "min_stratum": 50, "min_controls": 5, "flips_margin": 0.5}, {}, ()),
        ({"min_stratum": 10}, {}, ("min_stratum is 10 instead of 20",)),
    ],
)
def test_what_loses_the_published_error_rates_is_said(
    limits: dict[str, float], levels: dict[str, Level], lost: tuple[str, ...]
) -> None:
    """Looser limits and other deciding rules do; stricter fitness, warnings and presets do not."""
    policy = Policy(limits=dataclasses.replace(LIMITS, **limits), levels=levels)  # type: ignore[arg-type]
    assert lost == lost_rates(policy)
    assert set(limits) == set(changed_limits(policy))
    assert () == lost_rates(Policy(preset="strict", limits=PRESETS["strict"]))


FITNESS = ({"n_W": 19}, {"n_R": 19}, {"n_controls": 2}, {"problems": ("Constant.",)}, {"unmatched": "Other."})
NO_PASS = (EMPTY, assessment(kappa=UNCLEAR), *(assessment(**facts) for facts in FITNESS))


def test_an_unfit_audit_calls_no_waiver_needless() -> None:
    """It decides nothing, so the rule is not waived either; somebody might remove what the next audit needs."""
    policy = policy_of(preset="default", rules={}, limits={}, waivers=(waiver("KD201"),))
    verdict = judge(RULES, assessment(n_W=19), policy, students=(student(),), on=LAST_DAY)
    assert (Outcome.INCONCLUSIVE, ("unused",)) == (verdict.outcome, verdict.waivers)
    found = assessment(kappa=GUILTY, n_W=19)
    verdict = judge(RULES, found, policy, students=(student(),), on=LAST_DAY)
    (deciding,) = (rule for rule in verdict.rules if rule.rule == "KD201")
    assert (Outcome.INCONCLUSIVE, ("used",)) == (verdict.outcome, verdict.waivers)
    assert (RuleStatus.UNDECIDED, "") == (deciding.status, deciding.waiver)


@given(
    levels=st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(rule_info(name).levels) for name in RULES}
    ),
    names=st.lists(st.sampled_from([name for name in RULES if may_be_waived(name)])),
    preset=st.sampled_from(sorted(PRESETS)),
    found=st.sampled_from(NO_PASS),
)
def test_no_policy_makes_a_pass_of_missing_evidence(
    levels: dict[str, Level], names: list[str], preset: str, found: Assessment
) -> None:
    """Whatever levels and waivers may be stated: undecided, unfit or unmeasured never passes."""
    policy = policy_of(preset=preset, rules=levels, limits={}, waivers=tuple(waiver(name) for name in names))
    verdict = judge(RULES, found, policy, students=(student(),), on=LAST_DAY)
    assert Outcome.PASS is not verdict.outcome
