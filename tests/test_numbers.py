"""How numbers are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdaudit import numbers
from kdaudit.numbers import MINUS, NBSP, NONE
from kdaudit.numerics import plural


def test_a_percentage_has_a_no_break_space_and_a_true_minus() -> None:
    """The unit never leaves its number; a hyphen is no minus."""
    assert f"31{NBSP}%" == numbers.percent(0.3106)
    assert f"{MINUS}3{NBSP}%" == numbers.percent(-0.03)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.285, "29"), (0.005, "1"), (0.145, "15"), (-0.285, f"{MINUS}29"), (-0.004, "0")]
)
def test_halves_round_away_from_zero_as_written_in_decimal_by_hand(share: float, expected: str) -> None:
    """0.285 is 28.5 %, although 0.285 * 100 is 28.499... in binary; nothing is minus zero."""
    assert f"{expected}{NBSP}%" == numbers.percent(share)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.1996, "19.96"), (0.19999, "19.999"), (0.2, "20"), (0.2004, "20.04"), (0.24, "24"), (0.0996, "9.96")],
)
def test_rounding_never_hides_a_decision_by_hand(share: float, expected: str) -> None:
    """Decimals are added until the printed number stands on its own side of the limit."""
    assert f"{expected}{NBSP}%" == numbers.percent(share, 0, (0.1, 0.2))


@given(st.floats(-1, 1), st.sampled_from([0.05, 0.1, 0.2, 0.027]))
def test_a_printed_share_is_on_its_own_side_of_a_limit(share: float, limit: float) -> None:
    """Unless the two differ by less than six decimals can show."""
    shown = float(numbers.percent(share, 0, (limit,)).removesuffix(f"{NBSP}%").replace(MINUS, "-"))
    if abs(share - limit) > 1e-7:
        assert (share > limit) == (shown > limit * 100)


def test_an_interval_does_not_repeat_its_unit() -> None:
    """Both ends have the same number of decimals."""
    assert f"[{MINUS}2,{NBSP}30]" == numbers.percent_range(-0.02, 0.304)
    assert f"[19.96,{NBSP}25.00]" == numbers.percent_range(0.1996, 0.25, 0, (0.2,))


def test_a_difference_of_percentages_is_in_points_with_its_sign() -> None:
    """Plus only for differences; none before zero."""
    assert f"{MINUS}4.1{NBSP}points" == numbers.points(-0.041)
    assert f"+18.6{NBSP}points" == numbers.points(0.186)
    assert f"0.0{NBSP}points" == numbers.points(0.0002)


def test_what_cannot_exceed_one_has_no_leading_zero() -> None:
    """Two significant digits, at least two decimals."""
    expected = [".046", ".31", ".0043", "1.00", f"{MINUS}.14"]
    assert expected == [numbers.proportion(v) for v in (0.0462, 0.31, 0.00431, 1.0, -0.14)]
    assert f"[.090,{NBSP}.100]" == numbers.proportion_range(0.0898, 0.1003, estimate=0.095)


def test_a_ratio_of_a_near_copy_is_said_in_words() -> None:
    """Above 50 the number means no more than that."""
    assert ["1.39", "50.00", "above 50"] == [numbers.ratio(v) for v in (1.387, 50.0, 50.1)]
    assert "1.2496" == numbers.ratio(1.2496, (1.25,))
    assert f"[20.00,{NBSP}above 50]" == numbers.ratio_range(20.0, 186.0)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.0004, f"<{NBSP}.001"),
        (0.001, ".001"),
        (0.002, ".002"),
        (0.0131, ".013"),
        (0.0498, ".0498"),
        (0.05, ".05"),
        (0.25, ".25"),
        (1.0, f">{NBSP}.99"),
        (None, NONE),
    ],
)
def test_p_shows_two_digits_and_which_side_of_the_level_it_is_on(p: float | None, expected: str) -> None:
    """.0498 is not .050."""
    assert expected == numbers.p_bare(p)


def test_p_in_a_sentence_has_its_sign_once() -> None:
    """'p < .001', never 'p = < .001'."""
    assert f"p{NBSP}<{NBSP}.001" == numbers.p_value(1e-9)
    assert f"p{NBSP}={NBSP}.013" == numbers.p_value(0.013)


def test_what_is_undefined_is_a_dash() -> None:
    """Never 0, never None, never nan."""
    formats = (
        numbers.percent,
        numbers.points,
        numbers.proportion,
        numbers.ratio,
        numbers.number,
        numbers.count,
    )
    assert {NONE} == {write(None) for write in formats}


def test_counts_are_whole_unless_they_are_means() -> None:
    """10,000 with comma; an expected count keeps a decimal."""
    assert ["10,000", "11.0", "0", f"{MINUS}3"] == [numbers.count(v) for v in (10000, 11.04, 0, -3)]
    assert ["1 rule", "2 rules", "0 rules"] == [plural(n, "rule") for n in (1, 2, 0)]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "less than a second"),
        (1.2, "1 second"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (1440, "24 minutes"),
        (7200, "2 hours"),
        (7500, "2 hours 5 minutes"),
    ],
)
def test_a_duration_is_in_the_unit_that_suits_it(seconds: float, expected: str) -> None:
    """No 1440 seconds."""
    assert expected == numbers.duration(seconds)


def test_times_are_in_utc_and_other_text_passes() -> None:
    """A renderer has no clock and no time zone of its own."""
    assert "24 November 2025, 14:05 UTC" == numbers.day_and_time("2025-11-24T15:05:00+01:00")
    assert "24 Nov 2025" == numbers.day("2025-11-24T14:05:00")
    assert "yesterday" == numbers.day("yesterday") == numbers.day_and_time("yesterday")


def test_axis_values_have_the_decimals_that_they_need() -> None:
    """No more, no fewer."""
    assert [0, 1, 3, 2] == [
        numbers.places((0.0, 0.5), 100),
        numbers.places((0.025,), 100),
        numbers.places((0.00125,), 100),
        numbers.places((0.25,), 1),
    ]
    assert ".05" == numbers.bare(0.05, 2)
