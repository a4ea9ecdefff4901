"""One bar out of many messages: whatever order, duplication, loss and delay they come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darwin_core.live.assembling import Assembler, BarEvent, Sanity

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DEADLINE = 5 * SECOND
FIELDS = ("open", "high", "low", "close", "volume")
NEVER = 2**62


def bar(minute: int, symbol: str, close: float = 10.0, arrival: int = 1) -> BarEvent:
    return BarEvent(minute * MINUTE, symbol, np.array([close, close + 1, close - 1, close, 100.0]), arrival)


def assembler(symbols=("A", "B"), watched=(), **more) -> Assembler:
    return Assembler(symbols, FIELDS, watched, DEADLINE, more.pop("sanity", Sanity(0.5)), **more)


def kinds(made: Assembler) -> list[str]:
    return [finding.kind for finding in made.findings]


def all_ready(made: Assembler, now: int) -> list:
    rows = []
    while (row := made.ready(now)) is not None:
        rows.append(row)
    return rows


@st.composite
def traffic(draw):
    """Messages in the order in which they come: (clock, symbol, minute, close), some twice, some corrected, some lost."""
    symbols = draw(st.integers(1, 3))
    message = st.tuples(
        st.integers(1, 8), st.integers(0, symbols - 1), st.integers(0, 200), st.sampled_from([10.0, 10.0, 11.0])
    )
    found = draw(st.lists(message, max_size=40))
    came = [(minute * MINUTE + delay * SECOND // 2, f"S{s}", minute, close) for minute, s, delay, close in found]
    return tuple(f"S{n}" for n in range(symbols)), sorted(came, key=lambda each: each[0])


@settings(max_examples=300, deadline=None)
@given(traffic())
def test_each_moment_comes_once_in_order_at_once_when_complete_and_never_after_its_deadline(made):
    symbols, came = made
    line = assembler(symbols, sanity=Sanity(0.0))
    until: dict[int, int] = {}
    first: dict[tuple[int, str], float] = {}
    rows = []

    def look(now: int) -> None:
        for row in all_ready(line, now):
            rows.append((now, row))
            assert now <= until[row.time]
            assert row.arrival.all() or now >= min(end for time, end in until.items() if time >= row.time)
        assert line.next_deadline() is None or line.next_deadline() > now

    for clock, symbol, minute, close in came:
        while (deadline := line.next_deadline()) is not None and deadline <= clock:
            look(deadline)
        time = minute * MINUTE
        if time > line.emitted:
            until.setdefault(time, time + DEADLINE if clock <= time + DEADLINE else clock + DEADLINE)
            first.setdefault((time, symbol), close)
        line.offer(bar(minute, symbol, close, clock), clock)
        look(clock)
        # A moment that is complete waits only for earlier ones.
        waiting = sorted(t for t in until if t > line.emitted)
        assert not waiting or not all((waiting[0], s) in first for s in symbols)
    for row in all_ready(line, NEVER):
        rows.append((NEVER, row))
    times = [row.time for _, row in rows]
    assert times == sorted(set(times)) == sorted(until)
    for _, row in rows:
        expected = [first.get((row.time, s), np.nan) for s in symbols]
        np.testing.assert_array_equal(row.values[FIELDS.index("close")], expected)
        np.testing.assert_array_equal(row.arrival > 0, ~np.isnan(expected))
    used = sum(int((row.arrival > 0).sum()) for _, row in rows)
    assert used + len(line.findings) == len(came), "a message was neither used nor told"
    assert len(line.late) == sum(kind in {"late", "revision"} for kind in kinds(line))


def test_a_complete_moment_does_not_wait():
    line = assembler()
    line.offer(bar(1, "A"), MINUTE)
    assert line.ready(MINUTE) is None
    line.offer(bar(1, "B"), MINUTE + 1)
    assert line.ready(MINUTE + 1).time == MINUTE


def test_a_moment_waits_for_an_earlier_one_but_not_beyond_its_own_deadline():
    line = assembler()
    back = 10 * MINUTE  # minute 1 comes long after its end, as after an outage
    line.offer(bar(1, "A"), back + 3 * SECOND)
    line.offer(bar(10, "A"), back + 3 * SECOND)
    line.offer(bar(10, "B"), back + 3 * SECOND)
    assert line.ready(back + 4 * SECOND) is None
    assert [row.time // MINUTE for row in all_ready(line, back + DEADLINE)] == [1, 10]


def test_what_comes_after_an_outage_one_symbol_after_the_other_is_put_together():
    line = assembler()
    now = 100 * MINUTE
    rows = []
    for symbol in ("A", "B"):
        for minute in range(1, 50):
            line.offer(bar(minute, symbol), now)
            rows += all_ready(line, now)
            now += SECOND // 50
        assert len(rows) == (0 if symbol == "A" else 49)
    assert all(row.arrival.all() for row in rows)
    assert line.findings == []


def test_a_late_bar_the_same_again_and_a_corrected_one_are_told_apart():
    line = assembler()
    line.offer(bar(1, "A", 10.0), MINUTE)
    assert line.ready(MINUTE + DEADLINE).arrival.tolist() == [1, 0]
    now = 2 * MINUTE
    for symbol, close in [("A", 10.0), ("A", 10.5), ("A", 10.5), ("A", 10.0), ("B", 20.0), ("B", 20.0)]:
        line.offer(bar(1, symbol, close), now)
    assert kinds(line) == ["duplicate", "revision", "duplicate", "revision", "late", "duplicate"]
    assert [(each.symbol, each.values[3]) for each in line.late] == [("A", 10.5), ("A", 10.0), ("B", 20.0)]


def test_of_two_bars_for_one_moment_the_first_counts():
    line = assembler()
    line.offer(bar(1, "A", 10.0), MINUTE)
    line.offer(bar(1, "A", 10.5), MINUTE)
    line.offer(bar(1, "B"), MINUTE)
    row = line.ready(MINUTE)
    assert row.values[3].tolist() == [10.0, 10.0]
    assert kinds(line) == ["revision"]


ABSURD = {
    "not finite": [10.0, np.nan, 9.0, 10.0, 1.0],
    "not positive": [10.0, 11.0, 0.0, 10.0, 1.0],
    "range": [10.0, 9.5, 9.0, 9.2, 1.0],
    "volume is negative": [10.0, 11.0, 9.0, 10.0, -1.0],
    "numbers are expected": [10.0],
}


@pytest.mark.parametrize(("why", "values"), ABSURD.items())
def test_an_absurd_bar_is_refused_with_a_reason(why, values):
    line = assembler()
    line.offer(BarEvent(MINUTE, "A", np.array(values), 1), MINUTE)
    assert kinds(line) == ["absurd"]
    assert why in line.findings[0].text
    assert line.next_deadline() is None


@pytest.mark.parametrize("values", [None, [1.0, 2.0, 3.0, 4.0, 5.0], np.ones((5, 1)), np.ones(5, np.int64)])
def test_what_is_no_array_of_numbers_is_refused_and_nothing_breaks(values):
    line = assembler()
    line.offer(BarEvent(MINUTE, "A", values, 1), MINUTE)
    assert kinds(line) == ["absurd"]


@pytest.mark.parametrize("time", ["1", 1.5, None, 0, -MINUTE])
def test_what_is_no_time_is_refused(time):
    line = assembler()
    line.offer(BarEvent(time, "A", bar(1, "A").values, 1), MINUTE)
    assert kinds(line) == ["absurd"]


def test_a_bar_from_the_future_is_refused_and_does_not_make_the_next_ones_late():
    line = assembler()
    line.offer(bar(500, "A"), 3 * MINUTE)
    assert "in the future" in line.findings[0].text
    line.offer(bar(3, "A"), 3 * MINUTE)
    line.offer(bar(3, "B"), 3 * MINUTE - SECOND)  # a clock that is slow by a second is forgiven
    assert line.ready(3 * MINUTE).time == 3 * MINUTE


def test_a_moment_beside_another_one_is_refused():
    line = assembler(interval=MINUTE)
    line.offer(bar(3, "A"), 3 * MINUTE)
    line.offer(BarEvent(3 * MINUTE - 1, "B", bar(3, "B").values, 1), 3 * MINUTE)
    line.offer(BarEvent(3 * MINUTE + MINUTE // 9, "B", bar(3, "B").values, 1), 4 * MINUTE)
    assert kinds(line) == ["absurd", "absurd"]
    line.offer(BarEvent(3 * MINUTE + MINUTE // 2, "B", bar(3, "B").values, 1), 4 * MINUTE)  # a session's short end
    assert len(all_ready(line, NEVER)) == 2


def test_a_jump_is_believed_when_the_next_bar_confirms_it():
    line = assembler(("A",), interval=MINUTE)
    line.knows(np.array([10.0]))
    for minute, close in [(1, 100.0), (1, 100.0), (2, 10.1), (3, 30.0), (4, 90.0), (5, 91.0), (6, 92.0)]:
        line.offer(bar(minute, "A", close), minute * MINUTE)
        line.ready(minute * MINUTE)
    assert kinds(line) == ["absurd", "absurd", "absurd", "absurd", "jump"]
    assert sorted(line._gone) == [2 * MINUTE, 5 * MINUTE, 6 * MINUTE]


def test_symbols_that_nobody_trades_are_told_once():
    line = assembler()
    for minute in (1, 2, 3):
        line.offer(bar(minute, "X"), 5 * MINUTE)
    assert kinds(line) == ["unknown"]


def test_a_watched_series_belongs_to_the_moment_and_makes_none_of_its_own():
    line = assembler(("A",), ("VIX",))

    def vix(minute: int, value: float) -> BarEvent:
        return BarEvent(minute * MINUTE, "VIX", np.array([value]), 1)

    line.offer(bar(1, "A"), MINUTE)
    assert line.ready(MINUTE) is None
    line.offer(vix(1, 20.0), MINUTE)
    assert line.ready(MINUTE).reference.tolist() == [20.0]
    line.offer(vix(2, 21.0), 2 * MINUTE)
    assert line.ready(3 * MINUTE) is None
    assert kinds(line) == ["alone"]
    line.offer(vix(1, 20.5), 3 * MINUTE)
    assert kinds(line) == ["alone", "revision"]
    line.offer(BarEvent(3 * MINUTE, "VIX", np.array([1.0, 2.0]), 1), 3 * MINUTE)
    assert kinds(line)[-1] == "absurd"


def test_a_provider_that_uses_its_array_again_changes_nothing():
    line = assembler(("A",))
    message = bar(1, "A", 10.0)
    line.offer(message, MINUTE)
    message.values[:] = 99.0
    assert line.ready(MINUTE).values[:, 0].tolist() == [10.0, 11.0, 9.0, 10.0, 100.0]


def test_memory_does_not_grow_with_the_bars():
    line = assembler()
    for minute in range(1, 3_000):
        for symbol in ("A", "B"):
            line.offer(bar(minute, symbol), minute * MINUTE)
        assert line.ready(minute * MINUTE) is not None
    sizes = [len(getattr(line, name)) for name in ("_waiting", "_times", "_untils", "_gone", "_doubted")]
    assert max(sizes) <= 64
