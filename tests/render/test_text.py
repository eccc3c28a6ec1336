"""Foreign text in our sentences."""

from __future__ import annotations

import pytest

from kdaudit.numerics import listing
from kdaudit.render import text


def test_controls_that_a_document_may_not_hold_are_replaced() -> None:
    """Null, escape, overrides of direction, lone surrogates."""
    assert "a\ufffdb\ufffdc\ufffdd\ufffde" == text.clean("a\x00b\x1bc\u202ed\ud800e")
    assert "tab\tline\n" == text.clean("tab\tline\n")


def test_a_name_is_one_line() -> None:
    """Line breaks in names would break tables."""
    assert "a b c" == text.name(" a\r\n b\tc ")


def test_a_name_from_right_to_left_is_isolated_and_cannot_end_its_isolation() -> None:
    """It must not reorder the words after it."""
    assert "\u2068حذاء\u2069" == text.name("حذ\u2069اء\u2068")
    assert "shoe" == text.name("shoe")


def test_an_empty_name_is_named() -> None:
    """A gap in a sentence reads as a mistake."""
    assert "(no name)" == text.name(" \n ")


def test_a_long_name_is_cut_in_the_middle_in_sentences() -> None:
    """Both ends of a path say something."""
    short = text.short("a" * 200 + "b" * 200)
    assert 62 > len(short)
    assert short.startswith("aaa")
    assert short.endswith("bbb")
    assert "coat" == text.short("coat")


@pytest.mark.parametrize(
    ("given", "expected"), [("too few", "too few."), ("Why?", "Why?"), ("", ""), ("a\nb", "a b.")]
)
def test_a_sentence_ends_like_one(given: str, expected: str) -> None:
    """Without a second full stop."""
    assert expected == text.sentence(given)
    assert expected[:1].upper() + expected[1:] == text.opening(given)


def test_a_listing_reads_like_prose() -> None:
    """Commas and one 'and'."""
    assert ["", "a", "a and b", "a, b and c"] == [listing(list("abc")[:n]) for n in range(4)]
