"""The badge: one small SVG that says the verdict to eyes and ears, on light and on dark pages."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from kdaudit.render import render
from kdaudit.render.badge import COLOURS, LABEL
from kdaudit.types import RuleStatus
from tests.factories import Kind, audit_result, kinds
from tests.render.test_style import TEXT, contrast

SVG = "{http://www.w3.org/2000/svg}"


def badge(kind: Kind) -> etree._Element:
    """The badge of an audit, parsed."""
    return etree.fromstring(render(audit_result(kind), "badge").encode())


@pytest.mark.parametrize("kind", kinds())
def test_it_says_the_verdict(kind: Kind) -> None:
    """As text, as label and first of all in the title; its colour is the verdict's."""
    result, root = audit_result(kind), badge(kind)
    word = result.verdict.upper()
    assert ["kdaudit", word] == [text.text for text in root.iter(f"{SVG}text")]
    assert f"kdaudit: {word}" == root.get("aria-label")
    assert root.findtext(f"{SVG}title").startswith(f"kdaudit: {word}. ")
    assert [LABEL, COLOURS[result.verdict]] == [path.get("fill") for path in root.iter(f"{SVG}path")]


def test_a_pass_names_its_waivers() -> None:
    """Never silent."""
    base = audit_result("pass")
    rules = (base.rules[0].model_copy(update={"outcome": RuleStatus.WAIVED}), *base.rules[1:])
    assert ">PASS, 1 waived<" in render(base.model_copy(update={"rules": rules}), "badge")


@pytest.mark.parametrize("colour", [LABEL, *COLOURS.values()])
def test_its_text_stands_out(colour: str) -> None:
    """White on every ground (WCAG AA); the grounds are the badge's own, on any page."""
    assert contrast("#fff", colour) >= TEXT


@pytest.mark.parametrize("kind", kinds())
def test_it_is_small_and_asks_for_nothing(kind: Kind) -> None:
    """No request, script, style or markup of a foreign name."""
    shown = render(audit_result(kind), "badge")
    assert len(shown.encode()) < 4096
    assert {"svg", "title", "path", "g", "text"} == set(re.findall(r"<([a-z]+)", shown))
    assert ["http://www.w3.org/2000/svg"] == re.findall(
        r'https?://[^"]*|(?:url|href)\b', shown.split("<title>")[0]
    )


def test_its_widths_are_those_of_the_words() -> None:
    """In DejaVu Sans of 11 px, "kdaudit" takes 41 px and "PASS" 28; the margins are 6 px."""
    root = badge("pass")
    assert ["41", "28"] == [text.get("textLength") for text in root.iter(f"{SVG}text")]
    assert str(41 + 28 + 4 * 6) == root.get("width")
