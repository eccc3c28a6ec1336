"""What rules say with numbers and days."""

from __future__ import annotations

from datetime import date

from kdaudit.numbers import MONTHS


def day(moment: date) -> str:
    """A day in full.

    >>> day(date(2027, 3, 31))
    '31 March 2027'
    """
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def bare(value: float) -> str:
    """A probability or a weight without its leading zero.

    >>> bare(0.05)
    '.05'
    """
    return f"{value:g}".removeprefix("0")


def at_most(margin: float) -> str:
    """A margin in points.

    >>> at_most(0.01), at_most(0.025)
    ('1 point', '2.5 points')
    """
    return f"{margin * 100:g} point{'' if margin == 0.01 else 's'}"


def compared(difference: float, *, more: str, less: str) -> str:
    """How far apart two shares are, in words; '' where the difference rounds to nothing.

    >>> compared(0.018, more="more", less="fewer"), compared(-0.018, more="more", less="fewer")
    ('1.8 points more', '1.8 points fewer')
    """
    size = f"{abs(difference) * 100:.1f}"
    return "" if float(size) == 0 else f"{size} points {more if difference > 0 else less}"
