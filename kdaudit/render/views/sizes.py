"""Section 8, second part: every measure of the student against its controls, with the effect sizes of the field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import facts, text, words
from kdaudit.schema import AuditResult, EffectRecord

Unit = Literal["percent", "points", "ratio", "plain"]


@dataclass(frozen=True, slots=True)
class _Measure:
    """A measure: its unit, what its number is where the name alone does not say so, limits that rounding must keep."""

    name: str
    unit: Unit
    aside: str = ""
    bounds: tuple[float, ...] = ()


_DISTANCES: dict[words.Distance, _Measure] = {
    "activation": _Measure(words.DISTANCES["activation"], "plain", "closer to the teacher by"),
    "js": _Measure(words.DISTANCES["js"], "plain", "closer by, in nats"),
    "rank": _Measure(words.DISTANCES["rank"], "plain", "closer by, share of positions"),
    "prediction": _Measure(words.DISTANCES["prediction"], "points", "closer by"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow:
    """One measure: what the student has beyond its controls, in its own unit and in those that all measures share."""

    name: str
    aside: str
    n: str
    estimate: str
    interval: str
    p: str
    z: str
    delta: str
    rank: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SizesView:
    """The table; without rows where nothing was compared."""

    caption: str
    rows: tuple[SizeRow, ...]
    note: str


def sizes(result: AuditResult) -> SizesView:
    """Every measure of an audit against its controls."""
    rows = (*_taken_over(result), *transfer_rows(result), *quality_rows(result))
    if all(row.estimate == numbers.NONE for row in rows):
        rows = ()
    caption = f"The student less the mean of {plural(result.n_controls, 'independent control')}."
    note = "n: the examples that count. p is one-sided, for a student above its controls (Holm for the distances)."
    return SizesView(caption=caption, rows=rows, note=note if rows else "")


def quality_rows(result: AuditResult) -> tuple[SizeRow, ...]:
    """The measures that say how good a student is, or what it shares with its teacher, whatever it took over."""
    measured = (
        (_Measure("Accuracy", "points"), result.accuracy_gap),
        (_Measure("Teacher’s right answers lost", "points"), result.negative_flips),
        (_Measure("Expected calibration error", "points"), result.ece),
        (_Measure("Error consistency with the teacher", "plain"), result.error_consistency),
        (_Measure("Information shared beyond the label", "plain", "nats"), result.information),
    )
    return tuple(_row(measure, effect, result.n) for measure, effect in measured if effect is not None)


def _taken_over(result: AuditResult) -> Iterator[SizeRow]:
    shares, ratios = facts.limits(result, "KD201"), facts.limits(result, "KD202")
    measured = (
        (_Measure("Wrong knowledge taken over", "percent", bounds=shares), result.kappa_W, result.n_W),
        (_Measure("Right knowledge taken over", "percent", bounds=shares), result.kappa_R, result.n_R),
        (_Measure("Asymmetry", "ratio", "ratio; its size on the log scale", ratios), result.rrr, result.n),
    )
    return (_row(measure, effect, n) for measure, effect, n in measured if effect is not None)


def transfer_rows(result: AuditResult) -> Iterator[SizeRow]:
    """How much closer to the teacher than its controls the student is, by each distance."""
    for key, measure in _DISTANCES.items():
        if key in result.transfer:
            yield _row(measure, result.transfer[key], result.n)


def _row(measure: _Measure, effect: EffectRecord, n: int | None) -> SizeRow:
    undefined = effect.estimate is None
    return SizeRow(
        name=measure.name,
        aside=text.opening(effect.note) if undefined else measure.aside,
        n=numbers.count(n),
        estimate=numbers.NONE if effect.estimate is None else _estimate(effect.estimate, measure),
        interval=_interval(effect, measure),
        p=numbers.p_bare(effect.p),
        z=numbers.number(effect.z),
        delta=numbers.number(effect.cliffs_delta, 2),
        rank=numbers.p_bare(effect.rank_p),
    )


def _estimate(value: float, measure: _Measure) -> str:
    if measure.unit == "percent":
        return numbers.percent(value, 0, measure.bounds)
    if measure.unit == "points":
        return numbers.points(value)
    return numbers.ratio(value, measure.bounds) if measure.unit == "ratio" else numbers.proportion(value)


def _interval(effect: EffectRecord, measure: _Measure) -> str:
    low, high = effect.low90, effect.high90
    if low is None or high is None or effect.estimate is None:
        return numbers.NONE
    if measure.unit == "percent":
        return numbers.percent_range(low, high, 0, measure.bounds)
    if measure.unit == "points":
        return numbers.percent_range(low, high, 1)
    if measure.unit == "ratio":
        return numbers.ratio_range(low, high, measure.bounds)
    return numbers.proportion_range(low, high, estimate=effect.estimate)
