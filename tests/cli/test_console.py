"""The text report: what a terminal shows."""

from __future__ import annotations

import pytest

from kdaudit.cli.text_report import text_report
from kdaudit.render import render
from kdaudit.types import RuleStatus
from tests.factories import Kind, audit_result, kinds


@pytest.mark.parametrize("kind", kinds())
def test_the_text_report_fits_and_ends_with_the_verdict(kind: Kind) -> None:
    """At most 25 lines; the verdict first and last."""
    result = audit_result(kind)
    lines = text_report(result, color=False, report="r.html").splitlines()
    assert len(lines) <= 25
    word = lines[0].partition(":")[0]
    assert word in ("PASS", "FAIL", "INCONCLUSIVE")
    assert lines[-1].startswith(f"{word} (")


def test_the_network_of_the_controls_is_named_in_one_line() -> None:
    """How faithful it is, and the first sentence; the rest stands in the report."""
    sentence = (
        "The controls are the student's ONNX graph with BatchNorm put back after 3 layers (evidence: names)"
    )
    result = audit_result("pass").model_copy(
        update={"fidelity_level": "bn-reinserted", "fidelity": f"{sentence}. To keep it, export otherwise."}
    )
    lines = text_report(result, color=False, report="").splitlines()
    assert f"  network of controls     bn-reinserted: {sentence}" in lines
    assert not any(
        "network of controls" in line
        for line in text_report(audit_result("pass"), color=False, report="").splitlines()
    )


def test_an_inconclusive_audit_says_what_would_settle_it() -> None:
    """The planner's line."""
    shown = text_report(audit_result("inconclusive"), color=False, report="")
    assert "to settle it: Audit again with about" in shown


def test_without_controls_the_distances_are_shown() -> None:
    """Nothing was judged, but the functions were compared."""
    result = audit_result("fail").model_copy(update={"n_controls": 0, "kappa_W": None})
    assert "distance to the teacher other answers" in text_report(result, color=False, report="")


def test_an_unfit_audit_is_not_settled_by_more_examples() -> None:
    """Misfed models stay misfed: no plan is shown, in the terminal or in the report."""
    base = audit_result("inconclusive")
    misfed = base.rules[0].model_copy(
        update={"id": "KD306", "level": "error", "fitness": True, "outcome": RuleStatus.UNDECIDED}
    )
    result = base.model_copy(update={"rules": (*(r for r in base.rules if r.id != "KD306"), misfed)})
    assert "to settle it" in text_report(base, color=False, report="")
    assert "to settle it" not in text_report(result, color=False, report="")
    assert "What would settle it" not in render(result, "html")
