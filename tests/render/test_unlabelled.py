"""Reports of data without labels: transfer as ever, and one sentence where labels would be needed."""

from __future__ import annotations

import json
import re

import pytest
from lxml import etree

from kdaudit.cli.text_report import text_report
from kdaudit.render import RENDERERS, render
from kdaudit.types import RuleStatus
from tests.factories import audit_result
from tests.render.test_html_report import page_of, words_of

NO_LABELS = "Not measured: the data has no labels."


def test_sections_that_need_labels_say_so_in_one_sentence_and_draw_nothing() -> None:
    """Four numbers, asymmetry, inherited errors, calibration; transfer and controls are shown as ever."""
    page = page_of(audit_result("unlabelled"))
    for number in (2, 5, 6, 8):
        (section,) = page.xpath(f'//section[@id="s{number}"]')
        assert NO_LABELS == section.xpath('.//p[@class="finding"]')[0].text_content()
        assert [] == section.xpath('.//svg[@role="img"]'), number
    (transfer,) = page.xpath('//section[@id="s4"]')
    assert 4 == len(transfer.xpath('.//svg[@role="img"]'))
    (four,) = page.xpath('//section[@id="s2"]')
    assert "Four numbers" in words_of(four)
    assert [] == four.xpath('.//div[@class="num"]')


def test_the_page_claims_nothing_that_labels_would_show() -> None:
    """No accuracy, no guessing that was beaten, no labelled example, no error."""
    said = words_of(page_of(audit_result("unlabelled")))
    for claim in ("labelled example", "teacher errors", "no errors", "Fit: all", "as measured", "right in"):
        assert claim not in said, claim
    assert "How accurate the 10 independent controls are on this data is not known: it has no labels." in said
    assert "On the training data they are better than guessing." in said
    assert "All models answer the same 10,000 examples. These have no labels" in said
    assert "Without labels always inconclusive" in said
    assert "Without labels it cannot be said whether the student took over its teacher’s mistakes" in said
    n = sum(row.outcome is RuleStatus.NOT_JUDGED for row in audit_result("unlabelled").rules)
    assert f"{n} not judged. Not a pass (exit code 3)." in said
    assert "Surprise" not in said
    assert "Log loss" not in said


@pytest.mark.parametrize("format_", RENDERERS)
def test_every_format_says_inconclusive_and_no_number_of_errors(format_: str) -> None:
    """And none says that something passed."""
    text = render(audit_result("unlabelled"), format_)
    assert re.search(r"inconclusive|\"kdaudit/passed\": 0", text, re.IGNORECASE)
    assert not re.search(r"\bPASS\b", text)
    assert not re.search(r"\b0 (teacher )?errors|– of them teacher errors", text)


def test_markdown_and_model_card_show_the_distances() -> None:
    """In the place of accuracy and knowledge taken over."""
    for format_ in ("markdown", "model-card"):
        text = render(audit_result("unlabelled"), format_)
        assert re.search(
            r"\| Activation distance, less controls \(closer to the teacher by\) \| \.043 \| .* \|", text
        )
        assert "Wrong knowledge taken over |" not in text
        assert "| Accuracy |" not in text
    assert "on 10,000 examples of Fashion-MNIST, which have no labels; 10 independent" in text


def test_metrics_leave_out_what_is_not_known() -> None:
    """Nothing is 0 that was not measured."""
    numbers = json.loads(render(audit_result("unlabelled"), "metrics"))
    assert {"kdaudit/transfer/js", "kdaudit/transfer/js_p"} <= set(numbers)
    assert [] == [
        name for name in numbers if re.search(r"accuracy|kappa|n_W|inherited|ece|rrr|harm|flips", name)
    ]


def test_junit_has_an_error_for_the_rule_that_decides() -> None:
    """A gate that reads it does not turn green."""
    root = etree.fromstring(render(audit_result("unlabelled"), "junit").encode())
    cases = {str(case.get("name"))[:5]: case for case in root.iter("testcase")}
    assert cases["KD201"].find("error") is not None
    assert cases["KD401"].find("skipped") is not None
    assert cases["KD101"].find("system-out") is not None


def test_the_terminal_says_why_there_is_no_verdict() -> None:
    """The rule that decides is shown although it was not judged."""
    text = text_report(audit_result("unlabelled"), color=False, report="")
    assert re.search(r"Not judged +KD201 .*the data has no labels\.", text)
    assert re.search(r"Finding +KD101 ", text)
    assert "0 of" not in text


def test_an_audit_from_before_says_nothing_of_labels_and_has_some() -> None:
    """The field is new; all audits before it were on labels."""
    document = json.loads(render(audit_result("fail"), "json"))
    del document["data"]["has_labels"]
    assert type(audit_result("fail")).model_validate(document).data.has_labels
