"""Geometry of the report's figures: where marks stand, as text for SVG attributes. Templates draw them.

x is in percent of a figure's width with two decimals, y in px, so that text keeps its size at any width and the
same audit gives the same bytes. Nothing here is random: dots of one row are spread by their rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["stu", "ind", "pos", "rnd", "alt", "tea", "ghost"]
Anchor = Literal["start", "middle", "end"]

_SPREAD = (0, -4, 3, -2, 4, 0, -3, 2, -4, 3)
_MANY = 30
_MOST_CURVE_POINTS = 60
_LOG_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A horizontal axis from `low` to `high`; values beyond are drawn at its ends."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """The position in percent, from 0 to 100."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        if self.log:
            value = math.log(max(value, 1e-12))
        return min(max(100.0 * (value - low) / (high - low), 0.0), 100.0)

    def x(self, value: float) -> str:
        """The position as an SVG length."""
        return percent(self.at(value))

    def holds(self, value: float) -> bool:
        """Whether the axis reaches the value."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A mark of one model; `r` 0 for marks whose shape has its own size."""

    kind: Kind
    x: str
    y: float
    r: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A 90 % interval; `cut_low`/`cut_high`: it goes on beyond the axis."""

    x1: str
    x2: str
    y: float
    cut_low: bool = False
    cut_high: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A vertical line: `zero` no effect, `lim` a rule's limit, `ref` nobody measured it, `axis` grid."""

    kind: Literal["zero", "lim", "ref", "axis", "bandedge"]
    x: str
    y1: float
    y2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Text in a figure."""

    x: str
    y: float
    text: str
    anchor: Anchor = "start"
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The band where one more control would fall."""

    x: str
    width: str
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure of horizontal rows, as `charts/plot.svg.j2` draws it. `rules` are y of horizontal axis lines."""

    id: str
    title: str
    height: float
    rules: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    bars: tuple[Bar, ...] = ()
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One curve in a box of 100 x 100: `kind` s student, t teacher, i independent, r random, p positive, d ideal."""

    kind: Literal["s", "t", "i", "r", "p", "d"]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLine:
    """A grid line or an axis label of a curve figure: its place in percent and what stands beside it."""

    at: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePlot:
    """A figure of curves, as `charts/curves.svg.j2` draws it."""

    id: str
    title: str
    height: int
    x_name: str
    y_name: str
    x_ticks: tuple[GridLine, ...]
    y_ticks: tuple[GridLine, ...]
    curves: tuple[Curve, ...]
    dots: tuple[tuple[str, str], ...] = field(default=())


def percent(value: float) -> str:
    """A length in percent with two decimals.

    >>> percent(27.2727)
    '27.27%'
    """
    return f"{value:.2f}%".replace("-0.00%", "0.00%")


def row(scale: Scale, kind: Kind, values: Sequence[float], *, y: float) -> tuple[Dot, ...]:
    """The dots of one row; many dots are spread around the row by their rank in it."""
    if len(values) == 1:
        return (Dot(kind=kind, x=scale.x(values[0]), y=y, r=radius(kind, 1)),)
    spread = len(values) > 2
    return tuple(
        Dot(
            kind=kind,
            x=scale.x(value),
            y=y + (_SPREAD[index % len(_SPREAD)] if spread else 0),
            r=radius(kind, len(values)),
        )
        for index, value in enumerate(values)
    )


def radius(kind: Kind, n: int) -> float:
    """The radius of a row's dots in px."""
    if n > _MANY:
        return 2.0
    return 4.5 if kind == "stu" else 3.5


def interval(scale: Scale, low: float, high: float, *, y: float) -> Bar:
    """The bar of an interval, cut where it leaves the axis."""
    return Bar(x1=scale.x(low), x2=scale.x(high), y=y, cut_low=low < scale.low, cut_high=high > scale.high)


def span(scale: Scale, low: float, high: float, *, y: float, height: float) -> Span:
    """The band between two values."""
    start, end = scale.at(low), scale.at(high)
    return Span(x=percent(start), width=percent(end - start), y=y, height=height)


def edges(band: Span) -> tuple[Line, Line]:
    """The two edges of a band."""
    end = percent(float(band.x[:-1]) + float(band.width[:-1]))
    return (
        Line(kind="bandedge", x=band.x, y1=band.y, y2=band.y + band.height),
        Line(kind="bandedge", x=end, y1=band.y, y2=band.y + band.height),
    )


def nice_step(extent: float, most: float) -> float:
    """The smallest step out of 1, 2, 2.5, 5 times a power of ten that needs at most `most` steps.

    >>> nice_step(0.35, 4), nice_step(100, 4)
    (0.1, 25.0)
    """
    raw = max(extent, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    return float(f"{step * power:.12g}")


def ticks(low: float, high: float, most: float = 4) -> tuple[float, ...]:
    """Round values from `low` to `high`, at most `most` + 1 of them.

    >>> ticks(0, 0.35)
    (0.0, 0.1, 0.2, 0.3)
    """
    step = nice_step(high - low, most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))


def log_ticks(scale: Scale) -> tuple[float, ...]:
    """Round ratios on a logarithmic axis, at most five, 1 always among them."""
    inside = [tick for tick in _LOG_TICKS if scale.holds(tick)]
    while len(inside) > _MOST_TICKS:
        inside = [
            tick for index, tick in enumerate(inside) if tick == 1.0 or (index - inside.index(1.0)) % 2 == 0
        ]
    return tuple(inside)


def around(values: Sequence[float], *, least: float, steps: int = 4) -> Scale:
    """An axis with round ends that holds all values and spans at least `least`."""
    low, high = min(values), max(values)
    margin = max(least - (high - low), 0.0) / 2
    low, high = low - margin, high + margin
    step = nice_step(high - low, steps)
    return Scale(
        low=float(f"{math.floor(low / step + 1e-9) * step:.12g}"),
        high=float(f"{math.ceil(high / step - 1e-9) * step:.12g}"),
    )


def path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """A polyline through points of the 100 x 100 box, at most 60 of them, the last one always.

    >>> path([0, 50], [100, 2.25])
    'M0.0 100.0L50.0 2.2'
    """
    every = math.ceil(len(xs) / _MOST_CURVE_POINTS)
    kept = [index for index in range(len(xs)) if index % every == 0 or index == len(xs) - 1]
    return "M" + "L".join(f"{xs[index]:.1f} {ys[index]:.1f}" for index in kept)
