"""What the user stated about the gate stands in every document, and nothing where it is the default."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from lxml import etree, html

from kdaudit.cli.text_report import text_report
from kdaudit.numbers import NBSP
from kdaudit.policy.limits import LIMITS
from kdaudit.render import facts, findings, render, stated, words
from kdaudit.render.views.four import four
from kdaudit.render.views.parts import part_tables
from kdaudit.schema import AuditResult, LevelChange, LimitChange, PolicyRecord, WaiverRecord
from kdaudit.types import Outcome, RuleStatus, WaiverState
from tests.factories import Kind, audit_result


def waiver(state: WaiverState, rule: str = "KD403", student: str | None = None) -> WaiverRecord:
    """A waiver up to the end of March 2027."""
    reason = "Temperature is refitted <when> served."
    return WaiverRecord(rule=rule, reason=reason, expires=date(2027, 3, 31), student=student, state=state)


POLICY = PolicyRecord(
    preset="strict",
    limits={"alpha": 0.01, "ratio": 1.5, "max_accuracy_gap": 0.08, "max_sharpness": 0.15},
    changed_limits=(LimitChange(name="m_fail", value=0.075, preset=0.1),),
    changed_levels=(
        LevelChange(rule="KD202", level="error", default="warn"),
        LevelChange(rule="KD303", level="error", default="warn"),
        LevelChange(rule="KD404", level="off", default="warn"),
    ),
    waivers=(
        waiver("used"),
        waiver("unused", "KD401"),
        waiver("expired", "KD402", student="cnn.onnx"),
        waiver("other_student", "KD204", student="other.onnx"),
    ),
    rates_lost=("KD202 can fail the audit", "m_fail is 0.075 instead of 0.1"),
)
LINES = (
    "Preset strict.",
    "Limit m_fail is 0.075 instead of 0.1.",
    "KD202 can fail the audit; by default it warns.",
    "KD303 can make the audit inconclusive; by default it warns.",
    "KD404 is off; by default it warns.",
    "KD403 waived until 31 Mar 2027: Temperature is refitted <when> served.",
    "KD401 waived until 31 Mar 2027, which was not needed: Temperature is refitted <when> served.",
    "KD402 no longer waived since 31 Mar 2027 for cnn.onnx: Temperature is refitted <when> served.",
    "KD204 waived until 31 Mar 2027 for another student: Temperature is refitted <when> served.",
    "The published error rates do not hold for this policy: KD202 can fail the audit "
    "and m_fail is 0.075 instead of 0.1.",
)


def judged_by(policy: PolicyRecord, kind: Kind = "fail") -> AuditResult:
    """An audit under a policy."""
    return audit_result(kind).model_copy(update={"policy": policy, "margin_fail": 0.075, "margin_pass": 0.1})


def text_of(page: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", html.fromstring(page.encode()).text_content())


def test_each_change_is_a_sentence() -> None:
    """Preset, limits, levels, waivers with their state, and the cost, in this order."""
    assert LINES == stated.policy_lines(judged_by(POLICY))


@pytest.mark.parametrize("format_", ["html", "markdown", "junit", "github"])
def test_every_document_holds_all_of_it(format_: str) -> None:
    """Escaped as the format needs."""
    document = render(judged_by(POLICY), format_)
    if format_ == "html":
        document = text_of(document)
    elif format_ == "junit":
        document = etree.fromstring(document.encode()).findtext(".//testsuite/system-out")
    elif format_ == "markdown":
        document = document.replace("\\", "")
    assert [] == [line for line in LINES if line not in document]
    assert "<when>" not in render(judged_by(POLICY), "html")


def test_the_terminal_says_it_in_a_line() -> None:
    """At most 25 lines in all."""
    shown = text_report(judged_by(POLICY), color=False, report="r.html")
    assert (
        "  policy: preset strict, m_fail 0.075, KD202 error, KD303 error, KD404 off, waiver of KD403 used, "
        "waiver of KD401 not needed, waiver of KD402 expired, waiver of KD204 for others; "
        "the published error rates do not hold\n"
    ) in shown
    assert "Waived     KD403  Waived until 31 March 2027: Temperature is refitted" in shown
    assert len(shown.splitlines()) <= 25


def test_the_longest_text_has_25_lines() -> None:
    """Every rule warns, the audit is inconclusive with a plan, and a policy was stated."""
    base = judged_by(POLICY, "inconclusive")
    rules = tuple(
        row.model_copy(update={"outcome": RuleStatus.WARNING}) for row in audit_result("fail").rules
    )
    shown = text_report(base.model_copy(update={"rules": rules}), color=False, report="r.html")
    assert 25 == len(shown.splitlines())
    assert "to settle it: " in shown
    assert "more rules in the report" in shown


@pytest.mark.parametrize("format_", ["markdown", "junit", "github"])
def test_the_default_policy_is_not_mentioned(format_: str) -> None:
    """Nothing was stated; the page alone names it, in section 10."""
    plain = audit_result("fail").model_copy(update={"skipped": ()})
    assert "olicy" not in render(plain, format_)
    assert "policy" not in text_report(audit_result("fail"), color=False, report="")
    assert "The default preset." in text_of(render(audit_result("fail"), "html"))


def test_an_audit_without_policy_was_judged_by_margins() -> None:
    """Those written before there were policies: then there was no other preset."""
    old = json.loads(render(audit_result("fail"), "json"))
    del old["policy"]
    for row in old["rules"]:
        del row["waiver"]
    result = AuditResult.model_validate(old)
    assert PolicyRecord() == result.policy
    assert "Preset margins." in text_of(render(result, "html"))


def test_former_limits_are_still_those_of_the_default_policy() -> None:
    """Old audits were judged by them; a change here would need a new method version."""
    assert {name: getattr(LIMITS, name) for name in facts.FORMER_LIMITS} == facts.FORMER_LIMITS


def test_a_waived_rule_shows_its_waiver_and_what_was_found() -> None:
    """In the table, as a skipped case, and as a notice that stands out."""
    result = audit_result("fail")
    waived = "Waived until 31 March 2027: Temperature is refitted when the model is served. Otherwise it would fail."
    found = "Its calibration error is 2.8 points above that of networks without the teacher."
    assert f"{waived} {found}" in text_of(render(result, "html"))
    skipped = etree.fromstring(render(result, "junit").encode()).findall(".//testcase/skipped")
    assert any(case.get("message").startswith(f"{waived} {found} Required:") for case in skipped)
    assert f"::notice title=Waived%3A KD403 Calibration::{waived} {found}" in render(result, "github")


def test_a_waived_failure_passes_in_the_banner_without_denying_it() -> None:
    """What was taken over and from whom is told as for a failure."""
    base = audit_result("fail")
    rules = tuple(
        row.model_copy(
            update={"outcome": RuleStatus.WAIVED, "waiver": "waived until 31 March 2027: Agreed. Otherwise x"}
        )
        if row.id == "KD201"
        else row
        for row in base.rules
    )
    result = base.model_copy(update={"rules": rules, "verdict": Outcome.PASS, "exit_code": 0})
    headline = words.headline(result)
    assert "PASS" == headline.word
    assert headline.aside.endswith("2 waived, 1 not judged")
    assert "the rule against it is waived." in headline.lead
    assert "The errors come from this teacher." in headline.body[0]
    assert "KD201 is waived until 31 March 2027: Agreed. Otherwise x." in headline.body[1]
    assert "Accuracy looks healthy; what was copied does not." == findings.of_numbers(result)


def test_limits_in_sentences_and_charts_are_those_of_the_policy() -> None:
    """Exactly as stated, not rounded."""
    result = judged_by(POLICY)
    page = text_of(render(result, "html")).replace(NBSP, " ")
    assert (
        "Fail: p ≤ .01 and at least 7.5 % of the wrong knowledge. Pass: its interval ends below 10 %." in page
    )
    assert "the limit is 7.5 %" in page
    assert (-0.08, 0.08) == facts.limits(result, "KD301")
    assert (1.5,) == facts.limits(result, "KD202")
    assert "within 8 points of the student’s" in page
    assert any("Above 1.5 the wrong" in card.why for card in four(result).cards)


def test_equal_margins_share_a_line_of_the_chart() -> None:
    """Strict passes below the limit from which it fails."""
    result = audit_result("inconclusive").model_copy(update={"margin_fail": 0.1, "margin_pass": 0.1})
    page = text_of(render(result, "html")).replace(NBSP, " ")
    assert "pass: below 10 %, fail: from 10 %" in page


def test_the_policy_is_no_assumption_about_the_models() -> None:
    """It stands in the table, and not in the warning that assumptions can mislead."""
    result = judged_by(POLICY)
    row = result.assumptions[0].model_copy(
        update={"what": "Policy", "value": "preset strict", "known_from": "stated"}
    )
    page = text_of(render(result.model_copy(update={"assumptions": (*result.assumptions, row)}), "html"))
    assert "preset strict" in page
    assert not re.search(r"Stated or assumed, not verified: [^.]*policy", page)


def test_classes_that_can_fail_the_audit_are_not_said_to_be_harmless() -> None:
    """KD404 raised to error; slices and pairs stay as they are."""
    raised = PolicyRecord(changed_levels=(LevelChange(rule="KD404", level="error", default="warn"),))
    captions = [table.caption for table in part_tables(judged_by(raised))]
    assert captions[0].endswith("By this policy, accuracy lost in one of them can fail the audit (KD404).")
    assert captions[1].endswith("Pairs of classes never change the verdict.")
    assert captions[2].endswith("Slices never change the verdict.")


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ({"margin_fail": 0.24}, "The limit from which it fails is 24 % here, not 10 %"),
        ({"margin_pass": 0.06}, "The limit below which it passes is 6 % here, not 20 %"),
        ({"margin_pass": -0.15}, "The limit below which it passes is −15 % here, not 20 %"),
    ],
)
def test_a_margin_that_accuracy_moved_is_explained(margins: dict[str, float], said: str) -> None:
    """In section 9, and nowhere where none was moved."""
    plain = audit_result("fail")
    policy = plain.policy.model_copy(update={"limits": {"m_fail": 0.1, "m_pass": 0.2}})
    plain = plain.model_copy(update={"policy": policy})
    moved = plain.model_copy(update=margins)
    assert said in text_of(render(moved, "html")).replace("\u00a0", " ").replace("\u202f", " ")
    assert "here, not" not in text_of(render(plain, "html"))
