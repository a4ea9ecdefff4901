"""A market's stream: called again when it is lost, looked at when it is silent, let go of when nobody listens."""

from __future__ import annotations

import asyncio
import time
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core.errors import ConfigError
from darwin_core.live import gaps, sources
from darwin_core.live.assembling import BarEvent, Finding
from darwin_core.live.calendar import Always, calendar
from darwin_core.testing import BarsFeed, daily_bars

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIELDS = ("open", "high", "low", "close")


def bar(minute: int, symbol: str = "A", close: float = 10.0) -> BarEvent:
    return BarEvent(minute * MINUTE, symbol, np.array([close, close, close, close]), 1)


class Script:
    """A stream that plays one list at each call: bars, findings, exceptions, or a coroutine function to wait for."""

    def __init__(self, *calls, ends=True):
        self.calls, self.ends = list(calls), ends
        self.asked: list[int] = []
        self.closed = 0
        self.ended = False

    async def stream(self, after):
        self.asked.append(after)
        try:
            if not self.calls:
                self.ended = self.ends
                return
            for step in self.calls.pop(0):
                if isinstance(step, Exception):
                    raise step
                if callable(step):
                    await step()
                else:
                    yield step
        finally:
            self.closed += 1


class Listener:
    """A market over a script, and what it told."""

    def __init__(self, feed, symbols=("A",), after=0, deadline_s=1e6, now=lambda: 10_000 * MINUTE, **more):
        self.told: list[Finding] = []
        self.late: list[BarEvent] = []
        self.feed = feed
        self.market = sources.Market.of(
            feed, symbols, FIELDS, (), after, deadline_s, 0.5, now, self.told.append, self.late.append, **more
        )

    def rows(self, most=10**6, wait=20.0):
        async def take():
            found = []
            bars = self.market.slices()
            async with asyncio.timeout(wait):
                while len(found) < most:
                    row = await anext(bars, None)
                    if row is None:
                        break
                    found.append(row)
            await bars.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}, "something was left behind"
            return found

        return asyncio.run(take())

    def kinds(self):
        return [finding.kind for finding in self.told]


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(sources, "_SHORTEST_PAUSE_S", 0.001)
    monkeypatch.setattr(sources, "_MOMENT_S", 0.02)


