"""The learning curves of the controls."""

from __future__ import annotations

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, facts
from kdaudit.schema import AuditResult, ModelRecord

_CURVES: tuple[tuple[facts.ModelRole, charts.Kind, str], ...] = (
    ("independent", "ind", "i"),
    ("random", "rnd", "r"),
    ("positive", "pos", "p"),
    ("alternate", "alt", "a"),
)
_LAST_EPOCHS = 5


def _trained(result: AuditResult) -> list[ModelRecord]:
    """Fit controls with at least two epochs of known accuracy."""
    roles = [role for role, _, _ in _CURVES]
    return [
        model
        for model in result.models
        if model.role in roles and model.fit and len([p for p in model.curve if p.accuracy is not None]) > 1
    ]


def learning_curves(result: AuditResult) -> charts.CurvePlot | None:
    """Accuracy while training, by epoch; None where no control was trained for two epochs or more."""
    trained = _trained(result)
    if not trained:
        return None
    points = {
        model.name + str(index): [(p.epoch, p.accuracy) for p in model.curve if p.accuracy is not None]
        for index, model in enumerate(trained)
    }
    everything = [accuracy for curve in points.values() for _, accuracy in curve]
    scale = charts.around(everything, least=0.1)
    first = min(epoch for curve in points.values() for epoch, _ in curve)
    last = max(epoch for curve in points.values() for epoch, _ in curve)
    across = charts.Scale(low=float(first), high=float(last))
    kinds = {role: kind for role, _, kind in _CURVES}
    curves = tuple(
        charts.Curve(
            kind=kinds[model.role],  # type: ignore[arg-type]
            path=charts.path([across.at(e) for e, _ in curve], [100 - scale.at(a) for _, a in curve]),
        )
        for model, curve in zip(trained, points.values(), strict=True)
    )
    ticks = charts.ticks(scale.low, scale.high, 5)
    places = numbers.places(ticks, 100)
    epochs = sorted(
        {
            first,
            *(int(t) for t in charts.ticks(first, last, 4) if t == int(t) and t - first > (last - first) / 9),
        }
    )
    return charts.CurvePlot(
        id="p-curves",
        title=f"Training accuracy of {plural(len(trained), 'control')} over {last} epochs. {_ends(result)}",
        height=220,
        x_name="epoch",
        y_name="accuracy while training, %",
        x_ticks=tuple(charts.GridLine(at=across.x(epoch), text=str(epoch)) for epoch in epochs),
        y_ticks=tuple(
            charts.GridLine(at=charts.percent(100 - scale.at(tick)), text=numbers.fixed(tick * 100, places))
            for tick in ticks
        ),
        curves=curves,
    )


def _ends(result: AuditResult) -> str:
    said = []
    for role, _, _ in _CURVES:
        last = [
            next(p.accuracy for p in reversed(model.curve) if p.accuracy is not None)
            for model in _trained(result)
            if model.role == role
        ]
        if last:
            low, high = numbers.fixed(min(last) * 100, 1), numbers.percent(max(last), 1)
            said.append(f"{role} controls end between {low} and {high}")
    joined = ", ".join(said)
    return joined[:1].upper() + joined[1:] + "."


def levelled(result: AuditResult) -> str:
    """How much the runs still moved in their last epochs."""
    moved = []
    for model in _trained(result):
        last = [p.accuracy for p in model.curve if p.accuracy is not None][-_LAST_EPOCHS:]
        moved.append(max(last) - min(last))
    if not moved or min(len(model.curve) for model in _trained(result)) < _LAST_EPOCHS:
        return ""
    most = max(max(moved) * 100, 0.1)
    return (
        f"In the last {_LAST_EPOCHS} epochs no run moved by more than {numbers.number(most)} points. "
        "Accuracy is that on the training batches as they were trained."
    )
