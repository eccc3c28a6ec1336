"""Each rule is total, each threshold is where the method puts it, and the verdict adds up in one order."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from kdaudit.policy import RULES
from kdaudit.policy.limits import LIMITS, PRESETS
from kdaudit.types import Assessment, Outcome, RuleOutcome, RuleStatus
from tests.policy.assessments import EMPTY, GUILTY, assessment, evidence, judged


def outcome(rule: str, found: Assessment) -> RuleOutcome:
    """How one rule ends."""
    return RULES[rule](found, LIMITS)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_measured_is_never_a_pass(rule: str) -> None:
    """Every rule is total and says why; only sanity, which needs no evidence, has nothing to complain about."""
    found = outcome(rule, EMPTY)
    assert rule == found.rule
    assert found.status is not RuleStatus.PASS or rule == "KD306"
    assert found.reason or found.status is RuleStatus.PASS
    assert Outcome.INCONCLUSIVE == judged(EMPTY).outcome


def test_an_honest_student_passes_every_rule() -> None:
    """Pass, and no rule fails, warns or is undecided."""
    verdict = judged(assessment())
    assert Outcome.PASS == verdict.outcome
    assert {RuleStatus.PASS, RuleStatus.FINDING, RuleStatus.NOT_JUDGED} >= {o.status for o in verdict.rules}


@pytest.mark.parametrize(
    ("kappa", "status"),
    [
        ((0.10, 0.02, 0.18, 0.05), RuleStatus.FAIL),
        ((0.0999, 0.02, 0.18, 0.05), RuleStatus.PASS),
        ((0.10, -0.01, 0.19, 0.051), RuleStatus.PASS),
        ((0.10, -0.01, 0.20, 0.051), RuleStatus.UNDECIDED),
        ((0.05, -0.10, 0.21, 0.3), RuleStatus.UNDECIDED),
        ((-0.3, -0.5, -0.1, 0.99), RuleStatus.PASS),
    ],
)
def test_wrong_knowledge_by_hand(kappa: tuple[float, float, float, float], status: RuleStatus) -> None:
    """FAIL from .10 with p <= .05, PASS if the interval ends below .20, else undecided."""
    assert status == outcome("KD201", assessment(kappa=kappa)).status


def test_the_tilt_guard_blocks_a_pass_only() -> None:
    """A tilted kappa that ends at .20 or above makes a pass undecided; a fail stays one."""
    tilt = evidence("tilt", 0.1, 0.0, 0.25, 0.1)
    assert RuleStatus.UNDECIDED == outcome("KD201", assessment(tilt=tilt)).status
    assert RuleStatus.FAIL == outcome("KD201", assessment(kappa=GUILTY, tilt=tilt)).status
    low = dataclasses.replace(tilt, high=0.19)
    assert RuleStatus.PASS == outcome("KD201", assessment(tilt=low)).status


@pytest.mark.parametrize(
    ("ratio", "kappa", "asymmetry"),
    [
        ((1.25, 1.1, 1.5, 0.01), GUILTY, "negative"),
        ((1.24, 1.1, 1.5, 0.01), GUILTY, "undetermined"),
        ((1.5, 0.9, 2.0, 0.06), GUILTY, "undetermined"),
        ((1.5, 1.1, 2.0, 0.01), (0.03, -0.1, 0.15, 0.3), "undetermined"),
        ((1.0, 0.8, 1.24, 0.5), GUILTY, "absent"),
        ((1.5, 0.9, 2.0, 0.2), (0.01, -0.05, 0.09, 0.4), "absent"),
    ],
)
def test_asymmetry_by_hand(
    ratio: tuple[float, float, float, float], kappa: tuple[float, float, float, float], asymmetry: str
) -> None:
    """Negative needs both p and a ratio of 1.25; absent needs an upper end below 1.25, or kappa_W's below .10."""
    assert asymmetry == judged(assessment(ratio=ratio, kappa=kappa)).asymmetry


@pytest.mark.parametrize(
    ("kappa_p", "did_p", "transfer_p", "attribution"),
    [
        (0.01, 0.01, 0.01, "this_teacher"),
        (0.06, 0.01, 0.01, "unproven"),
        (0.01, 0.06, 0.01, "unproven"),
        (0.01, 0.01, 0.06, "unproven"),
    ],
)
def test_attribution_needs_all_three_by_hand(
    kappa_p: float, did_p: float, transfer_p: float, attribution: str
) -> None:
    """p(kappa_W), p(DID) and the smallest Holm p, each at most .05."""
    found = assessment(kappa=(0.3, 0.2, 0.4, kappa_p), did_p=did_p, transfer_p=transfer_p)
    assert attribution == judged(found).attribution


