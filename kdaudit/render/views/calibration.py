"""Section 8: whether a model's confidence can be believed, and answers that the student lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, facts, findings
from kdaudit.schema import AuditResult, ModelRecord

_Value = Callable[[ModelRecord], float | None]
_MEASURES: tuple[tuple[str, _Value, bool], ...] = (
    ("Accuracy", lambda model: model.accuracy, True),
    ("Expected calibration error", lambda model: model.ece, True),
    ("Log loss", lambda model: model.loss, False),
    ("Teacher’s right answers lost", lambda model: model.negative_flips, True),
    ("Error consistency with the teacher", lambda model: model.error_consistency, False),
)


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One measure of student, controls and teacher."""

    name: str
    student: str
    controls: str
    teacher: str


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """The curve and the table; the curve is None where there are no bins."""

    finding: str
    plot: charts.CurvePlot | None
    key: tuple[str, ...]
    rows: tuple[MeasureRow, ...]
    note: str
    caption: str


def calibration(result: AuditResult) -> CalibrationView:
    """The calibration of an audit's models."""
    plot = _plot(result)
    kinds = {curve.kind for curve in plot.curves} if plot else set()
    key = tuple(f"rel-{kind}" for kind in ("s", "t", "i", "d") if kind in kinds)
    note = ""
    if plot:
        note = "15 bins with equally many answers each; a dot is the mean confidence and the accuracy of one bin."
    rows = tuple(row for measure in _MEASURES if (row := _row(result, *measure)) is not None)
    caption = (
        f"On {plural(result.n, 'example')}. Controls: mean (smallest to largest); intervals stand below."
    )
    return CalibrationView(findings.of_calibration(result), plot, key, rows, note, caption)


def _plot(result: AuditResult) -> charts.CurvePlot | None:
    students = [model for model in facts.models(result, "student") if model.reliability]
    if not students:
        return None
    others = [model for model in facts.models(result, "independent") if model.reliability]
    teachers = [model for model in facts.models(result, "teacher") if model.reliability]
    drawn = [*students, *others, *teachers]
    lowest = min(min(row.confidence, row.accuracy) for model in drawn for row in model.reliability)
    ticks = charts.ticks(int(lowest * 10) / 10 if lowest < 1 else 0.9, 1.0, 4)
    scale = charts.Scale(low=min(ticks[0], int(lowest * 10) / 10, 0.9), high=1.0)
    curves = [_curve(scale, "i", model) for model in others]
    curves.append(charts.Curve(kind="d", path=charts.path([0, 100], [100, 0])))
    curves += [_curve(scale, "t", model) for model in teachers]
    curves += [_curve(scale, "s", model) for model in students]
    places = numbers.places(ticks, 100)
    marks = [(scale.at(tick), numbers.fixed(tick * 100, places)) for tick in ticks]
    return charts.CurvePlot(
        id="p-reliability",
        title=f"Reliability: accuracy against confidence. {findings.of_calibration(result)}",
        height=260,
        x_name="confidence, %",
        y_name="accuracy, %",
        x_ticks=tuple(charts.GridLine(at=charts.percent(at), text=said) for at, said in marks),
        y_ticks=tuple(charts.GridLine(at=charts.percent(100 - at), text=said) for at, said in marks),
        curves=tuple(curves),
        dots=tuple(
            (scale.x(row.confidence), charts.percent(100 - scale.at(row.accuracy)))
            for model in students
            for row in model.reliability
        ),
    )


def _curve(scale: charts.Scale, kind: str, model: ModelRecord) -> charts.Curve:
    xs = [scale.at(row.confidence) for row in model.reliability]
    ys = [100 - scale.at(row.accuracy) for row in model.reliability]
    return charts.Curve(kind=kind, path=charts.path(xs, ys))  # type: ignore[arg-type]


def _row(result: AuditResult, name: str, value: _Value, is_share: bool) -> MeasureRow | None:
    def shown(number: float | None) -> str:
        return numbers.percent(number, 1) if is_share else numbers.number(number, 3)

    student = facts.mean([value(model) for model in facts.models(result, "student")])
    teacher = facts.mean([value(model) for model in facts.models(result, "teacher")])
    controls = facts.known([value(model) for model in facts.models(result, "independent")])
    if student is None and teacher is None and not controls:
        return None
    said = numbers.NONE
    if controls:
        factor, places = (100, 1) if is_share else (1, 3)
        low, high = (numbers.fixed(end * factor, places) for end in (min(controls), max(controls)))
        said = f"{numbers.fixed(sum(controls) / len(controls) * factor, places)} ({low}–{high})"
    return MeasureRow(name, shown(student), said, shown(teacher))
