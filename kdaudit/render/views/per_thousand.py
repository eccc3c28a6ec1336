"""What copying costs and brings in examples per 1,000: unit squares, or bars where there would be too many."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kdaudit import numbers
from kdaudit.render import facts
from kdaudit.schema import AuditResult, EffectRecord

_MOST_SQUARES, _IN_ROW, _SQUARE = 100, 20, 12
_BAR_PX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """A count per 1,000 examples: unit squares at `squares` (x, y) in px, or a bar of `bar` px with its sign."""

    title: str
    aside: str
    value: float
    shown: str
    interval: str
    squares: tuple[tuple[float, float], ...] = ()
    width: int = 0
    height: int = 0
    bar: int = 0
    sign: str = ""
    ghost: bool = False


@dataclass(frozen=True, slots=True)
class CountsView:
    """The rows, all drawn in one way, and what one mark means."""

    rows: tuple[CountRow, ...]
    note: str


def counts(result: AuditResult, harmless: float | None) -> CountsView:
    """Wrong and right answers beyond those of controls.

    `harmless` is the share of knowledge that a copier would take over who copies right and wrong alike; None where
    there is none to compare with.
    """
    rows = _rows(result, harmless)
    compared = "compared with the same network trained without the teacher."
    if any(row.value < -0.5 or round(row.value) > _MOST_SQUARES for row in rows):
        most = max(abs(row.value) for row in rows)
        return CountsView(tuple(_bar(row, most) for row in rows), f"All bars have one scale; {compared}")
    return CountsView(tuple(map(_squares, rows)), f"One square is one example in 1,000, {compared}")


def _rows(result: AuditResult, harmless: float | None) -> list[CountRow]:
    harm, benefit = result.harm_per_1000, result.benefit_per_1000
    rows = []
    if harm is not None and harm.estimate is not None:
        more = harm.estimate >= 0
        title = "Extra wrong answers" if more else "Wrong answers avoided"
        aside = "copied from the teacher" if more else "fewer of the teacher’s errors than controls repeat"
        rows.append(_row(title, aside, harm.estimate, _interval(harm)))
    if benefit is not None and benefit.estimate is not None:
        more = benefit.estimate >= 0
        title = "Extra right answers" if more else "Right answers lost"
        aside = (
            "taken from the teacher" if more else "fewer of the teacher’s right answers than controls give"
        )
        rows.append(_row(title, aside, benefit.estimate, _interval(benefit)))
    brought = _harmless_benefit(result, harmless)
    if brought is not None and harm is not None and harm.estimate is not None:
        aside = f"with the same {numbers.number(harm.estimate)} copied errors"
        row = _row("Extra right answers of a harmless copier", aside, brought, "hypothetical")
        rows.append(replace(row, ghost=True))
    return rows


def _row(title: str, aside: str, value: float, interval: str) -> CountRow:
    return CountRow(title=title, aside=aside, value=value, shown=numbers.number(value), interval=interval)


def _bar(row: CountRow, most: float) -> CountRow:
    sign = "+" if row.value > 0 else numbers.MINUS
    return replace(row, bar=max(round(_BAR_PX * abs(row.value) / most), 1), sign=sign)


def _squares(row: CountRow) -> CountRow:
    n = round(row.value)
    squares = tuple(
        ((index % _IN_ROW) * _SQUARE + 0.5, (index // _IN_ROW) * _SQUARE + 0.5) for index in range(n)
    )
    return replace(row, squares=squares, width=min(n, _IN_ROW) * _SQUARE, height=-(-n // _IN_ROW) * _SQUARE)


def _interval(effect: EffectRecord) -> str:
    if effect.low90 is None or effect.high90 is None:
        return ""
    return numbers.number_range(effect.low90, effect.high90)


def _harmless_benefit(result: AuditResult, share: float | None) -> float | None:
    """1000 n_R/n (1 - A_R(C)) kappa_W: the right answers that copying alike would have brought."""
    known = facts.controls_know(result)
    if share is None or known is None or result.n_R is None or result.n == 0:
        return None
    return 1000 * share * (result.n_R - known) / result.n
