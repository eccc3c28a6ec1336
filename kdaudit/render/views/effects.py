"""What the four numbers and the asymmetry figure share: axes of shares and ratios, intervals, limits."""

from __future__ import annotations

import math

from kdaudit import numbers
from kdaudit.render import charts, facts
from kdaudit.schema import AuditResult, EffectRecord

_HEIGHT, _ROW, _AXIS = 50.0, 14.0, 30.0
_MOST_STEPS = 3.2


def share_scale(
    effects: tuple[EffectRecord | None, ...], *, low: float, high: float, with_controls: bool = False
) -> charts.Scale:
    """An axis of shares that holds all estimates and intervals (and the controls'), between -100 and 100 %."""
    values = [
        value
        for effect in effects
        if effect is not None
        for value in (
            *(effect.estimate, effect.low90, effect.high90),
            *(effect.controls if with_controls else ()),
        )
        if value is not None
    ]
    if values and max(values) > high:
        high = 1.0
    if values and min(values) < low:
        low = max(math.floor(min(values) * 10) / 10, -1.0)
    return charts.Scale(low=low, high=high)


def ratio_scale(effect: EffectRecord) -> charts.Scale:
    """A logarithmic axis for a ratio, 0.5 to 2.5 or as far as its interval goes, within 0.02 to 50."""
    values = facts.known([effect.estimate, effect.low90, effect.high90])
    return charts.Scale(
        low=max(min([0.5, *[value * 0.9 for value in values]]), 0.02),
        high=min(max([2.5, *[value * 1.1 for value in values]]), 50.0),
        log=True,
    )


def interval_words(effect: EffectRecord, interval: str) -> str:
    """What stands beside an estimate: its interval, or why there is none."""
    if effect.low90 is not None:
        return f"90{numbers.NBSP}% interval {interval}"
    return (
        "a difference only: fewer than 3 controls" if effect.status == "differences-only" else "no interval"
    )


def effect_plot(
    name: str,
    title: str,
    effect: EffectRecord,
    scale: charts.Scale,
    *,
    ticks: tuple[tuple[float, str], ...],
    zero: float,
    limits: tuple[float, ...],
) -> charts.Plot:
    """The small plot of a card: a bar with a dot against the line of no effect and the limits."""
    lines = [charts.Line(kind="zero", x=scale.x(zero), y1=2, y2=_AXIS)]
    lines += [
        charts.Line(kind="lim", x=scale.x(limit), y1=2, y2=_AXIS) for limit in limits if scale.holds(limit)
    ]
    bars: tuple[charts.Bar, ...] = ()
    if effect.low90 is not None and effect.high90 is not None:
        bars = (charts.interval(scale, effect.low90, effect.high90, y=_ROW),)
    estimate = 0.0 if effect.estimate is None else effect.estimate
    return charts.Plot(
        id=name,
        title=title,
        height=_HEIGHT,
        rules=(_AXIS,),
        lines=(*lines, *(tick(scale, value) for value, _ in ticks)),
        dots=charts.row(scale, "stu", [estimate], y=_ROW),
        bars=bars,
        labels=tuple(tick_label(scale, value, label) for value, label in ticks),
    )


def limits_that_matter(result: AuditResult) -> tuple[float, ...]:
    """The limits on wrong knowledge that this outcome hangs on."""
    outcome = facts.status(result, "KD201")
    if outcome is None:
        return ()
    if outcome.value == "pass":
        return (result.margin_pass,)
    if outcome.value == "undecided":
        return tuple(sorted({result.margin_fail, result.margin_pass}))
    return (result.margin_fail,)


def tick(scale: charts.Scale, value: float) -> charts.Line:
    """A tick on the axis."""
    return charts.Line(kind="axis", x=scale.x(value), y1=_AXIS, y2=_AXIS + 4)


def tick_label(scale: charts.Scale, value: float, label: str) -> charts.Label:
    """The number below a tick."""
    return charts.Label(x=scale.x(value), y=_HEIGHT - 3, text=label, anchor="middle")
