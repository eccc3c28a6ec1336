"""Section 6, second part: where it happens. Classes, pairs of classes and slices, each with what was taken over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, facts, text
from kdaudit.schema import AuditResult, PartRecord

_MOST_ROWS = 20
_MOST_WITH_EXAMPLES = 5
_MOST_EXAMPLES = 3
_SCALE = charts.Scale(low=-0.3, high=1.0)
_MIDDLE = 10.0

Family = Literal["class", "pair", "slice"]
_TITLES: dict[Family, str] = {"class": "Classes", "pair": "Pairs of classes", "slice": "Slices"}
_CAPTIONS: dict[Family, str] = {
    "class": "By true class.",
    "pair": "By true class and the teacher’s answer.",
    "slice": "By the values of the named columns.",
}
_RULES: dict[Family, str] = {"class": "KD404", "slice": "KD405"}
_MORE: dict[Family, tuple[str, str]] = {
    "class": ("more class", "more classes"),
    "pair": ("more pair", "more pairs"),
    "slice": ("more slice", "more slices"),
}


@dataclass(frozen=True, slots=True)
class PartExample:
    """An inherited error of a part; `anchor` is its place in the gallery, empty where that does not show it."""

    id: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One part of the data. `bar` is None where too few teacher errors allow no test, `at` '' beyond the axis."""

    name: str
    examples: tuple[PartExample, ...]
    n_errors: str
    repeated: str
    zero: str
    bar: charts.Bar | None
    at: str
    taken: str
    p: str
    accuracy: str
    lost: str
    strong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTable:
    """The parts of one family, the most striking first; `rest` says what is left out."""

    family: Family
    title: str
    caption: str
    rows: tuple[PartRow, ...]
    rest: str
    with_accuracy: bool


def part_tables(result: AuditResult) -> tuple[PartTable, ...]:
    """A table for each family in which something was tested."""
    tables = (_table(result, family) for family in _TITLES)
    return tuple(table for table in tables if table.rows)


def _table(result: AuditResult, family: Family) -> PartTable:
    rate = facts.limit(result, "false_discovery")
    found = sorted(facts.tested_parts(result, family), key=lambda part: (_q(part), -part.n_W, part.name))
    shown = found[:_MOST_ROWS]
    n_more = sum(part.family == family for part in result.parts) - len(shown)
    return PartTable(
        family=family,
        title=_TITLES[family],
        caption=f"{_CAPTIONS[family]} Wrong knowledge taken over beyond controls; p by Benjamini–Hochberg at "
        f"{numbers.exactly(rate)}. {_weight(result, family)}",
        rows=tuple(
            _row(part, rate, _examples(result, part) if place < _MOST_WITH_EXAMPLES else ())
            for place, part in enumerate(shown)
        ),
        rest=_rest(family, n_more, all_shown=len(shown) == len(found)),
        with_accuracy=family != "pair",
    )


def _rest(family: Family, n_more: int, *, all_shown: bool) -> str:
    if not n_more:
        return ""
    noun = plural(n_more, *_MORE[family])
    why = " with fewer than 20 teacher errors" if all_shown else ""
    return f"And {noun}{why}, in audit.json."


def _weight(result: AuditResult, family: Family) -> str:
    """What these parts do to the verdict."""
    raised = {change.rule for change in result.policy.changed_levels if change.level == "error"}
    rule = _RULES.get(family)
    if rule in raised:
        return f"By this policy, accuracy lost in one of them can fail the audit ({rule})."
    return f"{_TITLES[family]} never change the verdict."


def _examples(result: AuditResult, part: PartRecord) -> tuple[PartExample, ...]:
    """The most surprising inherited errors of a part; none where chance explains too many of the list."""
    anchors = facts.gallery_anchors(result)
    ids = part.inherited[:_MOST_EXAMPLES] if anchors else ()
    return tuple(PartExample(text.short(id), anchors.get(id, "")) for id in ids)  # noqa: A001


def _row(part: PartRecord, rate: float, examples: tuple[PartExample, ...]) -> PartRow:
    effect = part.kappa_W
    bar, at, taken = None, "", numbers.NONE
    if effect is not None and effect.estimate is not None:
        at = _SCALE.x(effect.estimate) if _SCALE.holds(effect.estimate) else ""
        taken = numbers.percent(effect.estimate)
        if effect.low90 is not None and effect.high90 is not None:
            low, high = effect.low90, effect.high90
            taken += f" {numbers.percent_range(low, high)}"
            bar = charts.interval(_SCALE, low, high, y=_MIDDLE)
    return PartRow(
        name=text.name(part.name),
        examples=examples,
        n_errors=numbers.count(part.n_W),
        repeated=f"{numbers.number(part.repeated, 0)} ({numbers.number(part.repeated_by_controls, 0)})",
        zero=_SCALE.x(0.0),
        bar=bar,
        at=at,
        taken=taken,
        p=numbers.p_bare(part.q_kappa_W),
        accuracy=_accuracy(part),
        lost=_lost(part),
        strong=_q(part) <= rate,
    )


def _accuracy(part: PartRecord) -> str:
    if part.accuracy is None or part.accuracy_of_controls is None:
        return numbers.NONE
    return f"{part.accuracy * 100:.1f} ({part.accuracy_of_controls * 100:.1f})"


def _lost(part: PartRecord) -> str:
    """Student's accuracy less controls', with its interval and the number of examples; '' where it was not tested."""
    lost = part.lost
    if lost is None or lost.estimate is None or lost.low90 is None or lost.high90 is None:
        return ""
    interval = numbers.number_range(-lost.high90 * 100, -lost.low90 * 100)
    return (
        f"{numbers.points(-lost.estimate)} {interval}, n{numbers.NBSP}={numbers.NBSP}{numbers.count(part.n)}"
    )


def _q(part: PartRecord) -> float:
    return 1.0 if part.q_kappa_W is None else part.q_kappa_W
