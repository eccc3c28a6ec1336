"""Controls of another teacher in the report: who they are, what they say, and nothing of them where there are none."""

from __future__ import annotations

import pytest

from kdaudit.render import render
from kdaudit.render.views.banner import banner
from kdaudit.render.views.controls import controls
from kdaudit.render.views.definitions import definitions
from kdaudit.schema import AuditResult, EffectRecord
from tests.factories import audit_result, effect


def with_alternates(found: EffectRecord, n: int = 3) -> AuditResult:
    """A failed audit with students of another teacher, and that teacher."""
    result = audit_result("fail")
    trained = next(model for model in result.models if model.role == "random")
    alternates = [
        trained.model_copy(update={"name": f"alternate/{i}", "role": "alternate", "agreement_W": 0.5})
        for i in range(n)
    ]
    teacher = result.models[0].model_copy(
        update={
            "name": "other.onnx",
            "role": "alternate-teacher",
            "accuracy": 0.901,
            "agreement_W": 0.44,
        }
    )
    return result.model_copy(
        update={"models": (*result.models, teacher, *alternates), "n_alternate": n, "atd": found}
    )


def test_section_7_says_who_taught_them_and_what_they_leave() -> None:
    """The other teacher by name, how right it is, how much it errs like this one, and the test."""
    view = controls(with_alternates(effect(0.2, 0.1, 0.3, 0.004)))
    assert (
        "3 alternate controls learnt from another teacher, other.onnx (right in 90.1\u00a0%; where this teacher is "
        "wrong, it gives the same answer in 44\u00a0%). The student takes over 20\u00a0% [10,\u00a030] of the wrong "
        "knowledge that they leave (p\u00a0=\u00a0.004)." == view.made[-1]
    )


def test_few_of_them_are_shown_and_not_tested() -> None:
    """Below three there is a difference and no p."""
    view = controls(with_alternates(effect(0.2, None, None, None), n=2))
    assert view.made[-1].endswith("(not tested: at least three are needed).")


def test_what_could_not_be_measured_against_them_is_said() -> None:
    """They make every error of the teacher."""
    view = controls(
        with_alternates(
            effect(None, None, None, None).model_copy(update={"note": "nothing is left to take over"})
        )
    )
    assert view.made[-1].endswith("Nothing could be measured against them: nothing is left to take over.")


def test_they_stand_in_the_banner_the_figures_and_the_method() -> None:
    """Counted beside the other controls, drawn with a mark of their own, and defined."""
    result = with_alternates(effect(0.2, 0.1, 0.3, 0.004))
    assert banner(result).facts[3].value.endswith(" + 3 alternate")
    view = controls(result)
    assert view.accuracy is not None
    assert "Alternate" in view.accuracy.rows
    assert "curve-a" in view.curves_key
    assert "Another teacher" in [row.term for row in definitions(result)[6]]
    assert "10 independent, 5 random and 3 alternate controls" in render(result, "markdown")
    page = render(result, "html")
    assert '<path class="alt" d=' in page
    assert "alternate control: learnt from another teacher" in page


@pytest.mark.parametrize("format_", ["html", "markdown"])
def test_without_them_nothing_is_said_of_them(format_: str) -> None:
    """Audits without alternate controls look as they did before there were any."""
    assert "alternate control" not in render(audit_result("fail"), format_)


def test_one_positive_control_is_spoken_of_as_one() -> None:
    """Singular or plural, as there are."""
    result = audit_result("fail")
    both = controls(result).made
    assert any(
        said.startswith("Positive controls, freshly distilled from this teacher, take over 42")
        for said in both
    )
    positives = [model for model in result.models if model.role == "positive"]
    one = result.model_copy(update={"models": tuple(m for m in result.models if m is not positives[1])})
    assert any(
        said.startswith(
            "The positive control, freshly distilled from this teacher, takes over 42\u00a0% of the wrong"
        )
        for said in controls(one).made
    )
