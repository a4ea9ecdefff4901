"""When a portfolio is rebalanced: at the first bar of calendar periods.

Periods are numbered from 1970 on, so that they do not depend on where the data begins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from darwin_core import DataError, period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Bars

    Ints: TypeAlias = NDArray[np.int64]

Unit: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
_LONGEST = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def longest(unit: Unit, every: int, bars_per_day: float) -> int:
    """Return the most bars that `every` calendar units can hold.

    Examples
    --------
    >>> longest("month", 1, 1.0), longest("week", 2, 6.5)
    (31, 91)
    """
    return math.ceil(_LONGEST[unit] * every * bars_per_day)


def periods(bars: Bars, unit: Unit, every: int) -> Ints:
    """Return the number of the period of `every` units in which each bar is, in the feed's own zone, (T,)."""
    counted: Ints = period(bars.time, unit, bars.timezone) // every
    return counted


def rebalances(bars: Bars, unit: Unit, every: int, most: int) -> Ints:
    """Return the rows that begin a period, ascending.

    The first row of a window is none of them: whether it begins its period cannot be seen.

    Raises
    ------
    DataError
        When a period holds more than `most` bars, so that its begin may lie before the window.
    """
    numbers = periods(bars, unit, every)
    longer = np.flatnonzero(numbers[most:] == numbers[:-most])
    if len(longer):
        when = np.datetime_as_string(bars.local_time()[longer[0]], unit="D")
        msg = (
            f"there are more than {most} bars in the {every} {unit}(s) around {when}: "
            "set bars_per_day to the most bars that a day of this feed has"
        )
        raise DataError(msg)
    return np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
