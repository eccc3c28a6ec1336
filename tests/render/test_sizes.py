"""Every measure against the controls: with interval and effect sizes, in its unit, in HTML and Markdown."""

from __future__ import annotations

import pytest

from kdaudit.render import render
from kdaudit.render.views.calibration import calibration
from kdaudit.render.views.four import four
from kdaudit.render.views.sizes import SizeRow, quality_rows, sizes
from kdaudit.render.views.transfer import transfer
from kdaudit.schema import AuditResult, EffectRecord
from tests.factories import audit_result


def named(rows: tuple[SizeRow, ...]) -> dict[str, SizeRow]:
    """Rows by their name."""
    return {row.name: row for row in rows}


def test_every_measure_stands_with_interval_and_effect_sizes_by_hand() -> None:
    """Shares in percent, differences of shares in points, others plain; z, Cliff's delta and the rank's p beside."""
    rows = named(sizes(audit_result("fail")).rows)
    shown = {
        name: (row.estimate.replace("\xa0", " "), row.interval.replace("\xa0", " "))
        for name, row in rows.items()
    }
    assert shown["Wrong knowledge taken over"] == ("31 %", "[26, 36]")
    assert shown["Asymmetry"] == ("1.39", "[1.18, 1.64]")
    assert shown["Teacher’s right answers lost"] == ("+0.2 points", "[−0.1, 0.5]")
    assert shown["Expected calibration error"] == ("+2.8 points", "[2.4, 3.2]")
    assert shown["Error consistency with the teacher"] == (".17", "[.15, .19]")
    assert shown["Information shared beyond the label"] == (".041", "[.036, .047]")
    assert len(rows) == 3 + 4 + 5
    consistency = rows["Error consistency with the teacher"]
    assert (consistency.z, consistency.delta, consistency.rank) == ("19.8", "0.80", ".091")


def test_what_is_undefined_says_why_undefined() -> None:
    """A measure without an estimate keeps its row and its note; an audit without any has no table."""
    note = "the teacher and another model are always right, or always wrong"
    effect = EffectRecord(estimate=None, low90=None, high90=None, p=None, status="undefined", note=note)
    result = audit_result("fail").model_copy(update={"error_consistency": effect})
    row = named(quality_rows(result))["Error consistency with the teacher"]
    assert (row.estimate, row.interval, row.z) == ("–", "–", "–")
    assert note.lower() in row.aside.lower()
    assert note in render(result, "markdown").lower()
    assert () == sizes(audit_result("empty")).rows


def test_audits_of_before_have_fewer_rows() -> None:
    """A document without the newer effects still renders, without their rows."""
    newer = {"negative_flips", "ece", "error_consistency", "information"}
    older = AuditResult.model_validate(audit_result("fail").model_dump(exclude=newer))
    assert ["Accuracy"] == [row.name for row in quality_rows(older)]
    assert "Every measure against the controls" in render(older, "html")


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_quality_stands_in_the_documents(format: str) -> None:
    """Information and error consistency, with their intervals, for a reader and for a pull request."""
    text = render(audit_result("fail"), format).replace("\u00a0", " ").replace("\\", "")
    for said in ("Error consistency with the teacher", "[.15, .19]", "beyond the label", "[.036, .047]"):
        assert said in text


def test_accuracy_closeness_and_calibration_say_of_how_many_examples() -> None:
    """Where no column gives n, a sentence does."""
    result = audit_result("fail")
    assert (
        four(result)
        .cards[0]
        .why.startswith(
            "As accurate as networks trained without the teacher on 10,000 examples: 0.3 points less, interval ["
        )
    )
    assert transfer(result).note.startswith("Means over 10,000 examples. ")
    assert calibration(result).caption.startswith("On 10,000 examples. ")
