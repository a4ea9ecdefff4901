"""Where a session's bars come from: the past at any speed, or a market as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import define, field

from darwin_core.errors import ConfigError, DataError
from darwin_core.live import gaps
from darwin_core.live.assembling import Assembler, BarEvent, Finding, Sanity
from darwin_core.live.tape import Slice
from darwin_core.plugins import why
from darwin_core.types import local_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from darwin_core.live.calendar import Calendar
    from darwin_core.protocols import Feed, Stream
    from darwin_core.types import Floats, Ints

_END = object()
"""What a feed itself can never send."""
_SECOND = 1_000_000_000
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0
_MOMENT_S = 1.0
"""How often the clock is looked at when nothing comes."""
_ROOM = 10_000
"""Messages that wait at most; a stream that has more to say waits itself."""
_NEVER = 2**63 - 1
_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_YEARS = range(1678, 2262)
"""Those whose days nanoseconds of 64 bits can say."""


class Source(Protocol):
    """Yields one bar of all symbols after the other."""

    @property
    def total(self) -> int:
        """How many there will be, 0 when nobody knows."""

    def slices(self) -> AsyncIterator[Slice]:
        """Yield the bars, each when it is complete or its time is up."""


@define(eq=False)
class Replay:
    """Rows of a feed's past.

    Parameters
    ----------
    start, stop
        Row numbers.
    total
        How many bars the whole session has, those of an earlier process included.
    speed
        Bars a second; 0 is as fast as they are taken.
    """

    feed: Feed
    start: int
    stop: int
    total: int
    speed: float = 0.0
    _chunk: int = 256

    async def slices(self) -> AsyncIterator[Slice]:
        """Yield the rows one by one."""
        for first in range(self.start, self.stop, self._chunk):
            bars = self.feed.read(first, min(first + self._chunk, self.stop))
            values = np.stack([bars.fields[name] for name in self.feed.fields])
            reference = np.array(list(bars.reference.values())).reshape(len(bars.reference), len(bars))
            for n, time in enumerate(bars.time.tolist()):
                here = ~np.isnan(bars.close[n])
                yield Slice(
                    time, np.ascontiguousarray(values[:, n]), np.ascontiguousarray(reference[:, n]),
                    np.where(here, time, 0).astype(np.int64),
                )  # fmt: skip
                await asyncio.sleep(1.0 / self.speed if self.speed else 0)


def rows_between(feed: Feed, between: str, where: str) -> tuple[int, int]:
    """Return the rows of the days FROM (included) to TO (excluded), in the feed's zone; either may be left out."""
    first, colon, last = between.partition(":")
    times = feed.times()
    if not colon:
        raise ConfigError(f"{where}: {between!r}: write FROM:TO, 2015-01-01:2016-01-01; either may be empty")
    days = [_day(text, where) if text else None for text in (first.strip(), last.strip())]
    if days[0] is not None and days[1] is not None and days[0] >= days[1]:
        raise ConfigError(f"{where}: {between!r}: TO is the first day that is left out, and must be after FROM")
    edges = [None if day is None else _row(times, day, feed.timezone) for day in days]
    start, stop = edges[0] or 0, len(times) if edges[1] is None else edges[1]
    if start >= stop:
        raise ConfigError(f"{where}: the feed has no bars in {between!r}: {_range(times, feed.timezone)}")
    return start, stop


def _day(text: str, where: str) -> np.datetime64:
    """Return midnight of a day, or of a month's or a year's first one, as nanoseconds."""
    try:
        if _DAY.fullmatch(text) and int(text[:4]) in _YEARS:
            return np.datetime64(text, "ns")
    except ValueError:
        pass
    raise ConfigError(f"{where}: {text!r} is no date from {_YEARS[0]} to {_YEARS[-1]}: write it as 2015-01-31")


def _row(times: Ints, day: np.datetime64, timezone: str) -> int:
    return int(np.searchsorted(local_time(times, timezone), day, side="right"))


def _range(times: Ints, timezone: str) -> str:
    days = local_time(times[[0, -1]], timezone).astype("datetime64[D]")
    return f"it has {days[0]} to {days[1]}"


