"""Section 7: how the controls were made, how their training went, and whether they are a fair comparison."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import listing, plural
from kdaudit.render import charts, facts, findings, text
from kdaudit.render.views.curves import learning_curves, levelled
from kdaudit.schema import AuditResult

_ROW, _FIRST = 24, 12
_OF_DISTILLED = frozenset({"alpha", "temperature"})
_SETTINGS = {
    "lr": "learning rate",
    "augment": "augmentation",
    "alpha": "weight of a teacher",
    "temperature": "temperature of a teacher",
}


@dataclass(frozen=True, slots=True)
class AssumptionRow:
    """A condition, how it was met, and how we know."""

    what: str
    value: str
    known_from: str


@dataclass(frozen=True, slots=True)
class UnfitRow:
    """A control that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class AccuracyView:
    """The accuracy of all models in rows."""

    rows: tuple[str, ...]
    plot: charts.Plot
    key: tuple[str, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class ControlsView:
    """Sentences, the two figures and the tables; a figure is None where there is nothing to draw."""

    finding: str
    made: tuple[str, ...]
    curves: charts.CurvePlot | None
    curves_key: tuple[str, ...]
    curves_caption: str
    accuracy: AccuracyView | None
    assumptions: tuple[AssumptionRow, ...]
    unfit: tuple[UnfitRow, ...]


def controls(result: AuditResult) -> ControlsView:
    """The controls of an audit."""
    curves = learning_curves(result)
    return ControlsView(
        findings.of_controls(result),
        tuple(
            said
            for said in (_recipe(result), _fidelity(result), _positive(result), _alternate(result))
            if said
        ),
        curves,
        tuple(
            f"curve-{kind}"
            for kind in ("i", "p", "r", "a")
            if curves and any(c.kind == kind for c in curves.curves)
        ),
        levelled(result),
        _accuracy(result),
        tuple(
            AssumptionRow(text.one_line(row.what), text.one_line(row.value) or numbers.NONE, row.known_from)
            for row in result.assumptions
        ),
        tuple(
            UnfitRow(text.name(model.name), text.opening(model.unfit_reason) or "No reason was recorded.")
            for model in facts.unfit(result)
        ),
    )


def _recipe(result: AuditResult) -> str:
    recipe = result.recipe
    if recipe is None:
        return "The controls were supplied, not trained here." if result.n_controls else ""
    distilled = result.n_random + result.n_positive + result.n_alternate > 0
    settings = [
        f"{_SETTINGS.get(key, key.replace('_', ' '))} {_value(value)}"
        for key, value in recipe.items()
        if distilled or key not in _OF_DISTILLED
    ]
    data = result.train_data
    on = f" on {text.name(data.name)} ({plural(data.n, 'example')})" if data is not None else ""
    seconds = facts.training_seconds(result)
    taken = f" All trainings together took {numbers.duration(seconds)}." if seconds >= 1 else ""
    return f"The controls were trained{on}: {text.one_line(', '.join(settings))}.{taken}"


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _fidelity(result: AuditResult) -> str:
    """How faithful the controls' network is, where the table of conditions does not say it already."""
    if result.fidelity in [row.value for row in result.assumptions]:
        return ""
    return text.opening(result.fidelity) if result.n_controls else ""


def _positive(result: AuditResult) -> str:
    """What freshly distilled students show: that this audit could have seen it."""
    controls = facts.mean([model.agreement_W for model in facts.models(result, "independent")])
    if controls is None or controls >= 1:
        return ""
    shares = [
        numbers.percent((model.agreement_W - controls) / (1 - controls))
        for model in facts.models(result, "positive")
        if model.agreement_W is not None
    ]
    if not shares:
        return ""
    they, take = ("The positive control", "takes") if len(shares) == 1 else ("Positive controls", "take")
    return (
        f"{they}, freshly distilled from this teacher, {take} over {listing(shares)} "
        "of the wrong knowledge: this is what the audit would see."
    )


def _alternate(result: AuditResult) -> str:
    """What another teacher's students show: how much of the agreement any teacher's student has."""
    found, teachers = result.atd, facts.models(result, "alternate-teacher")
    if found is None:
        return ""
    said = f"{plural(result.n_alternate, 'alternate control')} learnt from another teacher"
    if teachers and teachers[0].accuracy is not None and teachers[0].agreement_W is not None:
        said += (
            f", {text.name(teachers[0].name)} (right in {numbers.percent(teachers[0].accuracy, 1)}; where this teacher "
            f"is wrong, it gives the same answer in {numbers.percent(teachers[0].agreement_W)})"
        )
    if found.estimate is None:
        return f"{said}. Nothing could be measured against them: {found.note}."
    share = numbers.percent_with_range(found.estimate, found.low90, found.high90)
    tested = numbers.p_value(found.p) if found.p is not None else "not tested: at least three are needed"
    return f"{said}. The student takes over {share} of the wrong knowledge that they leave ({tested})."


def _accuracy(result: AuditResult) -> AccuracyView | None:
    named: list[tuple[str, charts.Kind, list[float]]] = [
        ("Student", "stu", _accuracies(result, "student")),
        ("Independent", "ind", _accuracies(result, "independent")),
        ("Positive", "pos", _accuracies(result, "positive")),
        ("Random", "rnd", _accuracies(result, "random")),
        ("Alternate", "alt", _accuracies(result, "alternate")),
        ("Teacher", "tea", _accuracies(result, "teacher")),
    ]
    named = [row for row in named if row[2]]
    if not named:
        return None
    independent = _accuracies(result, "independent")
    band = facts.predictive_band(independent)
    ends = [max(band.low, 0.0), min(band.high, 1.0)] if band else []
    scale = charts.around([*ends, *(value for _, _, values in named for value in values)], least=0.02)
    bottom = _ROW * len(named)
    spans = (charts.span(scale, band.low, band.high, y=1, height=2 * _ROW - 2),) if band else ()
    ticks = charts.ticks(scale.low, scale.high, 3)
    places = numbers.places(ticks, 100)
    spoken = ", ".join(
        f"{name.lower()} {numbers.fixed(min(values) * 100, 1)}"
        + (f" to {numbers.fixed(max(values) * 100, 1)}" if len(values) > 1 else "")
        for name, _, values in named
    )
    plot = charts.Plot(
        id="p-models",
        title=f"Accuracy in percent: {spoken}",
        height=bottom + 24,
        spans=spans,
        lines=(
            *(charts.Line(kind="axis", x=scale.x(tick), y1=0, y2=bottom) for tick in ticks),
            *(edge for span in spans for edge in charts.edges(span)),
        ),
        dots=tuple(
            dot
            for index, (_, kind, values) in enumerate(named)
            for dot in charts.row(scale, kind, values, y=_FIRST + _ROW * index)
        ),
        labels=tuple(
            charts.Label(x=scale.x(tick), y=bottom + 16, text=numbers.percent(tick, places), anchor="middle")
            for tick in ticks
        ),
    )
    key = (*(kind for _, kind, _ in named), *(("band",) if band else ()))
    return AccuracyView(tuple(name for name, _, _ in named), plot, key, _fair(result, band))


def _accuracies(result: AuditResult, role: facts.ModelRole) -> list[float]:
    return facts.known([model.accuracy for model in facts.models(result, role)])


def _fair(result: AuditResult, band: facts.Band | None) -> str:
    student = facts.accuracy(result, "student")
    if student is None or band is None:
        return ""
    if band.low <= student <= band.high:
        return "The student lies where one more independent control would fall."
    side = "above" if student > band.high else "below"
    return f"The student lies {side} where one more independent control would fall."
