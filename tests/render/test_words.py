"""The verdict in words."""

from __future__ import annotations

import pytest

from kdaudit.cli.text_report import text_report
from kdaudit.numbers import NBSP
from kdaudit.render import facts, findings, render, words
from kdaudit.render.views.four import four
from kdaudit.render.views.inherited import inherited
from kdaudit.schema import AuditResult, EffectRecord
from kdaudit.types import Outcome, RuleStatus
from tests.factories import Kind, audit_result, effect, kinds, rule


def changed(kind: Kind, **fields: object) -> AuditResult:
    """An audit with other fields, not validated: the combinations need not be likely."""
    return audit_result(kind).model_copy(update=fields)


def with_rule(kind: Kind, id: str, **fields: object) -> AuditResult:
    """An audit in which one rule ended differently."""
    base = audit_result(kind)
    rules = tuple(row.model_copy(update=fields) if row.id == id else row for row in base.rules)
    return base.model_copy(update={"rules": rules})


def plain(said: str) -> str:
    """A sentence with ordinary spaces."""
    return said.replace(NBSP, " ")


def test_a_failed_audit_says_what_was_taken_over_in_counts() -> None:
    """Counts before shares, then the limit, the classes and the origin."""
    headline = words.headline(audit_result("fail"))
    assert "FAIL" == headline.word
    assert "1 rule failed, 3 warnings, 1 waived" == headline.aside
    assert (
        "The student has taken over its teacher’s mistakes, and little of what the teacher does better."
        == headline.lead
    )
    assert (
        "Where the teacher is wrong, the student gives the same wrong answer 516 times in 880; networks trained "
        "without the teacher do so 352 times. That is 31 % of the errors they avoid [26, 36]; the limit is 10 %. "
        "Most affected: shirt, taken for coat. The errors come from this teacher."
    ) == plain(headline.body[0])


def test_right_knowledge_is_called_little_only_where_it_is() -> None:
    """A fifth with an interval above 0 is not little."""
    much = changed("fail", kappa_R=effect(0.22, 0.11, 0.32, 0.001))
    assert (
        "The student has taken over its teacher’s mistakes, more than what the teacher does better"
        == words.lead(much)
    )
    absent = changed("fail", asymmetry="absent")
    assert "The student has taken over its teacher’s mistakes" == words.lead(absent)


def test_a_passed_audit_says_how_much_could_be_hidden() -> None:
    """The upper end decides, and the sharpness says what would have been found."""
    headline = words.headline(audit_result("pass"))
    assert (
        "The student takes over at most 7 % of its teacher’s own mistakes, with 95 % confidence; "
        "less than 20 % is required."
    ) == plain(headline.lead)
    assert "9 rules passed, 1 not judged" == headline.aside
    assert plain(headline.body[0]).endswith(
        "That is 2 % of the errors they avoid, and at most 7 % [−3, 7]; less than 20 % is required. "
        "An inheritance of 8 % or more would have been found."
    )


@pytest.mark.parametrize(
    ("kind", "margins", "gap", "said"),
    [
        (
            "fail",
            {"margin_fail": 0.41},
            0.044,
            "the limit is 41 % (10 %, and 31 points allowed because the student is 4.4 points more accurate than its "
            "controls, as its teacher is).",
        ),
        (
            "pass",
            {"margin_pass": 0.13},
            -0.01,
            "less than 13 % is required (20 %, less 7 points because the student is 1.0 points less accurate than its "
            "controls and its teacher is not).",
        ),
    ],
)
def test_a_limit_that_accuracy_moved_says_why(
    kind: Kind, margins: dict[str, float], gap: float, said: str
) -> None:
    """Where it is named, in the banner and in the terminal; a limit that did not move has no clause."""
    base = audit_result(kind)
    stated = base.policy.model_copy(update={"limits": {"m_fail": 0.1, "m_pass": 0.2}})
    plain_one = base.model_copy(
        update={"policy": stated, "accuracy_gap": effect(gap, gap - 0.01, gap + 0.01, 0.01)}
    )
    moved = plain_one.model_copy(update=margins)
    assert said in plain(words.headline(moved).body[0])
    assert f"limit: {'fails from 41' if kind == 'fail' else 'passes below 13'}" in plain(
        text_report(moved, color=False, report="")
    )
    assert 2 == render(moved, "html").count(
        "points more accurate than its controls" if gap > 0 else "points less accurate than its controls"
    )
    assert "accurate than its controls" not in plain(words.headline(plain_one).body[0])
    if kind == "pass":
        nearer = plain_one.model_copy(update={"margin_fail": 0.17})
        assert "less than 20 % is required. " in plain(words.headline(nearer).body[0])
    assert "  limit: " not in text_report(plain_one, color=False, report="")


