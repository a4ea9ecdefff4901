"""The time between bars: what it is, which bars do not keep it, and when a bar that is stamped at its open ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen

from darwin_core import DataError
from darwin_panel_feed import zones
from darwin_panel_feed.options import DAY, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_panel_feed.report import Label, Report
    from darwin_panel_feed.setup import Setup

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]

SHORT, LONG = 0.75, 1.5  # shares of the interval; months, and days around a clock change, lie between
ENOUGH = 5  # steps that say something: of five daily ones, three are one day even across a long weekend
STRETCH = 50  # steps in a row, all too long, that are another interval and no gaps
_WEEK = 7 * DAY


@frozen(eq=False)
class Steps:
    """The steps between successive bars of a symbol, all symbols one after another.

    Parameters
    ----------
    symbol
        (n,) index of the symbol.
    end
        (n,) ns UTC of the bar at which the step ends.
    size
        (n,) ns.
    """

    symbol: Ints
    end: Ints
    size: Ints

    @classmethod
    def of(cls, moment: Ints, present: Bools) -> Steps:
        """Find the steps of each symbol between the bars it has; `present` is (T, S)."""
        symbol, row = np.nonzero(present.T)
        same = symbol[1:] == symbol[:-1]
        time = moment[row]
        return cls(symbol[1:][same], time[1:][same], np.diff(time)[same])


def most_frequent(sizes: Ints) -> int:
    """Return the most frequent step, the shortest of several; 0 when there is none."""
    if len(sizes) == 0:
        return 0
    values, counts = np.unique(sizes, return_counts=True)
    return int(values[np.argmax(counts)])


def interval(steps: Steps, setup: Setup, stamp: str, where: str) -> int:
    """Return the nominal time between bars in ns; raise DataError when nothing tells it."""
    found = most_frequent(steps.size)
    if stamp == "date":
        return _daily(found if len(steps.size) >= ENOUGH else DAY, setup, where)
    if not setup.interval and not found:
        msg = f'{where}: there are too few bars to tell how far they are apart: say it, interval = "1h" for example'
        raise DataError(msg)
    length = setup.interval or found
    if stamp == "open" and length > _WEEK:
        msg = f"{where}: bars are {say(length)} apart and stamped at their open, which does not tell their end"
        raise DataError(f'{msg}: stamp them at their close and set stamp = "close"')
    return length


def _daily(found: int, setup: Setup, where: str) -> int:
    """Return a day; raise DataError when bars that are stamped with dates are longer."""
    if setup.interval not in {0, DAY}:
        msg = f"{where}: the interval is stated as {say(setup.interval)}, but the stamps are dates of sessions"
        raise DataError(msg)
    if found > LONG * DAY:
        msg = f"{where}: stamps are dates and bars are {say(found)} apart: a date may be a bar's first or last day"
        raise DataError(f'{msg}: say which with stamp = "open" or "close", or use daily bars')
    return DAY


@frozen(eq=False)
class Spacing:
    """The check that bars keep the interval.

    Parameters
    ----------
    where
        Names the data in reports.
    length
        The interval, ns.
    open_ended
        Whether the ends of bars were taken from the interval, so that a longer bar would be known too early.
    """

    report: Report
    where: str
    length: int
    open_ended: bool

    def check(self, steps: Steps, symbols: Sequence[str]) -> None:
        """Report symbols whose bars come closer together, or lastingly further apart, than the interval."""
        first = np.searchsorted(steps.symbol, np.arange(len(symbols) + 1))
        for number, symbol in enumerate(symbols):
            own = slice(first[number], first[number + 1])
            size = steps.size[own]
            label = _labels(symbol, size, steps.end[own])
            short = np.flatnonzero(size < SHORT * self.length)
            if len(short):
                self._judge(symbol, short, label)
            long = _lasting(size, self.length)
            if len(long) and self.open_ended:
                self._refuse(symbol, long, label)
            elif len(long):
                self._judge(symbol, long, label)

    def _judge(self, symbol: str, rows: Ints, label: Label) -> None:
        hint = f"the interval of the feed is {say(self.length)}"
        self.report.judge("interval", f"{self.where}: {symbol}", rows, label, hint)

    def _refuse(self, symbol: str, rows: Ints, label: Label) -> None:
        what = f"{len(rows):,} bars are longer than the interval of {say(self.length)}, so their ends are not known"
        self.report.refuse(f"{self.where}: {symbol}: {what}", rows, label, "to accept: state the `interval`")


def _labels(symbol: str, size: Ints, end: Ints) -> Label:
    def label(step: int) -> str:
        at = np.datetime_as_string(end[step : step + 1].view("datetime64[ns]"), unit="s")[0]
        return f"{symbol} {at}Z: {say(int(size[step]))} after the bar before it"

    return label


def _lasting(size: Ints, length: int) -> Ints:
    """Return the steps that are too long to be gaps: all, when most of the symbol's are, or a long stretch."""
    long = size > LONG * length
    if len(size) >= ENOUGH and most_frequent(size) > LONG * length:
        return np.flatnonzero(long)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], long, [False])).astype(np.int8)))
    begin, end = edges[::2], edges[1::2]
    lasting = end - begin >= STRETCH
    parts = [np.arange(a, b) for a, b in zip(begin[lasting], end[lasting], strict=True)]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def ends(opens: Ints, length: int, zone: str, where: str) -> Ints:
    """Return when bars that open at `opens` are complete: one interval later; whole days by the zone's clock."""
    if length % DAY or zone == "UTC":
        return opens + length
    time, _, _ = zones.to_utc(zones.to_wall(opens, zone) + length, zone)
    if (np.diff(time) <= 0).any():
        msg = f"{where}: bars opening at different times end at the same time on a day of a clock change"
        raise DataError(msg)
    return time
