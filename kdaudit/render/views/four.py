"""Section 2: accuracy, wrong and right knowledge taken over, and their ratio, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, facts, findings, shares, text, words
from kdaudit.render.views import effects
from kdaudit.schema import AuditResult, EffectRecord, RuleRecord

_HEIGHT, _ROW, _AXIS = 50.0, 14.0, 30.0
_CARD_LOW, _CARD_HIGH = -0.2, 0.6
_MOST_STEPS = 3.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One of the four numbers. `rule` is the rule it decides, None where there is none."""

    title: str
    big: str
    aside: str
    plot: charts.Plot | None
    why: str
    rule: RuleRecord | None
    mark: words.Mark | None
    alone: str = ""


@dataclass(frozen=True, slots=True)
class FourView:
    """The four cards and the marks that their key explains."""

    finding: str
    cards: tuple[Card, ...]
    key: tuple[str, ...]
    note: str


def four(result: AuditResult) -> FourView:
    """The four numbers of an audit; without labels there is none."""
    if not result.data.has_labels:
        return FourView(findings.of_numbers(result), (), (), "")
    scale = effects.share_scale((result.kappa_W, result.kappa_R), low=_CARD_LOW, high=_CARD_HIGH)
    cards = (_accuracy(result), _wrong(result, scale), _right(result, scale), _ratio(result))
    several = len(facts.models(result, "student"))
    note = f"All numbers of the student are means over {several} students." if several > 1 else ""
    return FourView(findings.of_numbers(result), cards, _key(cards), note)


def _accuracy(result: AuditResult) -> Card:
    student = facts.accuracy(result, "student")
    teacher, controls = facts.accuracy(result, "teacher"), facts.accuracy(result, "independent")
    parts = [f"teacher {numbers.percent(teacher, 1)}"] if teacher is not None else []
    parts += [f"controls {numbers.percent(controls, 1)}"] if controls is not None else []
    return _card(
        result,
        "KD401",
        title="Accuracy",
        big=numbers.percent(student, 1),
        aside="; ".join(parts) or "nothing to compare with",
        plot=_accuracy_plot(result),
        why=_accuracy_words(result),
    )


def _accuracy_words(result: AuditResult) -> str:
    gap, opening = result.accuracy_gap, findings.against_controls(result.accuracy_gap)
    if gap is None or gap.estimate is None:
        return text.opening(
            gap.note if gap and gap.note else "Not compared with networks trained without the teacher"
        )
    size = numbers.number(abs(gap.estimate) * 100)
    more = "more" if gap.estimate > 0 else "less"
    interval = ""
    if gap.low90 is not None and gap.high90 is not None:
        interval = f", interval {numbers.number_range(gap.low90 * 100, gap.high90 * 100)}"
    on = f"on {plural(result.n, 'example')}"
    if opening == "As accurate as":
        return f"As accurate as networks trained without the teacher {on}: {size} points {more}{interval}."
    return f"{size} points {more} than networks trained without the teacher, {on}{interval}."


def _accuracy_plot(result: AuditResult) -> charts.Plot | None:
    students = facts.known([model.accuracy for model in facts.models(result, "student")])
    teachers = facts.known([model.accuracy for model in facts.models(result, "teacher")])
    controls = facts.known([model.accuracy for model in facts.models(result, "independent")])
    band = facts.predictive_band(controls)
    shown = [*students, *teachers, *([max(band.low, 0.0), min(band.high, 1.0)] if band else controls)]
    if not students:
        return None
    scale = charts.around(shown, least=0.02, steps=3)
    spans = (charts.span(scale, band.low, band.high, y=6, height=16),) if band else ()
    dots = [dot for value in ([] if band else controls) for dot in charts.row(scale, "ind", [value], y=_ROW)]
    dots += [dot for value in teachers for dot in charts.row(scale, "tea", [value], y=_ROW)]
    dots += [dot for value in students for dot in charts.row(scale, "stu", [value], y=_ROW)]
    ends = (scale.low, scale.high)
    places = 0 if all(abs(end * 100 - round(end * 100)) < 1e-9 for end in ends) else 1
    title = f"Accuracy: student {numbers.percent(facts.mean(students), 1)}"
    title += f", teacher {numbers.percent(teachers[0], 1)}" if teachers else ""
    if band:
        title += (
            f", range of independent controls {numbers.percent_range(band.low, band.high, 1)}{numbers.NBSP}%"
        )
    return charts.Plot(
        id="p-accuracy",
        title=title,
        height=_HEIGHT,
        rules=(_AXIS,),
        spans=spans,
        lines=(
            *(edge for band_ in spans for edge in charts.edges(band_)),
            *(effects.tick(scale, end) for end in ends),
        ),
        dots=tuple(dots),
        labels=tuple(effects.tick_label(scale, end, numbers.percent(end, places)) for end in ends),
    )


def _wrong(result: AuditResult, scale: charts.Scale) -> Card:
    bounds = facts.limits(result, "KD201")
    return _share_card(
        result,
        result.kappa_W,
        scale,
        rule="KD201",
        title="Wrong knowledge taken over",
        bounds=bounds,
        limits=effects.limits_that_matter(result),
        why=_wrong_words(result),
    )