def test_a_student_below_its_controls_is_not_said_to_take_over_a_negative_share() -> None:
    """Minus three percent of the errors means nothing to a manager."""
    below = changed("pass", kappa_W=effect(-0.03, -0.08, 0.02, 0.8))
    said = plain(words.headline(below).body[0])
    assert "It repeats no more of them than they do, and takes over at most 2 % [−8, 2]" in said


def test_an_undecided_audit_says_what_fits_the_data() -> None:
    """Nothing at all, or more than is allowed."""
    headline = words.headline(audit_result("inconclusive"))
    assert "The data cannot say whether the student took over its teacher’s mistakes." == headline.lead
    assert "2 undecided, 3 warnings. Not a pass (exit code 3)." == headline.aside
    assert plain(headline.body[0]).endswith(
        "The best estimate is 14 % of the errors they avoid, but anything from −2 to 30 % fits the data: "
        "nothing at all, or more than is allowed."
    )


def test_an_interval_above_zero_is_not_said_to_allow_nothing() -> None:
    """From 2 to 30 % fits the data: something, or more than is allowed."""
    some = changed("inconclusive", kappa_W=effect(0.09, 0.02, 0.3, 0.04))
    assert "something, or more than is allowed." in words.headline(some).body[0]


def test_an_interval_below_the_limit_that_does_not_pass_says_why() -> None:
    """The guard against more accurate students."""
    guarded = changed(
        "inconclusive", kappa_W=effect(0.05, -0.05, 0.15, 0.2), tilt=effect(0.1, -0.02, 0.22, 0.1)
    )
    assert "against controls raised to its accuracy the interval reaches 22 %" in plain(
        words.headline(guarded).body[0]
    )
    unguarded = guarded.model_copy(update={"tilt": None})
    assert words.headline(unguarded).body[0].endswith("The interval covers both 0 and 20 %.")


def test_an_unfit_audit_gives_the_violated_rule_and_draws_no_verdict() -> None:
    """Whatever its numbers are."""
    result = audit_result("unfit")
    headline = words.headline(result)
    assert "This audit is not fit for a verdict." == headline.lead
    assert "3 of 10 independent controls are unfit: their training diverged." == headline.body[0]
    assert "no verdict is drawn" in headline.body[1]
    assert "31" not in " ".join(headline.body)
    assert headline.aside.startswith("1 unfit, 3 undecided")


def test_an_audit_without_numbers_says_so() -> None:
    """Nothing measured is never a pass."""
    headline = words.headline(audit_result("empty"))
    assert ("INCONCLUSIVE", "The audit measured nothing.") == (headline.word, headline.lead)
    assert ("The teacher's output is constant.",) == headline.body


def test_differences_without_a_test_are_called_that() -> None:
    """No interval, no p, no decision."""
    result = changed("differences-only", rules=(), kappa_W=audit_result("differences-only").kappa_W)
    assert "a difference that 2 controls cannot test." in words.headline(result).body[0]


