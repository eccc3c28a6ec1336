"""What the report's words mean stands where they are used, with the audit's own numbers."""

from __future__ import annotations

import pytest
from lxml import html

from kdaudit.render import render
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
