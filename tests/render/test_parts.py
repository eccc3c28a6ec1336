"""The tables of classes, pairs and slices: what strikes first, at most twenty rows, and what is left out is said."""

from __future__ import annotations

from lxml import html

from kdaudit.render import render
from kdaudit.render.views.parts import part_tables
from tests.factories import audit_result


def test_classes_come_by_p_and_the_rest_is_counted() -> None:
    """Of 1,000 classes twenty are shown, the smallest p first."""
    classes, pairs = part_tables(audit_result("many-classes"))
    assert ("class", "pair") == (classes.family, pairs.family)
    assert 20 == len(classes.rows)
    assert "And 980 more classes, in audit.json." == classes.rest
    assert "class of birds and beasts, number 0" == classes.rows[0].name
    assert [row.strong for row in classes.rows] == [True] * 20


def test_a_row_says_what_was_repeated_and_what_controls_repeat() -> None:
    """Counts, share with interval, adjusted p, accuracy of student and controls."""
    classes, _, slices = part_tables(audit_result("fail"))
    first = classes.rows[0]
    assert ("140", "82 (56)") == (first.n_errors, first.repeated)
    assert "62\u00a0% [51,\u00a073]" == first.taken
    assert "84.0 (87.0)" == first.accuracy
    assert "−3.0 points [−5.0, −1.0], n = 1,000" == first.lost.replace("\u00a0", " ")
    assert ["light = day", "light = dusk", "light = night"] == [row.name for row in slices.rows]


def test_without_tested_parts_there_is_no_table() -> None:
    """Too few controls: no table, and no rule points to one."""
    assert () == part_tables(audit_result("differences-only"))


def test_the_worst_parts_name_examples_and_link_to_those_shown() -> None:
    """Three ids each for the first five rows: two in the gallery, one beside it; none where there is no gallery."""
    result = audit_result("fail")
    classes = part_tables(result)[0].rows
    assert [("921", "e-1"), ("1534", "e-2"), ("25441", "")] == [(e.id, e.anchor) for e in classes[0].examples]
    assert [3, 3, 3, 3, 3, 0, 0, 0, 0, 0] == [len(row.examples) for row in classes]
    page = render(result, "html")
    assert '<a href="#e-2">#1534</a>' in page
    assert '<li id="e-2"' in page
    assert result.inherited is not None
    chance = result.inherited.model_copy(update={"fdr": 0.8})
    hidden = part_tables(result.model_copy(update={"inherited": chance}))[0].rows
    assert not any(row.examples for row in hidden)


def drawn(low: float, estimate: float, high: float) -> html.HtmlElement:
    """The small figure of a class of which so much was taken over."""
    result = audit_result("fail")
    part = result.parts[0]
    assert part.kappa_W is not None
    share = part.kappa_W.model_copy(update={"low90": low, "estimate": estimate, "high90": high})
    only = result.model_copy(update={"parts": (part.model_copy(update={"kappa_W": share}),)})
    (figure,) = html.fromstring(render(only, "html")).xpath("//div[@id='parts-class']//tbody//td/svg")
    return figure


def marks(figure: html.HtmlElement) -> tuple[int, int, int]:
    """How many dots, caps and arrow heads a figure has."""
    dots, caps, heads = (figure.xpath(f".//*[@class='{kind}']") for kind in ("stu", "cap", "arrow"))
    return (len(dots), len(caps), len(heads))


def test_what_lies_beyond_the_axis_is_an_arrow_head_and_no_mark_by_hand() -> None:
    """The axis goes from -30 to 100 %: an end beyond it has a head, an estimate beyond it no dot."""
    assert (1, 2, 0) == marks(drawn(0.1, 0.3, 0.5))
    assert (1, 1, 1) == marks(drawn(0.5, 0.8, 1.1))
    assert (0, 0, 2) == marks(drawn(-3.08, -0.33, 2.42))
    assert (0, 0, 1) == marks(drawn(-1.07, -0.96, -0.85))


def test_a_table_cuts_no_name() -> None:
    """Of two long names that differ in the middle, both can be told."""
    result = audit_result("fail")
    long = "class of birds and beasts, number 1 → class of birds and beasts, number 2"
    renamed = tuple(part.model_copy(update={"name": long}) for part in result.parts)
    tables = part_tables(result.model_copy(update={"parts": renamed}))
    assert {long} == {row.name for table in tables for row in table.rows}
