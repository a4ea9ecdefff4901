"""The circuit breaker: opens when it must, lets one probe through, closes when that succeeds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from darwin_core.graduation.breaker import Breaker, Call, Terms

TERMS = Terms(failures=3, window=5, latency_ms=100.0, slow_calls=2, override_rate=0.5, cooldown=1000)


def after(*calls: Call) -> Breaker:
    breaker = Breaker(TERMS)
    for call in calls:
        breaker = breaker.after(call)
    return breaker


def bad(time: int) -> Call:
    return Call(time, failed=True)


def test_it_is_closed_at_the_start_and_asks() -> None:
    assert Breaker().ask(0) == (True, Breaker())


def test_it_opens_on_enough_failures_in_the_window_and_not_on_the_same_number_spread_out() -> None:
    opened = after(bad(1), Call(2), bad(3), Call(4), bad(5))
    assert opened.position == "open"
    assert opened.until == 1005
    assert opened.why == "3 of the latest 5 calls failed"
    assert after(bad(1), Call(2), bad(3), Call(4), Call(5), bad(6)).position == "closed"


def test_it_opens_on_slow_calls_in_a_row_only() -> None:
    slow = Call(1, latency_ms=101.0)
    assert after(slow, Call(2, latency_ms=100.0), slow).position == "closed"
    assert after(slow, slow).why == "2 calls in a row took longer than 100 ms"


def test_it_opens_when_the_agent_departs_too_often() -> None:
    assert after(Call(1, override_rate=0.5)).position == "closed"
    assert after(Call(1, override_rate=0.51)).why == "it departs from its baseline in 51% of its decisions"


def test_after_the_cool_down_one_probe_goes_out_and_its_success_closes_it() -> None:
    opened = after(*[bad(1)] * 3)
    assert opened.ask(1000) == (False, opened)
    asked, probing = opened.ask(1001)
    assert asked
    assert probing.ask(1002)[0] is False
    closed = probing.after(Call(1003))
    assert closed.position == "closed"
    assert closed.trips == 1
    assert closed.after(bad(1004)).position == "closed"  # old failures are not held against it


@pytest.mark.parametrize("call", [Call(1500, failed=True), Call(1500, latency_ms=101.0)])
def test_a_probe_that_fails_or_dawdles_opens_it_for_another_cool_down(call: Call) -> None:
    probing = after(*[bad(1)] * 3).ask(1001)[1]
    again = probing.after(call)
    assert (again.position, again.until, again.trips) == ("open", 2500, 1)


def test_a_probe_that_never_comes_back_makes_way_for_another_after_a_cool_down() -> None:
    probing = after(*[bad(1)] * 3).ask(1001)[1]
    assert probing.ask(2000)[0] is False
    assert probing.ask(2001)[0] is True


def test_an_answer_that_comes_late_while_it_is_open_changes_nothing() -> None:
    opened = after(*[bad(1)] * 3)
    assert opened.after(Call(2)) == opened
    assert opened.after(bad(2)) == opened


def test_it_can_be_opened_and_closed_by_hand() -> None:
    opened = Breaker(TERMS).open(5, "told to")
    assert (opened.position, opened.why, opened.trips) == ("open", "told to", 1)
    assert opened.close().position == "closed"


def test_a_breaker_that_could_never_open_is_refused() -> None:
    with pytest.raises(ValueError, match="6 failures never occur among the latest 5 calls"):
        Terms(failures=6, window=5)


@given(st.lists(st.booleans(), max_size=60))
def test_it_opens_exactly_at_the_first_window_with_too_many_failures(failed: list[bool]) -> None:
    breaker = Breaker(TERMS)
    for number, each in enumerate(failed):
        breaker = breaker.after(Call(number, failed=each))
        due = any(sum(failed[max(0, end - 4) : end + 1]) >= 3 for end in range(number + 1))
        assert (breaker.position == "open") == due


class Life(RuleBasedStateMachine):
    """Ask and answer at random; no more than one probe in any cool-down between a trip and a closing."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.time, self.probes = Breaker(TERMS), 0, [-(10**9)]
        self.asked = 0

    @rule(step=st.integers(0, 1500))
    def time_passes(self, step: int) -> None:
        self.time += step

    @rule()
    def ask(self) -> None:
        was = self.breaker.position
        allowed, self.breaker = self.breaker.ask(self.time)
        self.asked = min(1, self.asked) + allowed if was == "closed" else int(allowed or self.asked > 0)
        if was != "closed" and allowed:
            assert self.time - self.probes[-1] >= TERMS.cooldown
            assert self.time >= self.opened + TERMS.cooldown
            self.probes.append(self.time)

    @precondition(lambda self: self.asked > 0)
    @rule(failed=st.booleans(), latency=st.sampled_from([1.0, 200.0]), rate=st.sampled_from([None, 0.2, 0.9]))
    def answer(self, failed: bool, latency: float, rate: float | None) -> None:
        was, trips = self.breaker.position, self.breaker.trips
        self.breaker = self.breaker.after(Call(self.time, failed, latency, rate))
        self.asked -= 1
        if was == "closed" and self.breaker.position == "open":
            assert self.breaker.trips == trips + 1
        else:
            assert self.breaker.trips == trips
        if was != "open" and self.breaker.position == "open":
            self.opened = self.time
        if was == "probing":
            assert self.breaker.position == ("open" if failed or latency > 100.0 else "closed")
            self.probes = [-(10**9)]

    @invariant()
    def a_breaker_that_is_open_says_until_when(self) -> None:
        assert (self.breaker.position == "closed") == (self.breaker.until == 0)


TestLife = Life.TestCase
