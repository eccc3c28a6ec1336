"""Section 4: how far each model's outputs are from the teacher's, in up to four measures."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, findings, words
from kdaudit.schema import AuditResult, TransferRecord

_UNITS: dict[words.Distance, str] = {
    "activation": "mean L2 of the probabilities",
    "js": "nats",
    "rank": "share of class positions",
    "prediction": "share of examples",
}
_ROW = 24
_FIRST = 12


@dataclass(frozen=True, slots=True)
class Strip:
    """One measure: its rows of marks, and the numbers in a sentence."""

    title: str
    unit: str
    rows: tuple[str, ...]
    plot: charts.Plot
    says: str


@dataclass(frozen=True, slots=True)
class TransferView:
    """The strips and the marks that their key explains."""

    finding: str
    strips: tuple[Strip, ...]
    key: tuple[str, ...]
    note: str


def transfer(result: AuditResult) -> TransferView:
    """The functional transfer of an audit."""
    strips = tuple(
        _strip(measure, result.transfer[measure]) for measure in words.DISTANCES if measure in result.transfer
    )
    records = tuple(result.transfer.values())
    key = (
        "stu",
        *(
            mark
            for mark, shown in (
                ("ci", any(_bounds(record) for record in records)),
                ("mean", any(record.independent for record in records)),
                ("ind", any(record.independent for record in records)),
                ("pos", any(record.positive for record in records)),
                ("rnd", any(record.random for record in records)),
            )
            if shown
        ),
    )
    return TransferView(findings.of_transfer(result), strips, key if strips else (), _note(records, result.n))


def _strip(measure: words.Distance, record: TransferRecord) -> Strip:
    title = words.DISTANCES[measure]
    everyone = [record.student, *record.independent, *record.positive, *record.random]
    scale = charts.Scale(low=0.0, high=max(max(everyone) * 1.04, 1e-6))
    named: list[tuple[str, charts.Kind, tuple[float, ...]]] = [
        ("Student", "stu", (record.student,)),
        ("Independent", "ind", record.independent),
    ]
    named += [("Positive", "pos", record.positive)] if record.positive else []
    named += [("Random", "rnd", record.random)] if record.random else []
    dots = [
        dot
        for index, (_, kind, values) in enumerate(named)
        for dot in charts.row(scale, kind, values, y=_FIRST + _ROW * index)
    ]
    bottom = _ROW * len(named) + 4
    marks = charts.ticks(0.0, scale.high, 3)
    lines = [charts.Line(kind="axis", x=scale.x(tick), y1=0, y2=bottom) for tick in marks]
    if record.independent:
        lines.append(charts.Line(kind="zero", x=scale.x(_mean(record.independent)), y1=0, y2=2 * _ROW))
    plot = charts.Plot(
        id=f"p-{measure}",
        title=f"{title}, distance to the teacher: {_spoken(measure, record)}",
        height=bottom + 20,
        lines=tuple(lines),
        dots=tuple(dots),
        bars=_bars(record, scale),
        labels=tuple(
            charts.Label(x=scale.x(tick), y=bottom + 16, text=_tick(measure, tick, marks), anchor="middle")
            for tick in marks
        ),
    )
    return Strip(title, _UNITS[measure], tuple(name for name, _, _ in named), plot, _says(measure, record))


def _bounds(record: TransferRecord) -> bool:
    return record.low90 is not None and record.high90 is not None


def _bars(record: TransferRecord, scale: charts.Scale) -> tuple[charts.Bar, ...]:
    """The interval of the distance between student and controls' mean, drawn at the student."""
    if record.low90 is None or record.high90 is None or not record.independent:
        return ()
    centre = _mean(record.independent)
    return (charts.interval(scale, centre - record.high90, centre - record.low90, y=_FIRST),)


def _says(measure: words.Distance, record: TransferRecord) -> str:
    if record.estimate is None:
        return f"Not measured: {record.note or 'undefined here'}."
    nearer = "Closer" if record.estimate >= 0 else "Further away"
    parts = [f"{nearer} than controls by {_amount(measure, abs(record.estimate))}{_range(measure, record)}"]
    if record.z is not None:
        parts.append(f"effect size {numbers.number(record.z)}")
    beaten = sum(record.student < value for value in record.independent)
    parts.append(f"closer than {beaten} of {len(record.independent)}")
    parts.append(f"{numbers.p_value(record.p)} (Holm)" if record.p is not None else "not tested")
    return "; ".join(parts) + "."


def _amount(measure: words.Distance, value: float) -> str:
    return f"{numbers.number(value * 100)} points" if measure == "prediction" else numbers.proportion(value)


def _range(measure: words.Distance, record: TransferRecord) -> str:
    if record.low90 is None or record.high90 is None or record.estimate is None:
        return ""
    low, high = (record.low90, record.high90) if record.estimate >= 0 else (-record.high90, -record.low90)
    if measure == "prediction":
        return f" {numbers.number_range(low * 100, high * 100)}"
    return f" {numbers.proportion_range(low, high, estimate=record.estimate)}"


def _tick(measure: words.Distance, tick: float, marks: tuple[float, ...]) -> str:
    if tick == 0:
        return "0"
    if measure == "prediction":
        return numbers.percent(tick, numbers.places(marks, 100))
    return numbers.bare(tick, 0 if tick == int(tick) else numbers.places(marks, 1))


def _spoken(measure: words.Distance, record: TransferRecord) -> str:
    def spoken(value: float) -> str:
        return numbers.percent(value, 1) if measure == "prediction" else numbers.proportion(value)

    parts = [f"student {spoken(record.student)}"]
    for name, values in (
        ("independent", record.independent),
        ("positive", record.positive),
        ("random", record.random),
    ):
        if values:
            parts.append(f"{name} controls {spoken(min(values))} to {spoken(max(values))}")
    return ", ".join(parts)


def _note(records: tuple[TransferRecord, ...], n: int) -> str:
    if not records:
        return ""
    note = f"Means over {plural(n, 'example')}. 0 on the left is the teacher itself. "
    if all(record.p is None for record in records):
        return note.strip()
    if any(_bounds(record) for record in records):
        note += (
            "The bar is the interval of the distance between student and controls’ mean, drawn at the student: "
            "where it does not reach the line, the student is closer; p is corrected for all measures, so it may "
            "ask for more. "
        )
    if any(record.p_random is not None for record in records):
        return note + (
            "The student must be closer than the independent and the random controls; noise teachers also change "
            "how a network is regularised, so being closer than they are alone proves nothing."
        )
    return note + "There were too few random controls to compare with, so only the independent ones decide."


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)
