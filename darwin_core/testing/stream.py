"""The suite for feeds with live bars."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.live.assembling import Assembler, BarEvent, Sanity
from darwin_core.protocols import Stream
from darwin_core.testing.compare import check
from darwin_core.testing.suite import PluginTests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE_S = 20.0
_NEVER = 2**63 - 1


class StreamTests(PluginTests):
    """Cases for the live bars of a feed; inherit from it beside `FeedTests`, in a class of its own.

    The feed's market must be one that `extend` can move on: files, or a server of the test's own.
    """

    kind = "feed"

    def prepare(self, folder: Path) -> None:
        """Write what the options name into `folder`: at least two bars of every symbol."""

    def extend(self, folder: Path) -> None:
        """Let the market go on by one bar of every symbol, later than all that there are."""
        raise NotImplementedError

    def fresh(self, folder: Path) -> Any:
        """Return a feed over a fresh market."""
        folder.mkdir(parents=True, exist_ok=True)
        self.prepare(folder)
        return self.make(folder=folder)

    def test_has_live_bars(self, tmp_path: Path) -> None:
        """L1: the feed has a method `stream`, and says what it trades.

        When it fails: return an object with ``stream(after)``, an async generator, from `make_feed`.
        """
        check(isinstance(self.fresh(tmp_path), Stream), "the feed has no method stream(after)")

    def test_bars_are_of_the_feed(self, tmp_path: Path) -> None:
        """L2: every bar has a symbol and as many numbers as the feed says, ends later than `after`, and is possible.

        When it fails: the values are a float64 array in the order of the feed's `fields` (of a watched series: the
        close alone), and the time is when the bar is complete, in ns UTC.
        """
        feed = self.fresh(tmp_path)
        after = int(feed.times()[0])
        bars = self._bars(feed, after, lambda bars: len(bars) >= len(feed.symbols), tmp_path)
        line = self._assembler(feed)
        for bar in bars:
            check(bar.time > after, f"a bar of {bar.symbol} ends at {bar.time}, not later than {after}")
            check(bar.arrival > 0, f"a bar of {bar.symbol} has the arrival {bar.arrival}, not ns since 1970")
            line.offer(bar, bar.time)
        check(not line.findings, f"the core refuses a bar: {line.findings[:1]}")

    def test_what_was_missed_comes_first(self, tmp_path: Path) -> None:
        """L3: ``stream(after)`` brings every bar after that time, those that are old included; so does a second call.

        When it fails: ask the provider for what was missed before, or while, you listen to what is new.
        """
        feed = self.fresh(tmp_path)
        times = feed.times()
        history = feed.read(1, len(times))
        wanted = {
            (int(time), symbol)
            for time, row in zip(history.time, history.close, strict=True)
            for symbol, close in zip(feed.symbols, row, strict=True)
            if np.isfinite(close)
        }
        for _ in range(2):
            self._bars(feed, int(times[0]), lambda bars: {(b.time, b.symbol) for b in bars} >= wanted, tmp_path)

    def test_what_is_new_comes(self, tmp_path: Path) -> None:
        """L4: when the market goes on, a bar of every symbol comes.

        When it fails: go on listening after what was missed has been yielded. The case needs your suite's `extend`.
        """
        feed = self.fresh(tmp_path)
        last = int(feed.times()[-1])
        bars = self._bars(feed, last, lambda bars: {b.symbol for b in bars} >= set(feed.symbols), tmp_path, extend=True)
        check(all(bar.time > last for bar in bars), "an old bar came again though nobody asked for it")

    def test_the_history_says_the_same(self, tmp_path: Path) -> None:
        """L5: a bar that came live is, bit for bit, the bar of the history that is read afterwards.

        When it fails: the stream and `read` understand times, adjust prices or round in different ways; let one
        function make both.
        """
        feed = self.fresh(tmp_path)
        last = int(feed.times()[-1])
        bars = self._bars(feed, last, lambda bars: {b.symbol for b in bars} >= set(feed.symbols), tmp_path, extend=True)
        again = self.make(folder=tmp_path)
        rows = {int(time): n for n, time in enumerate(again.times())}
        whole = again.read(0, len(rows))
        for bar in bars:
            check(bar.time in rows, f"the history has no bar at {bar.time}, when one of {bar.symbol} came")
            if bar.symbol in again.symbols:
                at = rows[bar.time], again.symbols.index(bar.symbol)
                read = [float(whole.fields[name][at]) for name in again.fields]
                check(bar.values.tolist() == read, f"{bar.symbol} came as {bar.values.tolist()} and is read as {read}")

    def test_lets_go(self, tmp_path: Path) -> None:
        """L6: when nobody listens any more the stream ends, and leaves no task behind.

        When it fails: cancel the tasks that `stream` has started in a ``finally:``, and do not catch CancelledError.
        """
        feed = self.fresh(tmp_path)

        async def leave() -> set[asyncio.Task[Any]]:
            events = feed.stream(int(feed.times()[-1]))
            waiting = asyncio.create_task(anext(events, None))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.wait({waiting}, timeout=_PATIENCE_S)
            await events.aclose()
            return asyncio.all_tasks() - {asyncio.current_task()}

        left = asyncio.run(leave())
        check(not left, f"tasks are left behind: {left}")

    def _assembler(self, feed: Any) -> Assembler:
        watched = tuple(feed.read(0, 1).reference)
        return Assembler(feed.symbols, tuple(feed.fields), watched, _NEVER // 2, Sanity(0.0))

    def _bars(
        self, feed: Any, after: int, enough: Callable[[list[BarEvent]], bool], folder: Path, *, extend: bool = False
    ) -> list[BarEvent]:
        """Listen until there is enough; the market goes on meanwhile if so wished."""
        bars: list[BarEvent] = []

        async def listen() -> None:
            events = feed.stream(after)
            try:
                if extend:
                    self.extend(folder)
                async for event in events:
                    if isinstance(event, BarEvent):
                        bars.append(event)
                    if enough(bars):
                        return
            finally:
                await events.aclose()

        async def within() -> None:
            async with asyncio.timeout(_PATIENCE_S):
                await listen()

        try:
            asyncio.run(within())
        except TimeoutError:
            check(False, f"after {_PATIENCE_S:.0f} s only {len(bars)} bars had come")
        return bars