def test_a_failure_elsewhere_does_not_accuse_of_inheritance() -> None:
    """The lead names what failed, and what did not."""
    result = with_rule("pass", "KD401", outcome=RuleStatus.FAIL, reason="12 points less than controls.")
    failed = result.model_copy(update={"verdict": Outcome.FAIL, "exit_code": 1})
    headline = words.headline(failed)
    assert (
        "The student is less accurate than allowed. The student takes over at most 7 % of its teacher’s own "
        "mistakes, with 95 % confidence; less than 20 % is required."
    ) == plain(headline.lead)
    assert "12 points less than controls." == headline.body[-1]


def test_a_failure_of_an_unknown_rule_is_named_by_its_title() -> None:
    """New rules need no new words."""
    row = rule("KD999", RuleStatus.FAIL, "Something else", "It broke.", level="error")
    result = changed("inconclusive", verdict=Outcome.FAIL, rules=(*audit_result("inconclusive").rules, row))
    assert words.lead(result).startswith("A rule failed: Something else. The data cannot say")
    both = result.model_copy(update={"rules": (row, row.model_copy(update={"id": "KD402"}))})
    assert words.lead(both).startswith(
        "The student loses more correct answers than allowed; a rule failed: Something"
    )


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (RuleStatus.WARNING, "The student has taken over its teacher’s mistakes; here this only warns"),
        (
            RuleStatus.WAIVED,
            "The student has taken over its teacher’s mistakes; the rule against it is waived",
        ),
        (RuleStatus.NOT_JUDGED, "Whether the student took over its teacher’s mistakes could not be judged"),
    ],
)
def test_a_pass_without_a_passed_rule_on_mistakes_does_not_deny_them(
    outcome: RuleStatus, expected: str
) -> None:
    """A waiver or a lower level changes the verdict, not the facts."""
    assert expected == words.lead(with_rule("pass", "KD201", outcome=outcome))


def test_a_pass_without_the_rule_says_that_nobody_asked() -> None:
    """KD201 switched off."""
    result = changed("pass", rules=())
    assert "Whether the student took over its teacher’s mistakes was not asked" == words.lead(result)
    assert "0 rules passed" == words.aside(result)
    assert "No rule was judged." == words.count_rules(result)


def test_a_pass_by_waiver_says_so_in_its_first_sentence() -> None:
    """And gives the reason of the waiver."""
    result = with_rule("pass", "KD401", outcome=RuleStatus.WAIVED, reason="Agreed until May.")
    headline = words.headline(result)
    assert plain(headline.lead).endswith("; less than 20 % is required; 1 rule waived.")
    assert "KD401 is waived: Agreed until May." == headline.body[-1]


def test_an_unproven_origin_is_called_that() -> None:
    """Other models may share these errors."""
    said = words.headline(changed("fail", attribution="unproven")).body[0]
    assert said.endswith("The origin is unproven: students of other teachers may share these errors.")


def test_classes_are_not_named_where_chance_explains_most() -> None:
    """A list at an FDR above one half names nobody."""
    inherited = audit_result("fail").inherited
    assert inherited is not None
    result = changed("fail", inherited=inherited.model_copy(update={"fdr": 0.6}))
    assert "Most affected" not in words.headline(result).body[0]


def test_rules_are_counted_in_the_reports_order() -> None:
    """Unfit first, passes last."""
    assert (
        "1 makes the audit unfit, 3 undecided, 1 warning, 1 could not be judged, 1 waived, 2 findings, 8 passed."
        == words.count_rules(audit_result("unfit"))
    )


@pytest.mark.parametrize("kind", kinds())
def test_every_audit_has_a_lead_and_a_body_without_forbidden_words(kind: Kind) -> None:
    """No 'significant', no Greek, no None, no nan, no double full stop."""
    headline = words.headline(audit_result(kind))
    said = " ".join((headline.lead, headline.aside, *headline.body, words.count_rules(audit_result(kind))))
    assert headline.body
    for word in ("significant", "kappa", "κ", "None", "nan", "..", "  "):
        assert word not in said


