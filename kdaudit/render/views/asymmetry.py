"""Section 5: wrong against right knowledge on one scale, and what that means in examples per 1,000."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, facts, findings
from kdaudit.render.views.effects import limits_that_matter, share_scale
from kdaudit.render.views.per_thousand import CountsView, counts
from kdaudit.schema import AuditResult, EffectRecord

_NAMED_ENDS = 45
_WRONG, _RIGHT, _BOTTOM = 74.0, 150.0, 198.0


@dataclass(frozen=True, slots=True)
class AsymmetryView:
    """The figure with its key and caption, the counts, and two sentences of numbers."""

    finding: str
    plot: charts.Plot | None
    key: tuple[str, ...]
    caption: str
    counts: CountsView
    says: tuple[str, ...]


def asymmetry(result: AuditResult) -> AsymmetryView:
    """The asymmetry of an audit."""
    says = tuple(said for said in (_ratio(result), _raw(result)) if said)
    finding = findings.of_asymmetry(result)
    if not facts.measured(result.kappa_W) and not facts.measured(result.kappa_R):
        return AsymmetryView(finding, None, (), "", CountsView((), ""), says)
    plot = _plot(result)
    return AsymmetryView(
        finding, plot, _key(plot), _caption(result), counts(result, _harmless_share(result)), says
    )


def _plot(result: AuditResult) -> charts.Plot:
    wrong, right = result.kappa_W, result.kappa_R
    scale = share_scale((wrong, right), low=-0.1, high=1.0, with_controls=True)
    lines: list[charts.Line] = []
    dots: list[charts.Dot] = []
    bars: list[charts.Bar] = []
    labels = [*_limit_lines(result, scale, lines)]
    title = "Share of knowledge taken over beyond controls."
    for name, effect, y in (("Wrong knowledge", wrong, _WRONG), ("Right knowledge", right, _RIGHT)):
        said = _said(result, effect, wrong=effect is wrong)
        labels += [
            charts.Label(x="0%", y=y - (62 if y == _WRONG else 26), text=name, bold=True),
            charts.Label(x="100%", y=y - (62 if y == _WRONG else 26), text=said, anchor="end", bold=True),
        ]
        title += f" {name} {said}."
        lines.append(charts.Line(kind="zero", x=scale.x(0), y1=y - 14, y2=y + 22))
        if effect is not None:
            dots += charts.row(scale, "ind", [], y=y) + _controls(scale, effect, y=y + 14)
            bars += _bar(scale, effect, y=y)
            dots += _student(scale, effect, y=y)
    labels += _harmless(result, scale, lines, dots)
    ticks = charts.ticks(scale.low, scale.high, 5)
    lines += [charts.Line(kind="axis", x=scale.x(tick), y1=_BOTTOM, y2=_BOTTOM + 5) for tick in ticks]
    labels += [_tick_label(scale, tick) for tick in ticks]
    labels += _ends(scale)
    return charts.Plot(
        id="p-asymmetry",
        title=title,
        height=242,
        rules=(_WRONG, _RIGHT, _BOTTOM),
        lines=tuple(lines),
        dots=tuple(dots),
        bars=tuple(bars),
        labels=tuple(labels),
    )


def _limit_lines(result: AuditResult, scale: charts.Scale, lines: list[charts.Line]) -> list[charts.Label]:
    """Limit lines of the upper row. Their labels stand at two heights, so that neither line crosses a text."""
    shown = limits_that_matter(result)
    fail, passes = numbers.exactly(result.margin_fail), numbers.exactly(result.margin_pass)
    words = {
        result.margin_pass: f"pass: interval ends below {passes}",
        result.margin_fail: f"fail: estimate from {fail}",
    }
    if result.margin_pass == result.margin_fail:
        words = {result.margin_fail: f"pass: below {passes}, fail: from {fail}"}
    turned = scale.at(max(shown, default=0)) > 40
    labels = []
    for index, limit in enumerate(reversed(shown) if turned else shown):
        y = 36 + 16 * index if len(shown) > 1 else 52
        lines.append(charts.Line(kind="lim", x=scale.x(limit), y1=y + 4, y2=_WRONG + 10))
        labels.append(
            charts.Label(x=scale.x(limit), y=y, text=words[limit], anchor="end" if turned else "start")
        )
    return labels


def _said(result: AuditResult, effect: EffectRecord | None, *, wrong: bool) -> str:
    if effect is None or effect.estimate is None:
        return "not measured"
    bounds = facts.limits(result, "KD201") if wrong else ()
    return numbers.percent_with_range(effect.estimate, effect.low90, effect.high90, bounds)


def _controls(scale: charts.Scale, effect: EffectRecord, *, y: float) -> tuple[charts.Dot, ...]:
    r = min(charts.radius("ind", len(effect.controls)), 3.0)
    return tuple(charts.Dot(kind="ind", x=scale.x(value), y=y, r=r) for value in effect.controls)


def _bar(scale: charts.Scale, effect: EffectRecord, *, y: float) -> list[charts.Bar]:
    if effect.low90 is None or effect.high90 is None:
        return []
    return [charts.interval(scale, effect.low90, effect.high90, y=y)]


def _student(scale: charts.Scale, effect: EffectRecord, *, y: float) -> list[charts.Dot]:
    return [] if effect.estimate is None else [charts.Dot(kind="stu", x=scale.x(effect.estimate), y=y, r=6.5)]


def _harmless(
    result: AuditResult, scale: charts.Scale, lines: list[charts.Line], dots: list[charts.Dot]
) -> list[charts.Label]:
    """What a copier would show that repeats the teacher equally often, right or wrong."""
    share = _harmless_share(result)
    if share is None:
        return []
    x = scale.x(share)
    # The names and numbers of the lower row stand at its ends; the line must not cross them.
    gap = (
        (_RIGHT - 42, _RIGHT - 20)
        if not _NAMED_ENDS < scale.at(share) < 100 - _NAMED_ENDS
        else (_RIGHT, _RIGHT)
    )
    lines.append(charts.Line(kind="ref", x=x, y1=_WRONG, y2=gap[0]))
    lines.append(charts.Line(kind="ref", x=x, y1=gap[1], y2=_RIGHT))
    dots.append(charts.Dot(kind="ghost", x=x, y=_RIGHT, r=6))
    said = f"a harmless copier: {numbers.percent(share)} here too"
    return [charts.Label(x=x, y=_RIGHT + 33, text=said, anchor="end" if scale.at(share) > 45 else "start")]


def _harmless_share(result: AuditResult) -> float | None:
    wrong = None if result.kappa_W is None else result.kappa_W.estimate
    return wrong if wrong is not None and wrong > 0 and facts.measured(result.kappa_R) else None


def _tick_label(scale: charts.Scale, tick: float) -> charts.Label:
    last = scale.at(tick) > 99
    anchor: charts.Anchor = "end" if last else "start" if scale.at(tick) < 1 else "middle"
    return charts.Label(x=scale.x(tick), y=_BOTTOM + 20, text=numbers.percent(tick), anchor=anchor)


def _ends(scale: charts.Scale) -> list[charts.Label]:
    turned = scale.at(0) > 35
    return [
        charts.Label(x=scale.x(0), y=236, text="as without the teacher", anchor="end" if turned else "start"),
        charts.Label(x="100%", y=236, text="full copy", anchor="end"),
    ]


def _key(plot: charts.Plot) -> tuple[str, ...]:
    kinds = {dot.kind for dot in plot.dots}
    present = {
        "stu": "stu" in kinds,
        "ci": bool(plot.bars),
        "loo": "ind" in kinds,
        "ghost": "ghost" in kinds,
        "lim": any(line.kind == "lim" for line in plot.lines),
    }
    return tuple(mark for mark, shown in present.items() if shown)


def _caption(result: AuditResult) -> str:
    said = (
        "Both rows have the same scale: 0 is a network that never saw the teacher, "
        f"100{numbers.NBSP}% a full copy of it."
    )
    share = _harmless_share(result)
    right = None if result.kappa_R is None else result.kappa_R.estimate
    if share is None or right is None:
        return said
    said += (
        " A harmless copier repeats the teacher equally often, right or wrong, "
        "so its two dots stand one above the other (dashed)."
    )
    gap = (share - right) * 100
    if round(gap) > 0:
        return f"{said} Here the right-knowledge dot is {plural(round(gap), 'point')} short of it."
    if round(gap) < 0:
        return f"{said} Here the right-knowledge dot lies beyond it: more right than wrong was taken over."
    return f"{said} Here the right-knowledge dot stands where the harmless copier’s does."


def _ratio(result: AuditResult) -> str:
    effect = result.rrr
    if effect is None or effect.estimate is None:
        return ""
    bounds = facts.limits(result, "KD202")
    said = f"Ratio {numbers.ratio(effect.estimate, bounds)}"
    if effect.low90 is not None and effect.high90 is not None:
        said += f" {numbers.ratio_range(effect.low90, effect.high90, bounds)}"
    if result.p_asymmetry is not None:
        said += f", {numbers.p_value(result.p_asymmetry)}"
    if effect.estimate > numbers.NEAR_COPY:
        return f"{said}: the student is almost a copy of the teacher where it is wrong."
    wrong, right = result.kappa_W, result.kappa_R
    if wrong is None or right is None or wrong.estimate is None or right.estimate is None:
        return f"{said}."
    return (
        f"{said}: the student’s disagreement with the teacher is {numbers.percent(1 - wrong.estimate)} of the "
        f"controls’ where the teacher is wrong, and {numbers.percent(1 - right.estimate)} of it where it is right."
    )


def _raw(result: AuditResult) -> str:
    if result.raw_gain_W is None or result.raw_gain_R is None:
        return ""
    return (
        f"The raw gains, as the paper reports them: {numbers.points(result.raw_gain_W)} where the teacher is wrong, "
        f"{numbers.points(result.raw_gain_R)} where it is right. They are shown, not tested: "
        "the second has little room to grow."
    )
