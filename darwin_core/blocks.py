"""Calendar-anchored blocks: the pieces of history in which components are evaluated.

The cuts depend on the calendar alone, never on where the data begins, so that a live run and a backtest over
any stretch see the same arrays.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from darwin_core.types import local_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.types import Bools, Ints

_SECONDS = {
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "quarter": 7_776_000,
    "year": 31_536_000,
    "decade": 315_360_000,
}
_BARS_WANTED, _CELLS_WANTED = 1_024, 65_536


@frozen
class Block:
    """Rows `start` to `stop` (exclusive) of a feed."""

    start: int
    stop: int

    def __len__(self) -> int:
        """Return the number of bars."""
        return self.stop - self.start


def unit_for(interval: int, symbols: int) -> str:
    """Return the smallest calendar unit that holds some 1,000 bars of `interval` ns, and 65,536 bars times symbols.

    A block costs some 0.1 ms beside the work in it, which few cells would not be worth; and live computes the open
    block again at every bar, which many cells would make slow.

    Examples
    --------
    >>> [unit_for(s * 1_000_000_000, 1) for s in (60, 3600, 86_400)]
    ['quarter', 'decade', 'decade']
    >>> [unit_for(s * 1_000_000_000, 100) for s in (60, 3600, 86_400)]
    ['day', 'quarter', 'decade']
    """
    wanted = max(_BARS_WANTED, _CELLS_WANTED // max(symbols, 1))
    for unit, seconds in _SECONDS.items():
        if seconds * 1_000_000_000 >= wanted * interval:
            return unit
    return "decade"


def period(time: Ints, unit: str, timezone: str) -> NDArray[np.int64]:
    """Return the number of each bar's calendar period, (T,): equal numbers are the same hour, day, week, ..."""
    wall = local_time(time - 1, timezone)  # a bar that ends at midnight belongs to the day that ends
    if unit in ("minute", "hour", "day"):
        return wall.astype(f"datetime64[{unit[0] if unit != 'minute' else 'm'}]".replace("[d]", "[D]")).astype(np.int64)
    if unit == "week":
        return (wall.astype("datetime64[D]").astype(np.int64) + 3) // 7  # weeks begin on Monday
    months = wall.astype("datetime64[M]").astype(np.int64)
    return months // {"month": 1, "quarter": 3, "year": 12, "decade": 120}[unit]


def starts(time: Ints, unit: str, timezone: str, before: int | None) -> Bools:
    """Mark the first bar of each period, (T,); `before` is the time of the bar before the first, if any."""
    numbers = period(time, unit, timezone)
    first = np.empty(len(time), np.bool_)
    first[1:] = numbers[1:] != numbers[:-1]
    if len(first):
        first[0] = before is None or period(np.array([before]), unit, timezone)[0] != numbers[0]
    return first


def cut(time: Ints, unit: str, timezone: str) -> list[Block]:
    """Cut a history into blocks; ``whole`` makes one of it."""
    if unit == "whole" or len(time) == 0:
        return [Block(0, len(time))] if len(time) else []
    edges = [*np.flatnonzero(starts(time, unit, timezone, None)).tolist(), len(time)]
    return [Block(a, b) for a, b in pairwise(edges)]