# Findings


def test_findings_of_a_failed_audit() -> None:
    """Each section opens with one sentence that gives its finding."""
    result = audit_result("fail")
    expected = (
        "Accuracy looks healthy; what was copied does not.",
        "Yes: the student’s function is closer to this teacher than that of any independent control, "
        "in all four measures.",
        "Negative: the student took over 31 % of the wrong knowledge but only 4 % of the right.",
        "96 errors are shared by teacher and student alone; chance explains 11. "
        "More than half are shirt, taken for coat.",
        "Fit: all 10 independent controls are better than guessing, and their accuracy is within 5 points "
        "of the student’s.",
        "The student is underconfident (5.2 % error, controls 2.4 %).",
    )
    assert expected == tuple(plain(said) for said in all_findings(result))


def test_findings_of_a_passed_audit() -> None:
    """No alarm where there is none."""
    said = [plain(finding) for finding in all_findings(audit_result("pass"))]
    assert "More accurate than without the teacher, and no more like it in error." == said[0]
    assert said[1].startswith("No sign of it: in none of four measures")
    assert (
        "No negative asymmetry: 2 % of the wrong knowledge was taken over and 12 % of the right." == said[2]
    )
    assert (
        "14 errors are shared by teacher and student alone; chance explains 12.3. There is no list to look through."
        == said[3]
    )


def all_findings(result: AuditResult) -> tuple[str, ...]:
    """The opening sentences of sections 2 and 4 to 8."""
    return (
        findings.of_numbers(result),
        findings.of_transfer(result),
        findings.of_asymmetry(result),
        findings.of_inherited(result),
        findings.of_controls(result),
        findings.of_calibration(result),
    )


def test_what_was_not_measured_is_said_with_its_reason() -> None:
    """The reason recorded where it was left out, else the usual one."""
    said = all_findings(audit_result("empty"))
    assert "Not measured: the teacher's output is constant." == said[0]
    assert "Not measured: there are no controls." == said[1]
    assert all(finding.startswith("Not measured: ") for finding in said)


def test_an_undefined_effect_gives_its_note() -> None:
    """Undefined is not zero."""
    undefined = EffectRecord(
        estimate=None, low90=None, high90=None, p=None, status="undefined", note="headroom is 0"
    )
    result = changed("fail", kappa_R=undefined)
    assert plain(findings.of_asymmetry(result)).endswith("the right could not be measured: headroom is 0.")
    assert "Not measured: headroom is 0." == findings.of_asymmetry(changed("fail", kappa_W=undefined))


def test_open_and_untested_asymmetries_are_told_apart() -> None:
    """No interval is not a wide interval."""
    assert findings.of_asymmetry(audit_result("inconclusive")).startswith("Open: ")
    assert findings.of_asymmetry(audit_result("differences-only")).startswith("Not tested: ")


def test_an_unfit_audit_answers_no_question() -> None:
    """Neither "Yes" nor "Open": its numbers decide nothing."""
    said = all_findings(audit_result("unfit"))
    assert said[1].startswith("As measured, without a verdict: the student’s function")
    assert said[2].startswith("As measured, without a verdict: 31")


def test_transfer_in_some_measures_is_counted() -> None:
    """Two of four."""
    base = audit_result("fail")
    half = {
        name: record.model_copy(update={"p": 0.2 if name in ("js", "rank") else 0.01})
        for name, record in base.transfer.items()
    }
    assert "in two of four measures." in findings.of_transfer(base.model_copy(update={"transfer": half}))
    assert "in all three measures." in findings.of_transfer(audit_result("two-classes"))
    assert "Not tested: with fewer" in findings.of_transfer(audit_result("differences-only"))


def test_closeness_is_not_claimed_against_every_control_where_one_is_closer() -> None:
    """Significant on average, but not the closest."""
    base = audit_result("fail")
    near = {
        name: record.model_copy(update={"independent": (0.0, *record.independent[1:])})
        for name, record in base.transfer.items()
    }
    assert "than chance allows" in findings.of_transfer(base.model_copy(update={"transfer": near}))


