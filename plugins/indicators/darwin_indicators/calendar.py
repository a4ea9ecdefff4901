"""Columns of the calendar, in the feed's own time zone, known with the bar's time alone.

A bar that ends at midnight belongs to the day that ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from darwin_core import Bars
    from darwin_indicators.windows import Floats

    Wall = NDArray[np.datetime64]
    Whole = NDArray[np.int64]

_MINUTE = 60_000_000_000


def _days(wall: Wall) -> Whole:
    return wall.astype("datetime64[D]").astype(np.int64)


def _day_of_week(wall: Wall) -> Whole:
    return (_days(wall) + 3) % 7  # 1970-01-01 was a Thursday


def _month(wall: Wall) -> Whole:
    return wall.astype("datetime64[M]").astype(np.int64) % 12 + 1


def _day_of_month(wall: Wall) -> Whole:
    return _days(wall) - wall.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1


def _days_to_month_end(wall: Wall) -> Whole:
    next_month = (wall.astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    return next_month - 1 - _days(wall)


def _minute_of_day(wall: Wall) -> Whole:
    since_midnight = wall.astype("datetime64[ns]").astype(np.int64) - _days(wall) * (1440 * _MINUTE)
    return since_midnight // _MINUTE + 1


@frozen(eq=False)
class Calendar:
    """A number read off the calendar, (T,)."""

    read: Callable[[Wall], Whole]

    @property
    def lookback(self) -> int:
        """A bar's time is enough."""
        return 0

    def compute(self, bars: Bars) -> Floats:
        """Return the number for each bar, (T,)."""
        return self.read(wall(bars)).astype(np.float64)


@frozen(eq=False)
class Cycle:
    """Sine or cosine of a number that goes round, so that its end lies beside its beginning, (T,)."""

    read: Callable[[Wall], Whole]
    period: int
    wave: np.ufunc

    @property
    def lookback(self) -> int:
        """A bar's time is enough."""
        return 0

    def compute(self, bars: Bars) -> Floats:
        """Return the wave's value for each bar, (T,)."""
        # From a table: a vectorized sine may differ in the last bit with the length of the array.
        table = self.wave(np.arange(self.period) * (2.0 * np.pi / self.period))
        values: Floats = table[self.read(wall(bars)) % self.period]
        return values


def wall(bars: Bars) -> Wall:
    """Return wall-clock times just before the bars are complete, (T,)."""
    return evolve(bars, time=bars.time - 1).local_time()


_READERS: dict[str, Callable[[Wall], Whole]] = {
    "day_of_week": _day_of_week,
    "month": _month,
    "day_of_month": _day_of_month,
    "days_to_month_end": _days_to_month_end,
    "minute_of_day": _minute_of_day,
}
_PERIODS = {"day_of_week": 7, "month": 12, "minute_of_day": 1440}

CALENDAR: dict[str, Calendar | Cycle] = {
    **{name: Calendar(read) for name, read in _READERS.items()},
    **{f"{name}_sin": Cycle(_READERS[name], period, np.sin) for name, period in _PERIODS.items()},
    **{f"{name}_cos": Cycle(_READERS[name], period, np.cos) for name, period in _PERIODS.items()},
}