def test_a_stream_that_is_lost_is_called_again_from_the_last_bar():
    feed = Script([bar(1), bar(2)], [bar(3)], [OSError("reset by peer")], [bar(4)])
    made = Listener(feed)
    assert [row.time // MINUTE for row in made.rows()] == [1, 2, 3, 4]
    assert feed.asked[0] == 0
    assert feed.asked[-1] == 4 * MINUTE
    assert sorted(feed.asked) == feed.asked
    assert "reset by peer" in " ".join(finding.text for finding in made.told)


def test_a_stream_that_ends_at_once_is_lost_and_not_the_end_of_the_market():
    feed = Script([], [], [], [bar(1)])
    made = Listener(feed)
    assert len(made.rows()) == 1
    texts = [finding.text for finding in made.told]
    assert sum("was lost" in text for text in texts) == 2, "the same trouble is told once until it is over"
    assert sum("is back" in text for text in texts) == 1


def test_what_waits_when_the_market_ends_for_good_is_emitted():
    made = Listener(Script([bar(1, "A"), bar(2, "B")]), symbols=("A", "B"))
    assert [row.arrival.astype(bool).tolist() for row in made.rows()] == [[True, False], [False, True]]


def test_a_deadline_is_kept_when_nothing_more_comes():
    start = time.monotonic_ns()
    base = 10_000 * MINUTE

    async def forever():
        await asyncio.Event().wait()

    feed = Script([bar(10_000, "A"), forever])
    made = Listener(feed, ("A", "B"), deadline_s=0.05, now=lambda: base + time.monotonic_ns() - start)
    (row,) = made.rows(most=1)
    assert row.arrival.astype(bool).tolist() == [True, False]
    assert feed.closed == 1


def test_what_has_come_counts_before_the_clock_does():
    """A slow bar of ours must not make the next one late: both its messages wait in the queue."""
    clock = [10 * MINUTE]
    feed = Script([bar(10, "A"), bar(10, "B"), bar(11, "A"), bar(11, "B")])
    made = Listener(feed, ("A", "B"), deadline_s=1.0, now=lambda: clock[0])

    async def take():
        found = []
        async for row in made.market.slices():
            found.append(row)
            clock[0] += 10 * MINUTE  # the session worked for ten minutes
            await asyncio.sleep(0)
        return found

    clock[0] = 11 * MINUTE
    assert all(row.arrival.all() for row in asyncio.run(take()))
    assert made.late == []


def test_a_listener_that_leaves_closes_the_stream():
    async def forever():
        await asyncio.Event().wait()

    feed = Script([bar(1), forever])
    assert len(Listener(feed).rows(most=1)) == 1
    assert feed.closed == 1


def test_a_stream_that_never_pauses_fills_no_memory():
    held = []

    class Endless:
        ended = False

        async def stream(self, after):
            for minute in range(1, 30_000):
                yield bar(minute)
                held.append(made.market._events.qsize() + len(made.market.assembler._waiting))
            self.ended = True

    made = Listener(Endless(), now=lambda: 40_000 * MINUTE)
    assert len(made.rows()) == 29_999
    assert max(held) <= 2 * sources._ROOM


def test_a_failure_of_the_one_who_is_told_is_no_silence():
    made = Listener(Script([OSError("gone")]))

    def broken(finding):
        raise RuntimeError("disk full")

    made.market.told = broken
    with pytest.raises(RuntimeError, match="disk full"):
        made.rows()


def test_what_is_no_bar_is_told_and_the_stream_goes_on():
    made = Listener(Script(["nonsense", Finding("aside", "", 5, "provider 2 is put aside"), bar(1)]))
    assert len(made.rows()) == 1
    assert [finding.kind for finding in made.told[:2]] == ["absurd", "aside"]


def test_late_and_corrected_bars_are_handed_over():
    made = Listener(Script([bar(5), bar(5, close=11.0)], [bar(4), bar(5, close=11.0), bar(6)]))
    assert [row.time // MINUTE for row in made.rows()] == [5, 6]
    assert [(each.time // MINUTE, each.values[0]) for each in made.late] == [(5, 11.0), (4, 10.0)]
    assert [kind for kind in made.kinds() if kind != "stream"] == ["revision", "late", "duplicate"]


@st.composite
def calls(draw):
    """What each call of a stream brings: any bars, in any order, any number of times, cut anywhere."""
    message = st.builds(bar, st.integers(1, 6), st.sampled_from(["A", "B"]), st.sampled_from([10.0, 10.0, 10.5]))
    return draw(st.lists(st.lists(st.one_of(message, st.just(OSError("lost"))), max_size=12), max_size=5))


@settings(max_examples=60, deadline=None)
@given(calls())
def test_whatever_a_stream_does_each_moment_comes_once_in_order_and_no_message_is_lost(made):
    sent = []
    for call in made:
        for step in call:
            if isinstance(step, Exception):
                break
            sent.append(step)
    listener = Listener(Script(*made), ("A", "B"))
    rows = listener.rows()
    times = [row.time for row in rows]
    assert times == sorted(set(times))
    told = [finding for finding in listener.told if finding.kind != "stream"]
    assert sum(int((row.arrival > 0).sum()) for row in rows) + len(told) == len(sent)
    assert {(each.time, each.symbol) for each in sent} >= {(each.time, each.symbol) for each in listener.late}


def test_bars_that_are_missing_within_a_session_are_told():
    made = Listener(Script([bar(1), bar(2), bar(5), bar(6)]), calendar=Always(), interval=MINUTE)
    made.rows()
    (gap,) = [finding for finding in made.told if finding.kind == "gap"]
    assert gap.text.startswith("2 bars are missing between 1970-01-01 00:02:00")


def test_silence_is_told_once_until_a_bar_comes():
    async def quiet():
        await asyncio.sleep(0.1)

    feed = Script([bar(1), quiet, bar(2), quiet])
    made = Listener(feed, deadline_s=1.0, now=lambda: 10 * MINUTE, calendar=Always(), interval=MINUTE)
    made.rows()
    assert made.kinds().count("stale") == 2


def test_a_calendar_that_ends_stops_the_search_with_a_word():
    class Ends(Always):
        def sessions(self, first, last):
            raise sources.DataError("it was made to 2020")

    made = Listener(Script([bar(1), bar(9), bar(12)]), calendar=Ends(), interval=MINUTE)
    assert len(made.rows()) == 3
    assert made.kinds().count("calendar") == 1


@pytest.fixture(scope="module")
def new_york():
    return calendar("XNYS", date(2024, 11, 1), date(2024, 12, 31))


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


@pytest.mark.parametrize(
    ("interval", "last", "came", "missing"),
    [
        (DAY, "2024-11-25T21:00", "2024-11-26T21:00", 0),
        (DAY, "2024-11-27T21:00", "2024-11-29T18:00", 0),  # Thanksgiving, then an early close
        (DAY, "2024-11-29T18:00", "2024-12-02T21:00", 0),
        (DAY, "2024-11-29T21:00", "2024-12-02T21:00", 0),  # stamped at the usual close, though it was early
        (DAY, "2024-11-26T21:00", "2024-11-29T18:00", 1),
        (DAY, "2024-11-22T21:00", "2024-12-02T21:00", 4),
        (HOUR, "2024-11-25T21:00", "2024-11-26T15:30", 0),
        (HOUR, "2024-11-25T20:30", "2024-11-25T21:00", 0),  # the last hour is half an hour
        (HOUR, "2024-11-25T20:30", "2024-11-26T15:30", 1),
        (HOUR, "2024-11-25T19:30", "2024-11-26T15:30", 2),
        (HOUR, "2024-11-27T21:00", "2024-11-29T15:30", 0),
        (MINUTE, "2024-11-29T17:59", "2024-11-29T18:00", 0),
        (MINUTE, "2024-11-29T18:00", "2024-12-02T14:31", 0),
        (MINUTE, "2024-11-29T17:50", "2024-12-02T14:32", 11),
        (MINUTE, "2024-11-25T15:00", "2024-11-25T15:05", 4),
        (7 * DAY, "2024-11-08T21:00", "2024-11-15T21:00", 0),
        (7 * DAY, "2024-11-08T21:00", "2024-11-29T18:00", 2),
    ],
)
def test_gaps_are_counted_by_the_hours_of_the_market(new_york, interval, last, came, missing):
    assert gaps.missing(new_york, interval, ns(last), ns(came)) == missing


@pytest.mark.parametrize(
    ("interval", "last", "now", "due"),
    [
        (DAY, "2024-11-26T21:00", "2024-11-27T20:59", 0),
        (DAY, "2024-11-26T21:00", "2024-11-27T21:00", 1),
        (DAY, "2024-11-27T21:00", "2024-11-29T17:00", 0),
        (MINUTE, "2024-11-29T18:00", "2024-12-02T14:30", 0),
        (MINUTE, "2024-11-29T18:00", "2024-12-02T14:31", 1),
        (HOUR, "2024-11-25T15:30", "2024-11-25T16:29", 0),
        (HOUR, "2024-11-25T15:30", "2024-11-25T18:00", 2),
    ],
)
def test_a_bar_is_due_when_the_market_was_open_long_enough(new_york, interval, last, now, due):
    assert gaps.due(new_york, interval, ns(last), ns(now)) == due


@given(st.integers(0, 10**6), st.integers(1, 500))
def test_where_a_market_never_closes_a_gap_is_what_stands_between(first, steps):
    assert gaps.missing(Always(), MINUTE, first * MINUTE, (first + steps) * MINUTE) == steps - 1
    assert gaps.due(Always(), MINUTE, first * MINUTE, (first + steps) * MINUTE) == steps


def test_a_replay_gives_the_rows_of_the_feed():
    feed = BarsFeed(daily_bars(300, 2))

    async def take():
        return [row async for row in sources.Replay(feed, 10, 290, 280).slices()]

    rows = asyncio.run(take())
    assert [row.time for row in rows] == feed.times()[10:290].tolist()
    for n, row in enumerate(rows):
        np.testing.assert_array_equal(row.values, [feed.bars.fields[name][10 + n] for name in feed.fields])
        np.testing.assert_array_equal(row.arrival > 0, ~np.isnan(feed.bars.close[10 + n]))


@pytest.mark.parametrize(
    "between",
    [
        "2015", "x:2016-01-01", "1980-01-01:1981-01-01", "1:2", "20150101:20160101", "0000-01-01:9999-12-31",
        "2016-01-01:2015-01-01", "2015-02-30:", "2015-W01:",
    ],
)  # fmt: skip
def test_days_that_cannot_be_replayed_are_refused_in_words(between):
    with pytest.raises(ConfigError, match="here: "):
        sources.rows_between(BarsFeed(daily_bars(50, 1)), between, "here")