def test_inherited_errors_of_one_and_none() -> None:
    """Singular, none, and the controls that may agree."""
    inherited = audit_result("no-gallery").inherited
    assert inherited is not None
    one = inherited.model_copy(update={"n": 1, "fdr": 0.2, "expected_by_chance": 0.2, "pairs": ()})
    none = inherited.model_copy(update={"n": 0, "fdr": 1.0, "pairs": (), "examples": ()})
    assert (
        "1 error is shared by teacher and student and at most 4 controls; chance explains 0.2."
        == findings.of_inherited(changed("fail", inherited=one))
    )
    assert "No error is shared by teacher and student and at most 4 controls." == findings.of_inherited(
        changed("fail", inherited=none)
    )


def test_controls_that_were_left_out_are_named() -> None:
    """Above the share that makes the audit unfit it says so instead."""
    base = audit_result("unfit")
    assert findings.of_controls(base).startswith("Unfit: 3 of 10")
    passed = tuple(row for row in base.rules if row.id != "KD301")
    said = findings.of_controls(base.model_copy(update={"rules": passed}))
    assert (
        "independent/3, independent/4 and independent/5 left out as unfit; 7 independent controls remain."
        == said
    )


def test_calibration_is_judged_against_the_range_of_the_controls() -> None:
    """Worse than all, better than all, or among them."""

    def with_ece(ece: float) -> str:
        base = audit_result("fail")
        models = tuple(
            model.model_copy(update={"ece": ece}) if model.role == "student" else model
            for model in base.models
        )
        return findings.of_calibration(base.model_copy(update={"models": models}))

    assert with_ece(0.001).startswith("Better calibrated than every control")
    assert with_ece(0.024).startswith("As well calibrated as the controls")
    assert with_ece(0.3).startswith("The student is underconfident (30.0")
    assert "there are no controls to compare with" in findings.of_calibration(
        changed("fail", models=audit_result("fail").models[:2])
    )


def test_a_less_accurate_failing_student_is_not_called_healthy() -> None:
    """The gap's interval decides."""
    result = changed("fail", accuracy_gap=effect(-0.02, -0.028, -0.012, 1.0))
    assert (
        "Less accurate than without the teacher, and the teacher’s mistakes came along."
        == findings.of_numbers(result)
    )


# Facts


def test_the_predictive_band_is_that_of_one_more_control_by_hand() -> None:
    """Mean 0.9, deviation 0.01, K = 3: t(.975, 2) = 4.3027, times sqrt(4/3)."""
    band = facts.predictive_band([0.89, 0.90, 0.91])
    assert band is not None
    assert pytest.approx(0.9 + 4.302653 * 0.01 * (4 / 3) ** 0.5, abs=1e-6) == band.high
    assert pytest.approx(0.9 - 4.302653 * 0.01 * (4 / 3) ** 0.5, abs=1e-6) == band.low
    assert facts.predictive_band([0.9, None, 0.8]) is None


def test_what_controls_repeat_is_their_mean_agreement_times_the_errors() -> None:
    """352 of 880."""
    repeated = facts.controls_repeat(audit_result("fail"))
    assert repeated is not None
    assert 352 == round(repeated)
    assert facts.controls_repeat(audit_result("empty")) is None


def test_unfit_controls_do_not_count() -> None:
    """Not in means, not in bands."""
    assert 7 == len(facts.models(audit_result("unfit"), "independent"))
    assert 3 == len(facts.unfit(audit_result("unfit")))


def test_a_class_without_a_name_is_known_by_its_number() -> None:
    """Also where there are fewer names than classes."""
    result = audit_result("fail")
    assert ["shirt", "class 10", "class -1"] == [facts.class_name(result, i) for i in (6, 10, -1)]


