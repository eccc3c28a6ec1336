"""A comparison as text, Markdown and JSON, and as part of the report of an audit."""

from __future__ import annotations

import json
import re
from typing import Literal

import jsonschema
import pytest
from lxml import html

from kdaudit.render import render
from kdaudit.render.comparison import WORDS, render_comparison, since
from kdaudit.schema import BaselineRecord, ComparisonResult, EffectRecord
from kdaudit.types import Outcome, RuleStatus
from tests.comparisons import comparison
from tests.factories import HOSTILE_NAMES, audit_result, rule

Outcomes = Literal["regression", "no_regression", "inconclusive"]
OUTCOMES: tuple[Outcomes, ...] = ("regression", "no_regression", "inconclusive")


def said(text: str) -> str:
    """The text with plain spaces."""
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_text_says_the_outcome_first_and_last(outcome: Outcomes) -> None:
    """In at most 25 lines, however many errors changed."""
    lines = render_comparison(comparison(outcome), "text").splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].startswith(f"{WORDS[outcome]}: ")
    assert len(lines) <= 25


def test_the_text_holds_both_audits_and_the_change() -> None:
    """The numbers, the errors that came and went, the examples that were left out."""
    text = said(render_comparison(comparison(), "text"))
    assert re.search(r"Wrong knowledge taken over +3 % +15 % +\+12.0 points \[6.0, 18.0\], p = .002\n", text)
    assert re.search(r"Accuracy +89.1 % +88.8 % +−0.3 points \[−0.8, 0.2\]\n", text)
    assert re.search(r"Verdict +PASS +PASS\n", text)
    assert re.search(r"Inherited errors +40 +40 +30 new, 30 gone, 10 kept\n", text)
    assert "  new   100, shirt taken for coat (before: shirt)\n" in text
    assert "  gone  500, pullover taken for shirt (now: pullover)\n" in text
    assert 2 == text.count("        and 27 more; -f json lists all\n")
    assert "Left out: 100 examples that only the earlier audit saw.\n" in text
    assert "Left out: 50 examples that only the new one saw.\n" in text
    assert "Left out: 1 example to which the teacher gave another answer.\n" in text
    assert "Both are held against the same 10 controls.\n" in text


def test_what_could_not_be_tested_says_why() -> None:
    """Differences only, or nothing; other controls are named as such."""
    note = "no teacher error that controls avoid is common to both audits"
    nothing = EffectRecord(estimate=None, low90=None, high90=None, p=None, status="undefined", note=note)
    difference = EffectRecord(estimate=0.01, low90=None, high90=None, p=None, status="differences-only")
    text = said(
        render_comparison(
            comparison("inconclusive", rise=nothing, accuracy=difference, controls="separate", n_errors=0),
            "text",
        )
    )
    assert note in text
    assert re.search(r"Accuracy +89.1 % +88.8 % +\+1.0 points\n", text)
    assert (
        "The audits share no control: each student is held against those of its own audit (10 and 10)."
        in text
    )
    assert "\n  new   " not in text


def test_an_error_that_both_students_make_is_told_without_a_third_answer() -> None:
    """With other controls an error may become inherited although no student changed."""
    result = comparison()
    error = result.new_errors[0].model_copy(update={"before": 4})
    text = render_comparison(result.model_copy(update={"new_errors": (error,)}), "text")
    assert "  new   100, shirt taken for coat\n" in text


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_json_is_the_comparison(outcome: Outcomes) -> None:
    """It validates against the published schema and reads back as it was."""
    result = comparison(outcome)
    text = render_comparison(result, "json")
    jsonschema.validate(json.loads(text), ComparisonResult.model_json_schema())
    assert result == ComparisonResult.model_validate_json(text)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_markdown_lists_twenty_errors_of_a_kind(outcome: Outcomes) -> None:
    """The outcome in the headline, a table of both audits, and how many more there are."""
    text = said(render_comparison(comparison(outcome), "markdown"))
    assert f"kdaudit compare: {WORDS[outcome]} · new.onnx" in text.splitlines()[0]
    assert "| Wrong knowledge taken over | 3 % | 15 % | \\+12.0 points" in text
    assert (40, 2) == (len(re.findall(r"^- \d", text, re.MULTILINE)), text.count("- and 10 more"))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    """No markup, line or table cell from the names of students, classes and examples."""
    result = comparison(students=(name, name), class_names=(name,) * 10, n_errors=2)
    plain = render_comparison(comparison(n_errors=2), "markdown").splitlines()
    lines = render_comparison(result, "markdown").splitlines()
    assert len(plain) == len(lines)
    assert not any(re.search(r"(?<!\\)[<>`@]|https?:/", line.replace("**", "")) for line in lines)
    assert len(render_comparison(comparison(n_errors=2), "text").splitlines()) == len(
        render_comparison(result, "text").splitlines()
    )


def baseline(**changed: object) -> BaselineRecord:
    """The comparison as the baseline of an audit."""
    fields = comparison(**changed).model_dump()  # type: ignore[arg-type]
    return BaselineRecord.model_validate({name: fields[name] for name in BaselineRecord.model_fields})


def test_the_report_says_what_changed_since_the_baseline() -> None:
    """Counts, accuracy and the first new errors, in the section of inherited errors; nothing without a baseline."""
    plain = audit_result("pass")
    page = html.fromstring(render(plain.model_copy(update={"baseline": baseline()}), "html"))
    (told,) = [p.text_content() for p in page.xpath("//section[@id='s6']/p") if "Since" in p.text_content()]
    assert said(told).startswith(
        "Since the earlier audit (old.onnx, 1 Mar 2027), on the 9,900 examples of both: "
    )
    assert "inherited errors 30 new, 30 gone, 10 kept" in told
    assert "New: 100, 101," in told
    assert told.endswith("111 and 18 more.")
    assert "Since the earlier audit" not in render(plain, "html")
    assert "New:" not in since(baseline(n_errors=0))


def test_a_regression_alone_is_told_as_one() -> None:
    """The headline of an audit that would pass by itself; red in JUnit."""
    plain = audit_result("pass")
    broken = rule("KD205", RuleStatus.FAIL, "No regression", "It rose.", level="error", unit="points")
    result = plain.model_copy(
        update={
            "rules": (*plain.rules, broken),
            "verdict": Outcome.FAIL,
            "exit_code": 1,
            "baseline": baseline(),
        }
    )
    assert (
        "The student takes over more of its teacher’s mistakes than the one of the earlier audit; "
        "without that comparison it would not fail for them"
    ) in render(result, "github")
    assert '<failure message="It rose." type="KD205">' in render(result, "junit")


@pytest.mark.parametrize("status", [RuleStatus.UNDECIDED, RuleStatus.NOT_JUDGED])
def test_an_open_comparison_is_not_red(status: RuleStatus) -> None:
    """It holds no verdict back, so it must not look as if it did."""
    plain = audit_result("inconclusive")
    open_ = rule("KD205", status, "No regression", "Nobody knows.", level="error", unit="points")
    result = plain.model_copy(update={"rules": (*plain.rules, open_)})
    assert 'type="KD205"' not in render(result, "junit")
    assert not re.search(r"::error title=[^:]*KD205", render(result, "github"))
