"""Where a session's bars come from: the past at any speed, or a market as it happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import numpy as np
from attrs import define, field

from darwin_core.errors import ConfigError
from darwin_core.live.assembling import Assembler, BarEvent, Finding, Sanity
from darwin_core.live.tape import Slice
from darwin_core.types import local_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from darwin_core.protocols import Feed, Stream
    from darwin_core.types import Ints

_SECOND = 1_000_000_000
_LONGEST_PAUSE_S = 30.0


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
    edges = [_row(times, day, feed.timezone, where) if day else None for day in (first.strip(), last.strip())]
    start, stop = edges[0] or 0, len(times) if edges[1] is None else edges[1]
    if start >= stop:
        raise ConfigError(f"{where}: the feed has no bars in {between}: {_range(times, feed.timezone)}")
    return start, stop


def _row(times: Ints, day: str, timezone: str, where: str) -> int:
    try:
        moment = np.datetime64(day, "ns")
    except ValueError:
        raise ConfigError(f"{where}: {day!r} is no date: write it as 2015-01-31") from None
    return int(np.searchsorted(local_time(times, timezone), moment, side="right"))


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
        Told what was wrong with a message.
    late
        Given the bars that came too late, or corrected.
    """

    feed: Stream
    after: int
    assembler: Assembler
    now: Callable[[], int]
    told: Callable[[Finding], None]
    late: Callable[[BarEvent], None]
    total: int = 0
    _events: asyncio.Queue[BarEvent | None] = field(factory=asyncio.Queue, init=False)

    @classmethod
    def of(
        cls, feed: Stream, symbols: tuple[str, ...], fields: tuple[str, ...], watched: tuple[str, ...], after: int,
        deadline_s: float, max_jump: float, now: Callable[[], int], told: Callable[[Finding], None],
        late: Callable[[BarEvent], None],
    ) -> Market:  # fmt: skip
        """Make one with its assembler."""
        assembler = Assembler(symbols, fields, watched, int(deadline_s * _SECOND), Sanity(max_jump), after)
        return cls(feed, after, assembler, now, told, late)

    async def slices(self) -> AsyncIterator[Slice]:
        """Yield each moment when it is complete or its deadline has come; ends when the market has ended for good."""
        pump = asyncio.create_task(self._pump())
        try:
            going = True
            while going:
                going = await self._next()
                while (row := self.assembler.ready(self.now() if going else 2**62)) is not None:
                    self.after = row.time
                    yield row
        finally:
            pump.cancel()

    async def _next(self) -> bool:
        """Take what has come, waiting until the next deadline at most; False when no more will come."""
        deadline = self.assembler.next_deadline()
        wait = None if deadline is None else max(0.0, (deadline - self.now()) / _SECOND)
        try:
            event = await asyncio.wait_for(self._events.get(), wait)
        except TimeoutError:
            return True
        while event is not None:
            finding = self.assembler.offer(event)
            if finding is not None:
                self.told(finding)
            if self._events.empty():
                break
            event = self._events.get_nowait()
        for each in self.assembler.late:
            self.late(each)
        self.assembler.late.clear()
        return event is not None

    async def _pump(self) -> None:
        """Read the stream; when it is lost, call again, less and less often, from the last bar that was decided on."""
        pause, ended = 0.1, False
        while not ended:
            came = 0
            try:
                async for event in self.feed.stream(self.after):
                    came += 1
                    self._events.put_nowait(event)
            except Exception as error:  # noqa: BLE001 - a plugin's fault, and the market goes on
                self.told(Finding("stream", "", self.now(), f"the feed failed: {error!r}"))
            else:
                ended = came == 0
                if not ended:
                    self.told(Finding("stream", "", self.now(), "the feed's stream ended, and is called again"))
            pause = 0.1 if came else min(2 * pause, _LONGEST_PAUSE_S)
            await asyncio.sleep(0 if ended else pause)
        self._events.put_nowait(None)