def test_what_makes_an_audit_unfit_is_reported_first() -> None:
    """Then by outcome, then by id."""
    ids = [row.id for row in facts.ordered_rules(audit_result("unfit"))]
    assert ["KD301", "KD201", "KD202"] == ids[:3]
    assert "KD402" == ids[-1]


def weighed(kappa: EffectRecord, net: EffectRecord, outcome: RuleStatus, verdict: Outcome) -> AuditResult:
    """An audit by the preset default, in which KD201 ended so."""
    base = with_rule("pass", "KD201", outcome=outcome)
    policy = base.policy.model_copy(update={"preset": "default"})
    return base.model_copy(
        update={"kappa_W": kappa, "net_harm_per_1000": net, "policy": policy, "verdict": verdict}
    )


def test_a_pass_by_gain_does_not_deny_what_was_taken_over() -> None:
    """A third of the errors is taken over, and more is gained: both are said."""
    result = weighed(
        effect(0.3, 0.2, 0.4, 0.001), effect(-6.0, -9.0, -3.0, 0.99), RuleStatus.PASS, Outcome.PASS
    )
    headline = words.headline(result)
    assert headline.lead.startswith("The student gains more from its teacher than it takes over mistakes")
    said = plain(headline.body[0])
    assert "That is 30 % of the errors they avoid [20, 40]; the limit is 10 %." in said
    assert "Errors taken over less correct answers gained, in 1,000 examples: −6.0 [−9.0, −3.0]" in said
    assert (
        "More accurate than without the teacher; more correct answers were gained than mistakes taken over."
        == findings.of_numbers(result)
    )
    wrong = four(result).cards[1]
    assert plain(wrong.why).endswith("Not below 20 %, but more correct answers were gained.")


def test_few_mistakes_are_called_as_many_as_they_may_be() -> None:
    """Above chance and the limit to fail, below that to pass."""
    result = weighed(
        effect(0.13, 0.08, 0.18, 0.001), effect(0.0, -2.0, 2.0, 0.5), RuleStatus.PASS, Outcome.PASS
    )
    assert plain(words.lead(result)).startswith(
        "The student takes over at most 18 % of its teacher’s own mistakes"
    )
    assert "More accurate than without the teacher; few of the teacher’s mistakes were taken over." == (
        findings.of_numbers(result)
    )
    unknown = result.model_copy(update={"accuracy_gap": None})
    assert "Few of the teacher’s mistakes were taken over." == findings.of_numbers(unknown)


def test_undecided_gains_do_not_hide_mistakes_that_were_taken_over() -> None:
    """What is known is said; what is open is the gain."""
    result = weighed(
        effect(0.3, 0.2, 0.4, 0.001),
        effect(1.0, -2.0, 4.0, 0.3),
        RuleStatus.UNDECIDED,
        Outcome.INCONCLUSIVE,
    )
    assert (
        "The student has taken over its teacher’s mistakes; whether it gains more, the data cannot say"
        == words.lead(result)
    )
    assert "That is 30 % of the errors they avoid" in plain(" ".join(words.body(result)))


def test_surprise_is_told_as_odds_by_hand() -> None:
    """e^2 = 7.4, e^5.5 = 244.7, e^13 = 442,413; above a million it says no more; older audits have none."""
    record = audit_result("fail").inherited
    assert record is not None
    told = []
    for surprise in (0.0, 2.0, 5.5, 13.0, 14.0, None):
        example = record.examples[0].model_copy(update={"surprise": surprise})
        changed = record.model_copy(update={"examples": (example,)})
        view = inherited(audit_result("fail").model_copy(update={"inherited": changed}))
        told.append([answer.says for answer in view.cards[0].answers if answer.who == "Surprise"])
        by = "hardly answer so" if surprise is not None else "most certain"
        assert by in view.note
    assert [["1 in 1"], ["1 in 7.4"], ["1 in 240"], ["1 in 440,000"], ["1 in over 1,000,000"], []] == told
