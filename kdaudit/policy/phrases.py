"""Numbers and days as the rules print them; the conventions are those of the report."""

from __future__ import annotations

from datetime import date

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def percent(share: float) -> str:
    r"""A share with a no-break space.

    >>> percent(0.314)
    '31\xa0%'
    """
    return f"{share * 100:.0f}\u00a0%".replace("-", "\u2212")


def percent_with_interval(share: float, low: float | None, high: float | None) -> str:
    r"""A share with its 90 % interval, where it has one.

    >>> percent_with_interval(0.42, 0.345, 0.5)
    '42\xa0% [34, 50]'
    """
    if low is None or high is None:
        return percent(share)
    return f"{percent(share)} [{low * 100:.0f}, {high * 100:.0f}]".replace("-", "\u2212")


def bound(share: float) -> str:
    r"""A limit with all its digits.

    >>> bound(0.1), bound(0.075)
    ('10\xa0%', '7.5\xa0%')
    """
    return f"{share * 100:g}\u00a0%"


def day(moment: date) -> str:
    """A day in full.

    >>> day(date(2027, 3, 31))
    '31 March 2027'
    """
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


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