@define(eq=False)
class Market:
    """A feed's stream, assembled.

    Parameters
    ----------
    feed
        Brings bars of single symbols.
    after
        Time of the last bar that is on the tape, ns.
    assembler
        Puts them together.
    now
        The session's clock.
    told
        Told what was wrong with a message, and what did not come.
    late
        Given the bars that came too late, or corrected.
    calendar
        When bars are due; None: gaps and silence are not looked for.
    """

    feed: Stream
    after: int
    assembler: Assembler
    now: Callable[[], int]
    told: Callable[[Finding], None]
    late: Callable[[BarEvent], None]
    calendar: Calendar | None = None
    total: int = 0
    _events: asyncio.Queue[Any] = field(factory=lambda: asyncio.Queue(_ROOM), init=False)
    _over: bool = field(default=False, init=False)
    _lost: str = field(default="", init=False)
    _silent: bool = field(default=False, init=False)

    @classmethod
    def of(
        cls, feed: Stream, symbols: tuple[str, ...], fields: tuple[str, ...], watched: tuple[str, ...], after: int,
        deadline_s: float, max_jump: float, now: Callable[[], int], told: Callable[[Finding], None],
        late: Callable[[BarEvent], None], calendar: Calendar | None = None, interval: int = 0,
        closes: Floats | None = None,
    ) -> Market:  # fmt: skip
        """Make one with its assembler; `closes` are the last ones before, (S,), `interval` the feed's, ns."""
        deadline = int(deadline_s * _SECOND)
        assembler = Assembler(symbols, fields, watched, deadline, Sanity(max_jump), after, interval)
        if closes is not None:
            assembler.knows(closes)
        return cls(feed, after, assembler, now, told, late, calendar)

    async def slices(self) -> AsyncIterator[Slice]:
        """Yield each moment when it is complete or its deadline has come; ends when the market has ended for good."""
        pump = asyncio.create_task(self._pump())
        try:
            while True:
                # What has come already counts before the clock does: a bar must not be late because others took long.
                for _ in range(self._events.qsize()):
                    self._take(self._events.get_nowait())
                row = self.assembler.ready(_NEVER if self._over else self.now())
                self._drain()
                if row is not None:
                    self._look_back(row.time)
                    yield row
                elif self._over:
                    return
                else:
                    self._look_around()
                    await self._wait(pump)
        finally:
            pump.cancel()
            await asyncio.wait({pump}, timeout=_MOMENT_S)  # a plugin that does not let go must not keep a stop waiting

    async def _wait(self, pump: asyncio.Task[None]) -> None:
        """Wait for a message, for the next deadline, or for a moment."""
        deadline = self.assembler.next_deadline()
        seconds = _MOMENT_S if deadline is None else min(_MOMENT_S, (deadline - self.now()) / _SECOND)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                self._take(await self._events.get())
        except TimeoutError:
            if pump.done() and self._events.empty():
                pump.result()  # raises what has ended it
                self._over = True

    def _take(self, event: Any) -> None:
        """Take one message of the stream; _END is behind the last one."""
        if event is _END:
            self._over = True
        elif isinstance(event, Finding):
            self.told(event)
        elif isinstance(event, BarEvent):
            self.assembler.offer(event, self.now())
        else:
            self.told(Finding("absurd", "", self.now(), f"the feed sent {event!r}, which is no BarEvent"))

    def _drain(self) -> None:
        for finding in self.assembler.findings:
            self.told(finding)
        self.assembler.findings.clear()
        for bar in self.assembler.late:
            self.late(bar)
        self.assembler.late.clear()

    def _look_back(self, time: int) -> None:
        """Tell of the bars that are missing before one that came."""
        last, self.after, self._silent = self.after, time, False
        if self.calendar is None or not self.assembler.interval or not last:
            return
        count = self._ask(gaps.missing, last, time)
        if count:
            text = f"{count:,} bar{'s are' if count > 1 else ' is'} missing between {_stamp(last)} and {_stamp(time)}"
            self.told(Finding("gap", "", time, text))

    def _look_around(self) -> None:
        """Tell, once, that a bar is due and nothing has come."""
        if self._silent or self.calendar is None or not self.assembler.interval or not self.after:
            return
        if self._ask(gaps.due, self.after, self.now() - self.assembler.deadline):
            self._silent = True
            self.told(Finding("stale", "", self.now(), f"no bar has come since {_stamp(self.after)}"))

    def _ask(self, count: Callable[[Calendar, int, int, int], int], first: int, last: int) -> int:
        """Ask the calendar; where it ends, nothing is said any more."""
        if self.calendar is None:
            return 0
        try:
            return count(self.calendar, self.assembler.interval, first, last)
        except DataError as error:
            self.calendar = None
            self.told(Finding("calendar", "", last, f"gaps and silence are no longer looked for: {error}"))
            return 0

    async def _pump(self) -> None:
        """Read the stream; when it is lost, call again, less and less often, from the last bar that was decided on."""
        pause = _SHORTEST_PAUSE_S
        while True:
            reached, began = self.after, self.now()
            reason = await self._read()
            if getattr(self.feed, "ended", False):
                break
            # A stream that breaks as soon as it has sent something is not to be called ten times a second for ever.
            if self.after > reached or self.now() - began > _LONGEST_PAUSE_S * _SECOND:
                pause = _SHORTEST_PAUSE_S
            if reason != self._lost:
                self._lost = reason
                await self._say(f"the feed's stream was lost, and is called again: {reason}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        await self._events.put(_END)

    async def _say(self, text: str) -> None:
        """Tell something of the stream itself, behind what it has brought."""
        await self._events.put(Finding("stream", "", self.now(), text))

    async def _read(self) -> str:
        """Pass on what the stream brings until it ends; return why it did."""
        events: Any = None
        try:
            events = self.feed.stream(self.after)
            async for event in events:
                if self._lost:
                    self._lost = ""
                    await self._say("the feed's stream is back")
                await self._events.put(event)
        except Exception as error:  # noqa: BLE001 - a plugin's fault, and the market goes on
            return why(error)
        finally:
            if hasattr(events, "aclose"):
                with contextlib.suppress(Exception):
                    await events.aclose()
        return "it ended"


def _stamp(time: int) -> str:
    return datetime.fromtimestamp(time // _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
