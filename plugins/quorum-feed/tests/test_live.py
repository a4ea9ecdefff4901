"""The vote on bars as they come."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from darwin_quorum import live
from darwin_quorum.ballots import Ballots
from darwin_quorum.feed import Panel, open_feed
from darwin_quorum.options import QuorumOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core import BarEvent, Bars, Finding, Stream
from darwin_core.testing import BarsFeed, fake_options

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
FIELDS = ("open", "high", "low", "close")


def bar(minute: int, close: float = 10.0, symbol: str = "A") -> BarEvent:
    return BarEvent(minute * MINUTE, symbol, np.array([close, close, close, close]), 1)


def ballots(voters: int = 3, after: int = 0, symbols=("A",), **options) -> Ballots:
    made = QuorumOptions(({},) * voters, **options)
    names = tuple("abcdefghi"[:voters])
    return Ballots(Panel((), names, symbols, FIELDS, ("VIX",), made), after)


def closes(found) -> list[tuple[int, float]]:
    return [(event.time // MINUTE, float(event.values[-1])) for event in found if isinstance(event, BarEvent)]


def told(found) -> list[str]:
    return [event.kind for event in found if isinstance(event, Finding)]


def play(votes: Ballots, minute: int, *said: float | None) -> list:
    """Let each provider say its close of a minute, in order, then let the time run out."""
    now = minute * MINUTE
    found = []
    for provider, close in enumerate(said):
        if close is not None:
            found += votes.offer(provider, bar(minute, close), now)
    return found + votes.due(now + 30 * SECOND) + votes.due(now + 40 * SECOND)


def test_a_bar_comes_as_soon_as_enough_agree():
    votes = ballots()
    assert votes.offer(0, bar(1), MINUTE) == []
    assert closes(votes.offer(2, bar(1, 10.0002), MINUTE)) == [(1, 10.0001)]
    assert votes.offer(1, bar(1), MINUTE) == []
    assert votes.due(2 * MINUTE) == []


def test_without_a_quorum_the_best_comes_at_the_deadline_with_a_finding():
    votes = ballots()
    votes.offer(1, bar(1, 11.0), MINUTE)
    votes.offer(0, bar(1, 10.0), MINUTE)
    deadline = votes.next_deadline()
    assert deadline == MINUTE + 2 * SECOND
    assert votes.due(deadline - 1) == []
    found = votes.due(deadline)
    assert closes(found) == [(1, 10.0)]
    assert told(found) == ["quorum"]
    assert "b 11.0, a 10.0" in found[-1].text


def test_one_who_is_outvoted_again_and_again_is_put_aside_and_comes_back():
    votes = ballots()
    found = []
    for minute in (1, 2):
        found += play(votes, minute, 10.0, 99.0, 10.0)
    assert told(found) == []
    found = play(votes, 3, 10.0, 99.0, 10.0)
    assert told(found) == ["aside"]
    assert "provider b is put aside for A: it was outvoted for 3 bars in a row" in found[-1].text
    assert told(play(votes, 4, 10.0, 99.0, 10.0)) == []
    found = play(votes, 5, 10.0, 10.0, 10.0)
    assert told(found) == ["back"]
    assert "provider b is back for A" in found[-1].text


def test_a_vote_of_one_who_is_put_aside_does_not_count():
    votes = ballots()
    for minute in (1, 2, 3):
        play(votes, minute, 10.0, 99.0, 10.0)
    found = play(votes, 4, 10.0, 99.0, 99.0)
    assert closes(found) == [(4, 10.0)]
    assert told(found) == ["quorum"]


def test_one_who_is_mute_is_not_waited_for_any_more():
    votes = ballots(2)
    for minute in (1, 2, 3):
        votes.offer(0, bar(minute), minute * MINUTE)
        found = votes.due(minute * MINUTE + 30 * SECOND) + votes.due(minute * MINUTE + 40 * SECOND)
        assert closes(found) == [(minute, 10.0)]
    assert "aside" in told(found)
    assert closes(votes.offer(0, bar(4), 4 * MINUTE)) == [(4, 10.0)]
    assert closes(votes.offer(1, bar(4), 4 * MINUTE)) == []
    assert told(votes.due(5 * MINUTE)) == ["back"]
    assert votes.offer(0, bar(5), 5 * MINUTE) == []


def test_where_nobody_agrees_nobody_is_outvoted():
    votes = ballots(2)
    for minute in range(1, 10):
        assert "aside" not in told(play(votes, minute, 10.0, 99.0))


def test_when_all_are_put_aside_all_count_again():
    votes = ballots(2, strikes=1)
    play(votes, 1, 10.0)
    votes._aside |= {(0, "A"), (1, "A")}
    assert closes(play(votes, 2, 10.0, 10.0)) == [(2, 10.0)]
    assert votes._aside == set()


def test_a_correction_needs_a_quorum():
    votes = ballots()
    assert closes(play(votes, 1, 10.0, 10.0, 10.0)) == [(1, 10.0)]
    assert votes.offer(0, bar(1, 11.0), 2 * MINUTE) == []
    assert closes(votes.offer(1, bar(1, 11.0), 2 * MINUTE)) == [(1, 11.0)]
    assert votes.offer(2, bar(1, 11.0), 2 * MINUTE) == []


def test_a_vote_that_comes_too_late_changes_nothing_and_excuses_nobody():
    votes = ballots()
    for minute in (1, 2, 3):
        found = play(votes, minute, 10.0, 10.0)
        assert votes.offer(2, bar(minute), minute * MINUTE + 40 * SECOND) == []
    assert told(found) == ["aside"]


def test_the_same_bar_of_one_provider_many_times_is_one_vote_and_one_strike():
    votes = ballots()
    for _ in range(5):
        assert votes.offer(0, bar(1), MINUTE) == []
    found = play(votes, 2, 10.0, 99.0, 10.0)
    for _ in range(5):
        found += votes.offer(1, bar(2, 99.0), 2 * MINUTE)
    assert told(found) == ["quorum"]  # of minute 1


def test_what_is_no_bar_is_refused():
    votes = ballots()
    broken = BarEvent(MINUTE, "A", np.array([1.0, np.nan, 1.0, 1.0]), 1)
    assert told(votes.offer(0, broken, MINUTE)) == ["refused"]
    assert told(votes.offer(0, BarEvent(MINUTE, "A", np.ones(3), 1), MINUTE)) == ["refused"]
    assert votes.next_deadline() is None


def test_what_was_decided_before_the_session_needs_a_quorum():
    votes = ballots(after=5 * MINUTE)
    votes.offer(0, bar(4), 6 * MINUTE)
    found = votes.due(7 * MINUTE)
    assert closes(found) == []
    assert told(found) == ["quorum"]
    votes.offer(0, bar(3), 6 * MINUTE)
    assert closes(votes.offer(1, bar(3), 6 * MINUTE)) == [(3, 10.0)]


def test_watched_series_are_voted_on():
    votes = ballots()
    vix = [BarEvent(MINUTE, "VIX", np.array([value]), 1) for value in (20.0, 99.0, 20.0)]
    found = [event for number, each in enumerate(vix) for event in votes.offer(number, each, MINUTE)]
    assert closes(found) == [(1, 20.0)]


def test_memory_does_not_grow_with_the_bars():
    votes = ballots()
    for minute in range(1, 2_000):
        play(votes, minute, 10.0, 10.0, None if minute % 2 else 10.0)
    assert len(votes._open) <= 65
    assert len(votes._deadlines) <= 200
    assert votes._turns == {}


MESSAGE = st.tuples(
    st.integers(0, 30), st.integers(0, 2), st.integers(1, 5), st.sampled_from([10.0, 10.0, 10.0, 10.0001, 50.0])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(MESSAGE, max_size=40))
def test_whatever_comes_each_bar_is_said_by_its_deadline_and_again_only_when_it_is_another(messages):
    def run():
        votes, said, out = ballots(), {}, []
        first: dict[int, int] = {}

        def take(found, now):
            out.extend(repr(event) for event in found)
            for minute, close in closes(found):
                assert minute not in said or abs(said[minute] - close) > 1e-4 * 50
                assert minute in said or now <= first[minute]
                said[minute] = close

        for delay, provider, minute, close in sorted(messages, key=lambda each: each[0]):
            now = 5 * MINUTE + delay * SECOND // 4
            while (deadline := votes.next_deadline()) is not None and deadline <= now:
                take(votes.due(deadline), deadline)
            due = minute * MINUTE + 2 * SECOND
            first.setdefault(minute, due if now <= due else now + 2 * SECOND)
            take(votes.offer(provider, bar(minute, close), now), now)
        take(votes.due(10**15, last=True), 0)
        assert set(said) == set(first)
        assert votes.next_deadline() is None
        return out

    assert run() == run()


class Provider(BarsFeed):
    """A history of one bar, and a script of live ones: one list for each call."""

    def __init__(self, *calls, ends=True):
        time = np.array([MINUTE, 2 * MINUTE])
        super().__init__(Bars(time, ("A",), {name: np.full((2, 1), 10.0) for name in FIELDS}, {}, "UTC"))
        object.__setattr__(self, "calls", list(calls))
        object.__setattr__(self, "state", {"ended": False, "ends": ends, "closed": 0})

    @property
    def ended(self):
        return self.state["ended"]

    async def stream(self, after):
        try:
            for step in self.calls.pop(0) if self.calls else ():
                await asyncio.sleep(0)
                if isinstance(step, Exception):
                    raise step
                yield step
            if not self.calls and not self.state["ends"]:
                await asyncio.Event().wait()
            self.state["ended"] = not self.calls
        finally:
            self.state["closed"] += 1


def joined(*providers, now=lambda: 3 * MINUTE, **options):
    table = {"providers": [{"use": "script"} for _ in providers], **options}
    feed = open_feed(fake_options(table), lambda key: providers)
    assert isinstance(feed, Stream)
    feed.now = now
    return feed


async def everything(feed, most=10**6):
    found = []
    events = feed.stream(2 * MINUTE)
    async with asyncio.timeout(20):
        async for event in events:
            found.append(event)
            if len(found) >= most:
                break
    await events.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return found


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(live, "_SHORTEST_PAUSE_S", 0.001)


def test_streams_are_joined_and_end_when_all_have_ended():
    feed = joined(*(Provider([bar(3), bar(4, 11.0)]) for _ in range(3)))
    assert closes(asyncio.run(everything(feed))) == [(3, 10.0), (4, 11.0)]
    assert feed.ended


def test_a_provider_that_is_lost_is_called_again_and_the_others_go_on():
    shaky = Provider([bar(3), OSError("reset")], [OSError("reset")], [Finding("x", "", 1, "hello")])
    found = asyncio.run(everything(joined(Provider([bar(3), bar(4)]), shaky, Provider([bar(3), bar(4)]))))
    assert closes(found) == [(3, 10.0), (4, 10.0)]
    texts = [event.text for event in found if isinstance(event, Finding)]
    assert [text for text in texts if "reset" in text] == [
        "provider 2 (script): its stream was lost, and is called again: OSError: reset"
    ]
    assert "provider 2 (script): hello" in texts


def test_a_provider_that_hangs_does_not_hold_the_others_up():
    feed = joined(Provider([bar(3)]), Provider([bar(3)]), Provider(ends=False))
    found = asyncio.run(everything(feed, most=1))
    assert closes(found) == [(3, 10.0)]
    assert [provider.state["closed"] for provider in feed.panel.providers][2] == 1


def test_a_deadline_is_kept_when_nothing_more_comes():
    import time

    start = time.monotonic_ns()
    feed = joined(
        Provider([bar(3)], ends=False), Provider(ends=False),
        now=lambda: 3 * MINUTE + time.monotonic_ns() - start, deadline_s=0.05,
    )  # fmt: skip
    found = asyncio.run(everything(feed, most=2))
    assert closes(found) == [(3, 10.0)]
    assert told(found) == ["quorum"]
