"""What the report's words mean stands where they are used, with the audit's own numbers."""

from __future__ import annotations

import pytest
from lxml import html

from kdaudit.policy.limits import PRESETS
from kdaudit.render import render
from kdaudit.render.shares import EXCUSES
from kdaudit.render.views.definitions import definitions
from kdaudit.render.views.sizes import sizes
from tests.factories import Kind, audit_result, kinds


def terms(kind: Kind) -> set[str]:
    """All terms that the report of an audit defines."""
    return {row.term for rows in definitions(audit_result(kind)).values() for row in rows}


@pytest.mark.parametrize("kind", kinds())
def test_every_measure_of_the_table_is_defined(kind: Kind) -> None:
    """Whatever is measured against the controls has its definition in the report; accuracy needs none."""
    # In the table wrong and right knowledge are "taken over".
    named = {
        row.name.removesuffix(" taken over").removesuffix(" with the teacher")
        for row in sizes(audit_result(kind)).rows
    }
    assert named - {"Accuracy"} <= terms(kind)


@pytest.mark.parametrize("kind", kinds())
def test_a_section_without_figures_defines_nothing(kind: Kind) -> None:
    """Definitions stand below figures, tables or models that use their words, folded away."""
    page = html.fromstring(render(audit_result(kind), "html"))
    for number in (4, 5, 6, 7, 8):
        (section,) = page.xpath(f"//section[@id='s{number}']")
        folded = section.xpath("./details[summary='Definitions']")
        assert (not definitions(audit_result(kind))[number]) == (not folded)
        if folded:
            assert section.xpath(".//figure | .//table | .//ul[@class='cards'] | ./p[@class='gap']"), number


def test_shares_are_worked_out_with_the_numbers_of_the_audit_by_hand() -> None:
    """(.586 - .400) / (1 - .400) = .311, as the cards and the rules have it."""
    (wrong,) = [row for row in definitions(audit_result("fail"))[5] if row.symbol + row.index == "κW"]
    assert "divided by what the controls leave: (.586 − .400) / (1 − .400) = .311." in wrong.meaning


def test_only_controls_that_there_are_are_explained() -> None:
    """No word on positive controls where there are none."""
    assert {"Independent control", "Random control", "Positive control", "Fit"} == {
        row.term for row in definitions(audit_result("fail"))[7]
    }
    assert "Positive control" not in terms("inconclusive")
    assert () == definitions(audit_result("empty"))[7]


def verdict_of(preset: str) -> str:
    """How the report of an audit by a preset says that its verdict came about."""
    result = audit_result("fail")
    policy = result.policy.model_copy(update={"preset": preset})
    (found,) = [
        row for row in definitions(result.model_copy(update={"policy": policy}))[9] if row.term == "Verdict"
    ]
    return found.meaning


def test_the_verdict_is_explained_as_its_preset_draws_it() -> None:
    """Only presets that weigh gains name them; by all others the margins are the whole rule."""
    margins = (
        "Fail: p ≤ .05 and at least 10\u00a0% of the wrong knowledge. Pass: its interval ends below 20\u00a0%. "
        "Otherwise, or where the audit is not fit: inconclusive."
    )
    assert margins == verdict_of("margins") == verdict_of("strict")
    assert "It also passes where correct answers gained are shown to outnumber" in verdict_of("default")
    assert "It also passes where correct answers gained are shown to outnumber" in verdict_of("lenient")
    assert "; and it fails only where, besides, errors taken over are shown to outnumber" in verdict_of(
        "lenient"
    )
    assert {name for name, limits in PRESETS.items() if limits.gains != "never"} == set(EXCUSES)


def test_a_test_that_was_not_made_is_not_explained() -> None:
    """Two controls: no t-test, so no word of one."""
    (found,) = [
        row for row in definitions(audit_result("differences-only"))[9] if row.term == "Intervals and p"
    ]
    assert (
        "None: 2 controls cannot show how far controls differ by chance. Three are needed for a test."
        == found.meaning
    )


def test_an_effect_size_is_defined_where_it_is_named() -> None:
    """Section 4 names one of each tested distance; none without a test."""
    named = {
        kind: "Effect size z" in {row.term for row in definitions(audit_result(kind))[4]} for kind in kinds()
    }
    assert {kind for kind in kinds() if "effect size" in html_of(kind, "s4")} == {
        kind for kind, defined in named.items() if defined
    }
    assert named["fail"]
    assert not named["differences-only"]


def html_of(kind: Kind, section: str) -> str:
    """What stands in the figures of a section."""
    (found,) = html.fromstring(render(audit_result(kind), "html")).xpath(f"//section[@id='{section}']")
    return " ".join(figure.text_content() for figure in found.xpath(".//figure | .//figcaption | ./div"))
