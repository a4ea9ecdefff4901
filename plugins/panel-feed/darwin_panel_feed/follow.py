"""``follow = true``: rows that are appended to the files while a session runs are its live bars."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core import BarEvent, Finding
from darwin_panel_feed.feed import PanelFeed
from darwin_panel_feed.files import find
from darwin_panel_feed.growing import GrowingFile, GrowingSeries
from darwin_panel_feed.reference import align

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from darwin_core import Options
    from darwin_panel_feed.options import PanelOptions
    from darwin_panel_feed.setup import Setup

_POLL_S = 0.2
_KEPT = 64
"""Of how many of the newest moments the watched series may still change what was said."""


@define(eq=False)
class Follower:
    """Looks at the files of a panel again and again.

    Parameters
    ----------
    after
        Bars up to this time (ns) are not brought by the first look.
    files, series
        What is looked at; `series` by name.
    now
        The clock, ns.
    """

    after: int
    files: list[GrowingFile]
    series: dict[str, GrowingSeries]
    now: Callable[[], int] = time.time_ns
    _first: bool = field(default=True, init=False)
    _said: dict[int, dict[str, float]] = field(factory=dict, init=False)

    def look(self) -> list[BarEvent | Finding]:
        """Return what is new, oldest first; later looks bring changed bars too, however old."""
        arrival = self.now()
        bars: list[BarEvent] = []
        told: list[str] = []
        for file in self.files:
            blocks, words = file.look()
            told += words
            for block in blocks:
                rows = zip(block.time.tolist(), block.symbols, block.values, strict=True)
                bars += [BarEvent(t, s, v, arrival) for t, s, v in rows if t > self.after or not self._first]
        newest = max(self._said, default=self.after)
        for moment in sorted({bar.time for bar in bars}):
            if moment > newest:
                self._said[moment] = {}
        for name, series in self.series.items():
            told += series.look()
            bars += self._watched(name, series, arrival)
        for moment in list(self._said)[:-_KEPT]:
            del self._said[moment]
        self._first = False
        bars.sort(key=lambda bar: bar.time)
        return [*bars, *(Finding("data", "", arrival, text) for text in told)]

    def _watched(self, name: str, series: GrowingSeries, arrival: int) -> list[BarEvent]:
        """Say what a watched series was at the newest moments, where that has not been said yet."""
        if not len(series.time) or not self._said:
            return []
        moments = np.array(list(self._said), np.int64)
        values = align(series.time, series.values, moments, last=series.last).tolist()
        new = [(t, v) for t, v in zip(self._said, values, strict=True) if v == v and self._said[t].get(name) != v]  # noqa: PLR0124 - not NaN
        for moment, value in new:
            self._said[moment][name] = value
        return [BarEvent(t, name, np.array([v]), arrival) for t, v in new]


@define(eq=False)
class FollowedPanel(PanelFeed):
    """A panel that goes on.

    Parameters
    ----------
    follower
        Makes what looks at its files, for bars after a time (ns).
    """

    follower: Callable[[int], Follower] = field(kw_only=True)

    async def stream(self, after: int) -> AsyncIterator[BarEvent | Finding]:
        """Yield the bars after a time that stand in the files, then what is appended or changed."""
        follower = self.follower(after)
        while True:
            for event in await asyncio.to_thread(follower.look):
                yield event
            await asyncio.sleep(_POLL_S)


def followed(
    options: Options, chosen: PanelOptions, setup: Setup, paths: Sequence[Path], feed: PanelFeed
) -> FollowedPanel:
    """Return a panel with live bars; raise ConfigError when its files cannot grow."""
    if chosen.end:
        raise options.error("end", "a feed that follows its files has no last day: leave out `end` or `follow`")
    specs = {name: (find(options, spec.path, "reference")[0], spec) for name, spec in chosen.references.items()}
    for path in (*paths, *(path for path, _ in specs.values())):
        if path.suffix != ".csv":
            raise options.error("follow", f"{path.name} cannot be followed: rows can be appended to .csv files only")
    table = f"[{'.'.join(map(str, (*options.key, 'policy')))}]"

    def follower(after: int) -> Follower:
        files = [GrowingFile(path, setup, feed.fields, feed.interval, table) for path in dict.fromkeys(paths)]
        series = {
            name: GrowingSeries(path, setup.for_reference(spec), spec.align == "last", table)
            for name, (path, spec) in specs.items()
        }
        return Follower(after, files, series)

    return FollowedPanel(feed.bars, feed.interval, tuple(feed.findings()), follower=follower)
