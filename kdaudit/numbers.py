"""How numbers are written wherever somebody reads them: once rounded, at the end, half away from zero.

A minus is U+2212 and a unit hangs on a no-break space, so that no line breaks inside a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from kdaudit.numerics import plural

MINUS = "−"
NBSP = "\u00a0"
NONE = "–"
NEAR_COPY = 50.0
ALPHA = 0.05
SMALLEST_P, LARGEST_P = 0.001, 0.99
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MOST_DECIMALS = 6


def fixed(value: float, decimals: int) -> str:
    """The number with so many decimals, commas from 1,000 and a true minus; never a negative zero.

    >>> fixed(-0.004, 2), fixed(12345.678, 1)
    ('0.00', '12,345.7')
    """
    rounded = _rounded(Decimal(repr(float(value))), decimals)
    text = f"{abs(rounded):,.{decimals}f}"
    return MINUS + text if rounded < 0 else text


def decimals_for(values: Sequence[float], decimals: int, limits: Sequence[float] = ()) -> int:
    """The fewest decimals, from `decimals` on, at which no value changes its side of a limit by rounding.

    >>> decimals_for([19.96], 0, [20.0])
    2
    """
    while decimals < _MOST_DECIMALS and any(_hides(v, limit, decimals) for v in values for limit in limits):
        decimals += 1
    return decimals


def percent(share: float | None, decimals: int = 0, limits: Sequence[float] = ()) -> str:
    r"""A share as a percentage; `limits` are shares that rounding must not reach or cross.

    >>> percent(0.3106), percent(0.1996, limits=[0.2]), percent(None)
    ('31\xa0%', '19.96\xa0%', '–')
    """
    if share is None:
        return NONE
    value, bounds = _hundredfold(share), [_hundredfold(limit) for limit in limits]
    return f"{fixed(value, decimals_for([value], decimals, bounds))}{NBSP}%"


def percent_range(low: float, high: float, decimals: int = 0, limits: Sequence[float] = ()) -> str:
    r"""The interval of a share, without a repeated unit.

    >>> percent_range(-0.02, 0.304)
    '[−2,\xa030]'
    """
    ends, bounds = [_hundredfold(low), _hundredfold(high)], [_hundredfold(limit) for limit in limits]
    places = decimals_for(ends, decimals, bounds)
    return f"[{fixed(ends[0], places)},{NBSP}{fixed(ends[1], places)}]"


def percent_with_range(
    share: float | None, low: float | None, high: float | None, limits: Sequence[float] = ()
) -> str:
    r"""A share and its interval, where it has one.

    >>> percent_with_range(0.42, 0.345, 0.5), percent_with_range(0.42, None, None)
    ('42\xa0% [35,\xa050]', '42\xa0%')
    """
    said = percent(share, 0, limits)
    return said if low is None or high is None else f"{said} {percent_range(low, high, 0, limits)}"


def points(difference: float | None, decimals: int = 1) -> str:
    r"""A difference of two shares, with its sign.

    >>> points(-0.041), points(0.186)
    ('−4.1\xa0points', '+18.6\xa0points')
    """
    if difference is None:
        return NONE
    text = fixed(_hundredfold(difference), decimals)
    plus = "+" if difference > 0 and any(digit in text for digit in "123456789") else ""
    return f"{plus}{text}{NBSP}points"


def proportion(value: float | None) -> str:
    """What cannot exceed 1, without its leading zero: two significant digits, at least two decimals.

    >>> proportion(0.0462), proportion(0.3), proportion(0.00431), proportion(1.0)
    ('.046', '.30', '.0043', '1.00')
    """
    if value is None:
        return NONE
    return _no_leading_zero(fixed(value, _significant(value)))


def proportion_range(low: float, high: float, *, estimate: float) -> str:
    r"""The interval of a proportion, both ends with the decimals of the estimate or of the larger end.

    >>> proportion_range(0.0898, 0.1003, estimate=0.095)
    '[.090,\xa0.100]'
    """
    places = max(_significant(max(abs(low), abs(high))), _significant(estimate))
    return f"[{_no_leading_zero(fixed(low, places))},{NBSP}{_no_leading_zero(fixed(high, places))}]"


def ratio(value: float | None, limits: Sequence[float] = ()) -> str:
    """A ratio with two decimals; beyond 50 it says no more than that.

    >>> ratio(1.387), ratio(1.2496, limits=[1.25]), ratio(400.0)
    ('1.39', '1.2496', 'above 50')
    """
    if value is None:
        return NONE
    return f"above {NEAR_COPY:.0f}" if value > NEAR_COPY else fixed(value, decimals_for([value], 2, limits))


def ratio_range(low: float, high: float, limits: Sequence[float] = ()) -> str:
    r"""The interval of a ratio.

    >>> ratio_range(1.18, 1.64)
    '[1.18,\xa01.64]'
    """
    return f"[{ratio(low, limits)},{NBSP}{ratio(high, limits)}]"


def number(value: float | None, decimals: int = 1) -> str:
    """A plain number, such as a count per 1,000.

    >>> number(16.36), number(None)
    ('16.4', '–')
    """
    return NONE if value is None else fixed(value, decimals)


def number_range(low: float, high: float, decimals: int = 1) -> str:
    r"""The interval of a plain number.

    >>> number_range(-2.1, 5.7)
    '[−2.1,\xa05.7]'
    """
    return f"[{fixed(low, decimals)},{NBSP}{fixed(high, decimals)}]"


def count(value: float | None) -> str:
    """A count: whole where it is whole, else with one decimal.

    >>> count(10000), count(11.04), count(None)
    ('10,000', '11.0', '–')
    """
    if value is None:
        return NONE
    return fixed(value, 0 if float(value).is_integer() else 1)


def p_bare(p: float | None) -> str:
    r"""A p-value for a table cell: two significant digits, more where they would hide which side of .05 it is.

    >>> p_bare(0.0004), p_bare(0.0131), p_bare(0.0498), p_bare(0.25), p_bare(0.999)
    ('<\xa0.001', '.013', '.0498', '.25', '>\xa0.99')
    """
    if p is None:
        return NONE
    if p < SMALLEST_P:
        return f"<{NBSP}.001"
    if p > LARGEST_P:
        return f">{NBSP}.99"
    text = fixed(p, decimals_for([p], _significant(p), [ALPHA]))
    return _no_leading_zero(text[:4] + text[4:].rstrip("0"))


def p_value(p: float | None) -> str:
    r"""A p-value for a sentence.

    >>> p_value(0.002), p_value(0.0001)
    ('p\xa0=\xa0.002', 'p\xa0<\xa0.001')
    """
    text = p_bare(p)
    return f"p{NBSP}{text}" if text[0] in "<>" else f"p{NBSP}={NBSP}{text}"


def places(values: Sequence[float], factor: float) -> int:
    """The fewest decimals that write all these axis values, times a factor, exactly.

    >>> places([0.0, 0.025, 0.05], 100), places([0.0, 0.1], 1)
    (1, 1)
    """
    for decimals in range(_MOST_DECIMALS):
        if all(abs(value * factor - round(value * factor, decimals)) < 1e-9 for value in values):
            return decimals
    return _MOST_DECIMALS


def exactly(share: float) -> str:
    r"""A limit as a percentage with all its digits.

    >>> exactly(0.1), exactly(0.075)
    ('10\xa0%', '7.5\xa0%')
    """
    return percent(share, places([share], 100))


def bare(value: float, decimals: int) -> str:
    """A number without its leading zero.

    >>> bare(0.05, 2)
    '.05'
    """
    return _no_leading_zero(fixed(value, decimals))


def duration(seconds: float) -> str:
    """A time span in the unit that suits it.

    >>> duration(31.2), duration(1440), duration(7500)
    ('31 seconds', '24 minutes', '2 hours 5 minutes')
    """
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return plural(round(seconds), "second")
    minutes = round(seconds / 60)
    if minutes < 90:
        return plural(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    return plural(hours, "hour") + (f" {plural(rest, 'minute')}" if rest else "")


def day(moment: str) -> str:
    """The day of an ISO time, in UTC; other text as it is.

    >>> day("2025-11-24T14:05:00+00:00")
    '24 Nov 2025'
    """
    time = utc(moment)
    return moment if time is None else f"{time.day} {MONTHS[time.month - 1][:3]} {time.year}"


def day_and_time(moment: str) -> str:
    """Day and time of an ISO time, in UTC; other text as it is.

    >>> day_and_time("2025-11-24T15:05:00+01:00")
    '24 November 2025, 14:05 UTC'
    """
    time = utc(moment)
    return moment if time is None else f"{time.day} {MONTHS[time.month - 1]} {time.year}, {time:%H:%M} UTC"


def utc(moment: str) -> datetime | None:
    """An ISO time in UTC; None for other text."""
    try:
        time = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def _hundredfold(share: float) -> float:
    """In decimal, since 0.285 * 100 is not 28.5 in binary."""
    return float(Decimal(repr(float(share))).scaleb(2))


def _hides(value: float, limit: float, decimals: int) -> bool:
    shown = _rounded(Decimal(repr(float(value))), decimals)
    return (value > limit) != (shown > Decimal(repr(float(limit)))) or (
        (value < limit) != (shown < Decimal(repr(float(limit))))
    )


def _significant(value: float) -> int:
    """Decimals that show two significant digits, from 2 to 6."""
    if value == 0:
        return 2
    return min(max(1 - math.floor(math.log10(abs(value))), 2), _MOST_DECIMALS)


def _no_leading_zero(text: str) -> str:
    bare = text.removeprefix(MINUS)
    sign = MINUS if bare != text else ""
    return sign + (bare[1:] if bare.startswith("0.") else bare)
