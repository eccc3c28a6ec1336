"""Where marks stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdaudit.render import charts

SCALE = charts.Scale(low=-0.2, high=0.6)


def test_positions_are_percent_of_the_axis_by_hand() -> None:
    """-20 % is the left end, 60 % the right."""
    assert ["0.00%", "25.00%", "100.00%"] == [SCALE.x(v) for v in (-0.2, 0.0, 0.6)]


def test_a_logarithmic_axis_is_even_in_ratios_by_hand() -> None:
    """From 0.5 to 2, 1 is in the middle."""
    assert "50.00%" == charts.Scale(low=0.5, high=2.0, log=True).x(1.0)


@given(st.floats(-1e6, 1e6))
def test_no_mark_leaves_the_axis(value: float) -> None:
    """What lies beyond is drawn at the end."""
    assert 0 <= SCALE.at(value) <= 100
    assert 0 <= charts.Scale(low=0.02, high=50, log=True).at(value) <= 100


def test_an_interval_beyond_the_axis_is_marked_as_cut() -> None:
    """An arrow head, not a cap."""
    bar = charts.interval(SCALE, -0.5, 0.3, y=10)
    assert (True, False, "0.00%") == (bar.cut_low, bar.cut_high, bar.x1)


def test_dots_of_one_row_are_spread_by_rank_the_same_every_time() -> None:
    """Two dots need no spread; many are smaller."""
    twice = [charts.row(SCALE, "ind", [0.1, 0.2, 0.3], y=36) for _ in range(2)]
    assert twice[0] == twice[1]
    assert 3 == len({dot.y for dot in twice[0]})
    assert {36} == {dot.y for dot in charts.row(SCALE, "pos", [0.1, 0.1], y=36)}
    assert {2.0} == {dot.r for dot in charts.row(SCALE, "ind", [0.1] * 31, y=36)}


@given(st.floats(0, 1), st.floats(0.001, 1), st.sampled_from([3, 3.2, 4, 5]))
def test_ticks_are_few_and_inside(low: float, extent: float, most: float) -> None:
    """At most one more than the steps asked for."""
    found = charts.ticks(low, low + extent, most)
    assert len(found) <= most + 1
    assert all(low - 1e-6 <= tick <= low + extent + 1e-6 for tick in found)


def test_ratio_ticks_always_hold_one() -> None:
    """1 means no effect."""
    for low, high in ((0.5, 2.5), (0.02, 50), (0.9, 30)):
        found = charts.log_ticks(charts.Scale(low=low, high=high, log=True))
        assert 1.0 in found
        assert len(found) <= 5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_an_axis_around_values_holds_them(values: list[float]) -> None:
    """With round ends and at least the asked extent."""
    scale = charts.around(values, least=0.02)
    assert scale.low <= min(values) + 1e-9
    assert scale.high >= max(values) - 1e-9
    assert scale.high - scale.low >= 0.02 - 1e-9


def test_a_path_keeps_its_last_point_and_is_short() -> None:
    """200 epochs are drawn with 60 points."""
    drawn = charts.path([i / 2 for i in range(200)], [0.0] * 200)
    assert drawn.startswith("M0.0 0.0L")
    assert drawn.endswith("L99.5 0.0")
    assert drawn.count("L") <= 61


def test_the_edges_of_a_band_are_its_ends_by_hand() -> None:
    """From 0 to 20 %."""
    band = charts.span(SCALE, 0.0, 0.2, y=6, height=16)
    assert ("25.00%", "25.00%") == (band.x, band.width)
    assert ["25.00%", "50.00%"] == [line.x for line in charts.edges(band)]


@pytest.mark.parametrize(("value", "expected"), [(27.2727, "27.27%"), (-0.001, "0.00%")])
def test_lengths_have_two_decimals_and_no_negative_zero(value: float, expected: str) -> None:
    """Byte-identical pages need one way to write a number."""
    assert expected == charts.percent(value)