VIOLATIONS: dict[str, dict[str, Any]] = {
    "KD301": {"unmatched": "It is another architecture."},
    "KD302": {"n_W": 19},
    "KD305": {"n_controls": 2},
    "KD306": {"problems": ("The teacher is constant.",)},
    "KD307": {"n_duplicates": 1001},
}


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_a_violated_fitness_rule_makes_it_inconclusive_whatever_the_numbers(rule: str) -> None:
    """Even a guilty student is then not judged, and nothing is attributed."""
    found = assessment(kappa=GUILTY, ratio=(2.0, 1.5, 2.5, 0.001), **VIOLATIONS[rule])
    verdict = judged(found)
    assert Outcome.INCONCLUSIVE == verdict.outcome
    assert RuleStatus.UNDECIDED == outcome(rule, found).status
    assert outcome(rule, found).fitness
    assert outcome(rule, found).reason in verdict.reason
    assert ("undetermined", "unproven") == (verdict.asymmetry, verdict.attribution)


@pytest.mark.parametrize("kappa", [GUILTY, (0.0, -0.1, 0.1, 0.5)], ids=["guilty", "honest"])
@pytest.mark.parametrize("violation", VIOLATIONS)
def test_no_rule_on_what_was_taken_over_passes_or_fails_in_an_unfit_audit(
    kappa: tuple[float, float, float, float], violation: str
) -> None:
    """Its numbers stay, and say nothing; what was lost against controls is still said."""
    found = assessment(kappa=kappa, ratio=(2.0, 1.5, 2.5, 0.001), **VIOLATIONS[violation])
    rules = {rule.rule: rule for rule in judged(found).rules}
    said = f"As measured; this audit is not fit for a verdict ({violation}), so it decides nothing."
    for name in ("KD201", "KD202", "KD203", "KD204", "KD205"):
        own = outcome(name, found)
        claims = own.status not in (RuleStatus.UNDECIDED, RuleStatus.NOT_JUDGED)
        assert (said if claims else own.reason) == rules[name].reason
        assert rules[name].status not in (RuleStatus.PASS, RuleStatus.FAIL, RuleStatus.WARNING)
    deciding = rules["KD201"]
    assert said == deciding.reason
    assert (RuleStatus.UNDECIDED, kappa[0]) == (deciding.status, deciding.observed)
    assert "Whether the student repeats its teacher’s errors" == deciding.title
    alone = {rule.rule: rule for rule in judged(assessment(kappa=kappa)).rules}
    assert alone["KD401"].status is rules["KD401"].status


@pytest.mark.parametrize(
    ("facts", "rule", "status"),
    [
        ({"n_W": 20}, "KD302", RuleStatus.WARNING),
        ({"n_W": 199}, "KD302", RuleStatus.WARNING),
        ({"n_W": 200}, "KD302", RuleStatus.PASS),
        ({"n_R": 19}, "KD302", RuleStatus.UNDECIDED),
        ({"headroom_W": 9.99}, "KD302", RuleStatus.UNDECIDED),
        ({"headroom_W": 10.0}, "KD302", RuleStatus.PASS),
        ({"n_controls": 3}, "KD305", RuleStatus.WARNING),
        ({"n_controls": 10}, "KD305", RuleStatus.PASS),
        ({"unfit": ("a", "b"), "n_trained_controls": 10}, "KD301", RuleStatus.PASS),
        ({"unfit": ("a", "b", "c"), "n_trained_controls": 10}, "KD301", RuleStatus.UNDECIDED),
        ({"n_duplicates": 50}, "KD307", RuleStatus.PASS),
        ({"n_duplicates": 51}, "KD307", RuleStatus.WARNING),
        ({"n_duplicates": 1000}, "KD307", RuleStatus.WARNING),
        ({"n_duplicates": 4000, "duplicates_kept": True}, "KD307", RuleStatus.WARNING),
        ({"unmatched": "Other.", "unmatched_allowed": True}, "KD301", RuleStatus.PASS),
    ],
)
def test_fitness_bounds_by_hand(facts: dict[str, Any], rule: str, status: RuleStatus) -> None:
    """Each bound on both of its sides."""
    assert status == outcome(rule, assessment(**facts)).status


