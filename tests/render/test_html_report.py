"""The HTML page: what it shows, what it escapes, what it leaves out, how large it is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from lxml import html

from kdaudit.render import render
from kdaudit.render.views.asymmetry import asymmetry
from kdaudit.render.views.banner import planner
from kdaudit.render.views.inherited import inherited
from kdaudit.render.views.transfer import transfer
from kdaudit.schema import AuditResult
from kdaudit.types import RuleStatus
from tests.factories import Kind, audit_result, effect, kinds, picture, rule

KINDS = kinds()


def page_of(result: AuditResult) -> html.HtmlElement:
    """The parsed page of an audit."""
    return html.fromstring(render(result, "html"))


def words_of(page: html.HtmlElement) -> str:
    """All text of a page with single ordinary spaces."""
    return re.sub(r"\s+", " ", page.text_content())


def test_importing_render_does_not_import_jinja2() -> None:
    """A JUnit report needs no templates; --help needs nothing."""
    code = "import sys, kdaudit.render; sys.exit('jinja2' in sys.modules or 'scipy' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_all_ten_sections_and_working_links(kind: Kind) -> None:
    """A section without data says so; no link of the page leads nowhere; no id occurs twice."""
    page = page_of(audit_result(kind))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert [f"s{n}" for n in range(2, 11)] == [id_ for id_ in ids if re.fullmatch(r"s\d+", id_)]
    assert [] == [link for link in page.xpath("//a/@href") if link.removeprefix("#") not in ids]
    for section in page.iter("section"):
        assert section.xpath('.//p[@class="finding"]')[0].text_content().strip()


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_has_a_title_and_every_symbol_a_word(kind: Kind) -> None:
    """Pictures speak to a screen reader, or their numbers stand beside them."""
    page = page_of(audit_result(kind))
    for figure in page.xpath("//svg[not(ancestor::svg)]"):
        named = figure.get("role") == "img" and figure.findtext("title")
        assert named or figure.get("aria-hidden") == "true"
    for mark in page.xpath('//span[starts-with(@class, "st ")]'):
        assert mark.text_content().strip()


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_is_printed_raw(kind: Kind) -> None:
    """No None, no nan, no long fraction, no hyphen before a digit in text."""
    page = page_of(audit_result(kind))
    for code in page.xpath("//pre | //code | //style"):
        code.drop_tree()
    said = words_of(page)
    assert not re.search(r"\bNone\b|\bnan\b|\binf\b|\d\.\d{7}|[ \[(]-\d", said)


def test_every_rule_stands_with_its_word_and_symbol_shape() -> None:
    """The seven outcomes and Unfit look different in grey print."""
    base = audit_result("fail")
    rows = (
        *(rule(f"KD80{i}", outcome, f"rule {i}", "r", level="error") for i, outcome in enumerate(RuleStatus)),
        rule("KD899", RuleStatus.UNDECIDED, "fitness", "broken", level="error", fitness=True),
    )
    page = page_of(base.model_copy(update={"rules": rows}))
    cells = page.xpath('//table[starts-with(@class, "rules")]/tbody/tr/td[1]/span')
    expected = ["Unfit", "Fail", "Undecided", "Warning", "Not judged", "Waived", "Finding", "Pass"]
    assert expected == [cell.text_content() for cell in cells]
    shapes = [html.tostring(cell.find("svg"), with_tail=False) for cell in cells]
    assert 7 == len(set(shapes))


def test_many_passes_fold_and_failures_never_do() -> None:
    """Above twenty rows."""
    base = audit_result("fail")
    rows = (*base.rules, *(rule(f"KD9{i:02}", RuleStatus.PASS, f"rule {i}", "") for i in range(20)))
    page = page_of(base.model_copy(update={"rules": rows}))
    (folded,) = page.xpath("//section[@id='s3']//details")
    assert {"Pass"} == {cell.text_content() for cell in folded.xpath(".//tbody/tr/td[1]")}
    assert len(rows) == len(page.xpath('//table[starts-with(@class, "rules")]/tbody/tr'))


@pytest.mark.parametrize("kind", ["hostile", "many-classes", "fail"])
def test_foreign_text_is_shown_and_never_run(kind: Kind) -> None:
    """Names stand in full as text; they make no element, attribute or address."""
    result = audit_result(kind)
    page = page_of(result)
    assert set() == {
        name
        for element in page.iter()
        if isinstance(element.tag, str)
        for name in element.attrib
        if name[:2] == "on"
    }
    if kind == "hostile":
        said = page.text_content()
        assert "<script>alert(1)</script>" in said
        assert "x" * 300 in said
        assert "{{ 7 * 7 }}{% raw %}" in said
        assert [] == [src for src in page.xpath("//img/@src") if not src.startswith("data:image/png;base64,")]


def test_characters_that_html_forbids_are_gone() -> None:
    """And those that reorder the text after them."""
    assert not re.search(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e]", render(audit_result("hostile"), "html")
    )


def test_a_page_with_48_pictures_takes_less_than_a_mebibyte() -> None:
    """Thumbnails of 96 px."""
    base = audit_result("fail")
    assert base.inherited is not None
    first = base.inherited.examples[0]
    examples = tuple(first.model_copy(update={"id": str(i), "image": picture(i, 96)}) for i in range(48))
    result = base.model_copy(update={"inherited": base.inherited.model_copy(update={"examples": examples})})
    document = render(result, "html")
    assert 48 == document.count("<img")
    assert len(document.encode()) <= 2**20


# Gallery


def changed_inherited(**fields: object) -> AuditResult:
    """A failed audit with another list of inherited errors."""
    base = audit_result("fail")
    assert base.inherited is not None
    return base.model_copy(update={"inherited": base.inherited.model_copy(update=fields)})


@pytest.mark.parametrize("fields", [{"fdr": 0.51}, {"n": 0, "fdr": 1.0}])
def test_a_list_that_chance_explains_has_no_gallery(fields: dict[str, object]) -> None:
    """Pictures would suggest a meaning."""
    page = page_of(changed_inherited(**fields))
    assert [] == page.xpath("//img")
    assert [] == page.xpath('//*[@id="gallery"]')


def test_examples_without_a_picture_show_their_features_or_their_id() -> None:
    """At most eight features; the rest are counted."""
    view = inherited(audit_result("two-classes"))
    assert {""} == {card.picture for card in view.cards}
    assert "and 2 more" == view.cards[0].features[-1]
    numbers = page_of(audit_result("two-classes")).xpath("//p[contains(@class, 'feat')]/span")
    assert "−0.126," == numbers[0].text_content(), "no line begins with a comma"
    assert 12 == len(page_of(audit_result("no-gallery")).xpath('//li[@class="bare"]'))


@pytest.mark.parametrize(
    "image",
    [
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html;base64,PGI+",
        "https://example.org/x.png",
        "data:image/png;base64,AAAA",
        "data:image/png;base64,AAA",
        'data:image/png;base64,AAAA" onerror="x',
    ],
)
def test_what_is_no_picture_is_not_shown_invalid(image: str) -> None:
    """Only raster pictures inside the file that can be opened."""
    base = audit_result("fail").inherited
    assert base is not None
    example = base.examples[0].model_copy(update={"image": image})
    assert [""] == [card.picture for card in inherited(changed_inherited(examples=(example,))).cards]


def test_small_pictures_keep_their_pixels_and_large_ones_do_not() -> None:
    """28 px are enlarged, 96 px reduced."""
    base = audit_result("fail").inherited
    assert base is not None
    examples = tuple(base.examples[0].model_copy(update={"image": picture(0, size)}) for size in (28, 96))
    assert [True, False] == [card.coarse for card in inherited(changed_inherited(examples=examples)).cards]


def test_many_pairs_are_summed_up() -> None:
    """Twenty pairs, and the others in one row: 400 - 20 = 380; the total is that of the audit."""
    page = page_of(audit_result("many-classes"))
    rows = page.xpath('//table[starts-with(@class, "pairs")]/tbody/tr')
    assert 22 == len(rows)
    assert rows[20].text_content().startswith("380 other pairs, in audit.json")
    assert "5,200" in rows[21].text_content()


# Asymmetry


def test_a_harmless_copier_is_drawn_only_where_wrong_knowledge_was_taken_over() -> None:
    """There is nothing to compare with below 0."""
    assert "ghost" in asymmetry(audit_result("fail")).key
    below = audit_result("pass").model_copy(update={"kappa_W": effect(-0.02, -0.05, 0.01, 0.9)})
    assert "ghost" not in asymmetry(below).key


def test_counts_per_1000_are_squares_up_to_a_hundred_and_bars_beyond() -> None:
    """0 shows no square; a loss, or a large count, turns all rows into bars with their signs."""

    def shown(value: float) -> tuple[int, int, str]:
        harm = effect(value, value - 1, value + 1, 0.1)
        row = asymmetry(audit_result("fail").model_copy(update={"harm_per_1000": harm})).counts.rows[0]
        return len(row.squares), row.bar, row.sign

    assert [(16, 0, ""), (0, 0, ""), (100, 0, "")] == [shown(v) for v in (16.4, 0.4, 100.4)]
    assert (0, 200, "+") == shown(151.2)
    assert "−" == shown(-3.2)[2]


def test_bars_of_counts_have_one_scale() -> None:
    """A loss of 3 beside a gain of 151 is short."""
    view = asymmetry(audit_result("two-classes")).counts
    assert [200, 4] == [row.bar for row in view.rows[:2]]
    assert view.note.startswith("All bars have one scale")


def test_an_untested_closeness_names_nobody_who_decides() -> None:
    """With two controls there is no p."""
    assert "decide" not in transfer(audit_result("differences-only")).note
    assert "mean" in transfer(audit_result("differences-only")).key


def test_a_near_copy_is_said_in_words() -> None:
    """A ratio above 50 is no number to compare."""
    said = words_of(page_of(audit_result("two-classes")))
    assert "above 50" in said
    assert "the student is almost a copy" in said
    assert "61.0" not in said


def test_limits_are_drawn_where_the_audit_had_them() -> None:
    """A strict audit passes below 10 %."""
    strict = audit_result("inconclusive").model_copy(update={"margin_fail": 0.05, "margin_pass": 0.1})
    plot = asymmetry(strict).plot
    assert plot is not None
    said = [label.text.replace("\u00a0", " ") for label in plot.labels]
    assert "pass: interval ends below 10 %" in said
    assert "fail: estimate from 5 %" in said


# Planner


def test_the_planner_says_what_is_missing() -> None:
    """Examples, controls and the time to train them: 5 controls of 82 seconds are 7 minutes."""
    view = planner(audit_result("inconclusive"))
    assert view is not None
    assert (
        "Audit again with about 3,200 labelled examples and 10 controls: "
        "1,700 examples and 5 controls more, about 7 minutes of training."
    ) == view.finding
    assert ("–", "–") == (view.rows[2].examples, view.rows[2].errors)
    assert "This audit" == view.rows[-1].purpose


def test_the_planner_says_when_more_examples_do_not_help() -> None:
    """No number is made up."""
    base = audit_result("inconclusive")
    hopeless = base.model_copy(update={"planner": base.planner[2:]})
    enough = base.model_copy(update={"planner": base.planner[1:2], "n_controls": 10})
    views = [planner(result) for result in (hopeless, enough)]
    assert all(view is not None for view in views)
    findings = [view.finding for view in views if view is not None]
    assert findings[0].startswith("No number of examples is likely to settle this")
    assert findings[1].endswith(
        "settle such a case in 80 of 100 audits. This one had 1,500 and 10, and is one of the other 20: audit again "
        "with more examples, or with other ones."
    )


@pytest.mark.parametrize("kind", ["fail", "pass", "unfit"])
def test_only_an_inconclusive_audit_with_a_plan_shows_it(kind: Kind) -> None:
    """A plan beside a verdict would question it."""
    assert [] == page_of(audit_result(kind)).xpath('//*[@id="plan"]')


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive", "many-classes"])
def test_no_control_is_drawn_elsewhere_than_where_it_is(kind: Kind) -> None:
    """The axis of both kinds of knowledge reaches as far as the controls do, down to -100 %."""
    plot = asymmetry(audit_result(kind)).plot
    assert plot is not None
    places = [dot.x for dot in plot.dots if dot.kind == "ind"]
    assert len(places) > 2
    assert {"0.00%", "100.00%"}.isdisjoint(places)