def _wrong_words(result: AuditResult) -> str:
    controls, repeated = facts.controls_repeat(result), result.n_repeated_W
    if controls is None or repeated is None or result.n_W is None:
        return ""
    more = repeated - round(controls)
    makes = (
        f"the student makes {numbers.count(more)} of these"
        if more >= 0
        else (f"the student, on balance, avoids {numbers.count(-more)} more")
    )
    avoided = numbers.count(result.n_W - round(controls))
    said = f"Controls avoid {avoided} of the teacher’s {plural(result.n_W, 'error')}; {makes}."
    outcome = facts.status(result, "KD201")
    if outcome is None or facts.unfit_rules(result):
        return said
    below = f"below {numbers.exactly(result.margin_pass)}"
    ending = {
        "undecided": "Too few to tell.",
        "pass": f"Not {below}, but more correct answers were gained."
        if facts.passed_by_gain(result)
        else f"Required: interval {below}{shares.fallen(result)}.",
    }.get(outcome.value, f"Limit {numbers.exactly(result.margin_fail)}{shares.risen(result)}.")
    return f"{said} {ending}"


def _right(result: AuditResult, scale: charts.Scale) -> Card:
    controls, known = facts.controls_know(result), result.n_repeated_R
    why = ""
    if controls is not None and known is not None and result.n_R is not None:
        more = known - round(controls)
        has = (
            f"the student has {numbers.count(more)} of these"
            if more >= 0
            else (f"the student, on balance, misses {numbers.count(-more)} more")
        )
        missed = numbers.count(result.n_R - round(controls))
        why = f"Controls miss {missed} of the teacher’s {plural(result.n_R, 'correct answer')}; {has}."
    return _share_card(
        result,
        result.kappa_R,
        scale,
        rule="",
        title="Right knowledge taken over",
        bounds=(),
        limits=(),
        why=why,
    )


def _share_card(
    result: AuditResult,
    effect: EffectRecord | None,
    scale: charts.Scale,
    *,
    rule: str,
    title: str,
    bounds: tuple[float, ...],
    limits: tuple[float, ...],
    why: str,
) -> Card:
    if effect is None or effect.estimate is None:
        note = text.opening(effect.note if effect and effect.note else "Not measured")
        return _card(result, rule, title=title, big=numbers.NONE, aside="not measured", plot=None, why=note)
    big = numbers.percent(effect.estimate, 0, bounds)
    interval = ""
    if effect.low90 is not None and effect.high90 is not None:
        interval = numbers.percent_range(effect.low90, effect.high90, 0, bounds)
    values = [value for value in charts.ticks(scale.low, scale.high, _MOST_STEPS) if scale.holds(value)]
    named = f"{title}: {big}, interval {interval or 'unknown'}; 0 is a network without the teacher, 100 % a full copy"
    plot = effects.effect_plot(
        "p-wrong" if rule else "p-right",
        named,
        effect,
        scale,
        ticks=tuple((value, numbers.percent(value)) for value in values),
        zero=0.0,
        limits=limits,
    )
    return _card(
        result, rule, title=title, big=big, aside=effects.interval_words(effect, interval), plot=plot, why=why
    )


def _ratio(result: AuditResult) -> Card:
    effect, title = result.rrr, "Asymmetry (ratio)"
    if effect is None or effect.estimate is None:
        note = text.opening(effect.note if effect and effect.note else "Not measured")
        return _card(
            result, "KD202", title=title, big=numbers.NONE, aside="not measured", plot=None, why=note
        )
    scale = effects.ratio_scale(effect)
    bounds = facts.limits(result, "KD202")
    interval = ""
    if effect.low90 is not None and effect.high90 is not None:
        interval = numbers.ratio_range(effect.low90, effect.high90, bounds)
    plot = effects.effect_plot(
        "p-ratio",
        f"Asymmetry ratio {numbers.ratio(effect.estimate)}, interval {interval or 'unknown'}; "
        "1 means that right and wrong knowledge are copied alike",
        effect,
        scale,
        ticks=tuple((value, f"{value:g}") for value in charts.log_ticks(scale)),
        zero=1.0,
        limits=bounds,
    )
    return _card(
        result,
        "KD202",
        title=title,
        big=numbers.ratio(effect.estimate, bounds),
        aside=effects.interval_words(effect, interval),
        plot=plot,
        why=_ratio_words(effect, facts.limit(result, "ratio")),
    )


def _ratio_words(effect: EffectRecord, limit: float) -> str:
    alike = "1 = right and wrong are copied alike."
    if effect.estimate is not None and effect.estimate > numbers.NEAR_COPY:
        return f"{alike} Above 50 the student is almost a copy of its teacher’s errors."
    if effect.low90 is not None and effect.high90 is not None and effect.low90 <= 1 < limit <= effect.high90:
        return f"{alike} The interval holds both 1 and the limit of {limit:g}."
    return f"{alike} Above {limit:g} the wrong is copied more."


def _card(
    result: AuditResult, rule: str, *, title: str, big: str, aside: str, plot: charts.Plot | None, why: str
) -> Card:
    row = facts.rule(result, rule)
    alone = "" if row else f"{rule} was not judged" if rule else "No rule; for comparison"
    mark = words.mark(row) if row else None
    return Card(title=title, big=big, aside=aside, plot=plot, why=why, rule=row, mark=mark, alone=alone)


def _key(cards: tuple[Card, ...]) -> tuple[str, ...]:
    plots = [card.plot for card in cards if card.plot]
    lines = {line.kind for plot in plots for line in plot.lines}
    dots = {dot.kind for plot in plots for dot in plot.dots}
    present = {
        "stu": "stu" in dots,
        "ci": any(plot.bars for plot in plots),
        "band": any(plot.spans for plot in plots),
        "ind": "ind" in dots,
        "tea": "tea" in dots,
        "lim": "lim" in lines,
    }
    return tuple(mark for mark, shown in present.items() if shown)