@pytest.mark.parametrize(
    ("gap", "kappa", "status", "verdict"),
    [
        (0.05, (0.01, -0.02, 0.04, 0.4), RuleStatus.PASS, Outcome.PASS),
        (0.051, (0.01, -0.02, 0.04, 0.4), RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
        (0.051, GUILTY, RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
        (-0.051, (0.01, -0.02, 0.04, 0.4), RuleStatus.UNDECIDED, Outcome.INCONCLUSIVE),
        (-0.2, GUILTY, RuleStatus.WARNING, Outcome.FAIL),
    ],
)
def test_accuracy_gap_by_hand(
    gap: float, kappa: tuple[float, float, float, float], status: RuleStatus, verdict: Outcome
) -> None:
    """|g| > 5 points blocks PASS, g > 5 points blocks FAIL too, a lower student never escapes FAIL by its gap."""
    found = assessment(gap=gap, kappa=kappa)
    assert status == outcome("KD301", found).status
    assert verdict == judged(found).outcome


def test_warnings_never_change_the_verdict() -> None:
    """A negative asymmetry, many inherited errors, a blunt audit and lost accuracy warn, and the audit passes."""
    found = assessment(
        kappa=(0.09, 0.05, 0.15, 0.001), ratio=(1.5, 1.3, 1.8, 0.001), gap=-0.03, sharpness=0.3, listed=40
    )
    verdict = judged(found)
    assert {"KD202", "KD204", "KD304", "KD401"} <= {
        o.rule for o in verdict.rules if o.status is RuleStatus.WARNING
    }
    assert Outcome.PASS == verdict.outcome


def test_positive_controls_show_that_transfer_could_be_seen() -> None:
    """KD303 passes if one freshly distilled student shows wrong knowledge, and warns if none does."""
    shown, not_shown = evidence("kappa_W", 0.4, 0.3, 0.5, 0.001), evidence("kappa_W", 0.0, -0.1, 0.1, 0.5)
    with_one = dataclasses.replace(assessment(), positive=(shown, not_shown))
    with_none = dataclasses.replace(assessment(), positive=(not_shown,))
    assert RuleStatus.PASS == outcome("KD303", with_one).status
    assert RuleStatus.WARNING == outcome("KD303", with_none).status
    assert "This recipe transfers nothing here" in outcome("KD303", with_none).reason
    assert "nothing here" not in outcome("KD303", with_one).reason
    unlike = dataclasses.replace(with_one, unlike_positive=("accuracy", "distance to the teacher"))
    said = outcome("KD303", unlike).reason
    assert "unlike them in accuracy and distance to the teacher: its recipe was not reproduced" in said
    assert said.startswith(
        "Freshly distilled students take over 40\u00a0% [30,\u00a050] and 0\u00a0% [\u221210,\u00a010] "
        "of the wrong knowledge."
    )
    three = outcome("KD303", dataclasses.replace(unlike, positive=(shown, not_shown, shown))).reason
    assert (
        "take over 40\u00a0% [30,\u00a050], 0\u00a0% [\u221210,\u00a010] and 40\u00a0% [30,\u00a050] of the wrong"
        in three
    )
    one = outcome("KD303", dataclasses.replace(unlike, positive=(shown,))).reason
    assert one.startswith(
        "A freshly distilled student takes over 40\u00a0% [30,\u00a050] of the wrong knowledge. "
    )
    assert "The student is unlike it in accuracy" in one


LOPSIDED, EVEN = (1.5, 1.3, 1.8, 0.001), (1.0, 0.9, 1.1, 0.5)
HARM, GAIN, NEITHER = (8.0, 3.0, 13.0, 0.002), (-8.0, -13.0, -3.0, 0.99), (0.0, -4.0, 4.0, 0.5)
OPEN, NONE = (0.05, -0.10, 0.21, 0.3), (0.01, -0.02, 0.04, 0.4)


@pytest.mark.parametrize(
    ("kappa", "ratio", "net", "margins", "default", "lenient"),
    [
        (GUILTY, LOPSIDED, GAIN, "fail", "fail", "fail"),
        (GUILTY, LOPSIDED, NEITHER, "fail", "fail", "fail"),
        (GUILTY, LOPSIDED, HARM, "fail", "fail", "fail"),
        (GUILTY, EVEN, HARM, "fail", "fail", "fail"),
        (GUILTY, EVEN, NEITHER, "fail", "fail", "undecided"),
        (GUILTY, EVEN, GAIN, "fail", "pass", "pass"),
        (GUILTY, (1.1, 0.9, 1.3, 0.2), GAIN, "fail", "fail", "undecided"),
        (OPEN, EVEN, GAIN, "undecided", "pass", "pass"),
        (OPEN, EVEN, HARM, "undecided", "undecided", "undecided"),
        (NONE, EVEN, HARM, "pass", "pass", "pass"),
        (NONE, LOPSIDED, NEITHER, "pass", "pass", "pass"),
        ((0.12, 0.05, 0.19, 0.01), EVEN, NEITHER, "fail", "fail", "pass"),
        ((0.12, 0.05, 0.19, 0.01), EVEN, GAIN, "fail", "pass", "pass"),
    ],
)
def test_presets_test_different_hypotheses_by_hand(
    kappa: tuple[float, float, float, float],
    ratio: tuple[float, float, float, float],
    net: tuple[float, float, float, float],
    margins: str,
    default: str,
    lenient: str,
) -> None:
    """Gains excuse never (margins), where they are shown (default), unless they are refuted (lenient)."""
    found = assessment(kappa=kappa, ratio=ratio, net=net)
    ends = {name: RULES["KD201"](found, PRESETS[name]).status.value for name in PRESETS if name != "strict"}
    assert {"margins": margins, "default": default, "lenient": lenient} == ends


def test_without_a_measure_of_the_gain_it_excuses_nothing_and_nothing_passes_by_it() -> None:
    """Evidence of the gain is missing: errors fail by default, and pass by no preset."""
    effects = {
        name: found
        for name, found in assessment(kappa=GUILTY, ratio=EVEN).effects.items()
        if name != "net_harm_per_1000"
    }
    found = dataclasses.replace(assessment(kappa=GUILTY, ratio=EVEN), effects=effects)
    assert RuleStatus.FAIL == RULES["KD201"](found, PRESETS["default"]).status
    row = RULES["KD201"](found, PRESETS["lenient"])
    assert RuleStatus.UNDECIDED == row.status
    assert "What it gains was not measured." in row.reason


def test_few_repeated_errors_are_not_called_none() -> None:
    """Above chance and .10, below .20: a lenient pass, whose title says that some are repeated."""
    row = RULES["KD201"](assessment(kappa=(0.12, 0.05, 0.19, 0.01)), PRESETS["lenient"])
    assert (RuleStatus.PASS, "The student repeats few of its teacher’s errors") == (row.status, row.title)


def test_a_pass_by_gain_says_so() -> None:
    """The title does not claim that no error is repeated, and the reason holds the payoff."""
    row = RULES["KD201"](assessment(kappa=GUILTY, ratio=EVEN, net=GAIN), PRESETS["default"])
    assert "The student repeats its teacher’s errors, but gains more correct answers" == row.title
    assert (
        "In 1,000 examples, correct answers gained outnumber errors taken over by 8.0 (3.0 to 13.0)."
        in row.reason
    )


def test_a_better_student_is_traced_only_against_students_of_another_teacher() -> None:
    """More accurate networks are closer to the teacher by themselves: only the alternate controls can tell."""
    shown = {"kappa": GUILTY, "did_p": 0.001, "transfer_p": 0.001}
    tilt = evidence("tilt", 0.3, 0.2, 0.4, 0.001)
    assert "this_teacher" == judged(assessment(**shown)).attribution  # type: ignore[arg-type]
    better = assessment(**shown, tilt=tilt)  # type: ignore[arg-type]
    assert "unproven" == judged(better).attribution
    assert "better networks are closer to the teacher by themselves" in outcome("KD203", better).reason
    compared = dataclasses.replace(
        better, effects={**better.effects, "atd": evidence("atd", 0.2, 0.1, 0.3, 0.01)}
    )
    assert "this_teacher" == judged(compared).attribution


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (HARM, "In 1,000 examples, errors taken over outnumber correct answers gained by 8.0 (3.0 to 13.0)."),
        (NEITHER, "In 1,000 examples, errors taken over less correct answers gained are 0.0 (−4.0 to 4.0)."),
        (
            (-0.04, -0.04, 2.25, 0.5),
            "In 1,000 examples, errors taken over less correct answers gained are 0.0 (0.0 to 2.3).",
        ),
    ],
)
def test_the_payoff_is_said_with_its_interval(net: tuple[float, float, float, float], said: str) -> None:
    """In whole sentences, whichever way it goes."""
    assert said in RULES["KD201"](assessment(kappa=GUILTY, net=net), PRESETS["default"]).reason


def test_errors_of_groups_are_counted_one_by_one_and_by_group() -> None:
    """The sentence counts errors; whether there are enough of them, groups."""
    fitness = dataclasses.replace(assessment().fitness, n_W=150, n_errors=9_000)
    found = dataclasses.replace(
        assessment(kappa=GUILTY), fitness=fitness, n_repeated_W=6_000, n_repeated_by_controls_W=4_000.0
    )
    assert "6,000 of 9,000 cases" in outcome("KD201", found).reason
    assert "The teacher gets examples of 150 groups wrong" in outcome("KD302", found).reason
