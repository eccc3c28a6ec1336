"""Numbers as the rules print them; the conventions are those of the report."""

from __future__ import annotations


def percent(share: float) -> str:
    r"""A share with a no-break space.

    >>> percent(0.314)
    '31\xa0%'
    """
    return f"{share * 100:.0f}\u00a0%".replace("-", "\u2212")


def bare(value: float) -> str:
    """A probability or a weight without its leading zero.

    >>> bare(0.05)
    '.05'
    """
    return f"{value:g}".removeprefix("0")


def points(difference: float) -> str:
    """A difference of shares in points, with its sign.

    >>> points(-0.034)
    '−3.4 points'
    """
    return f"{difference * 100:+.1f} points".replace("-", "\u2212")
