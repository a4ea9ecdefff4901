"""A circuit breaker around one agent: after repeated faults it is not asked any more, until a probe succeeds.

Closed at the start. It opens when `failures` of the latest `window` calls failed, when `slow_calls` calls in a row took
longer than `latency_ms`, or when the agent wants to depart from its baseline in more than `override_rate` of its
decisions. After `cooldown` it lets one call through, the probe: if that succeeds in time the breaker closes, if not it
stays open for another cool-down. While it is open the agent's baseline stands in.

Faults are counted in calls, so that the same settings serve bars of a minute and of a day; only the cool-down is time,
and the time is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import Factory, evolve, field, frozen
from attrs.validators import and_, ge, gt, le

if TYPE_CHECKING:
    from typing import TypeAlias

Position: TypeAlias = 'Literal["closed", "open", "probing"]'


@frozen
class Terms:
    """When a breaker opens, and for how long.

    Parameters
    ----------
    failures, window
        It opens at this many failed calls among the latest `window`.
    latency_ms, slow_calls
        And at this many calls in a row that took longer than this.
    override_rate
        And when the agent wants to depart from its baseline in more than this share of decisions; 1 turns it off.
    cooldown
        Until the next probe, in ns.
    """

    failures: int = field(default=5, validator=ge(1))
    window: int = field(default=20, validator=and_(ge(1), le(100_000)))
    latency_ms: float = field(default=250.0, validator=gt(0.0))
    slow_calls: int = field(default=4, validator=ge(1))
    override_rate: float = field(default=0.5, validator=and_(gt(0.0), le(1.0)))
    cooldown: int = field(default=15 * 60 * 1_000_000_000, validator=ge(1))

    def __attrs_post_init__(self) -> None:
        """Refuse a breaker that could never open by failures."""
        if self.failures > self.window:
            raise ValueError(f"{self.failures} failures never occur among the latest {self.window} calls")


@frozen
class Call:
    """What came of asking the agent once.

    Parameters
    ----------
    time
        When it answered or failed, ns UTC.
    failed
        An exception, a wrong shape, a NaN, a missed deadline.
    latency_ms
        How long it took.
    override_rate
        Share of the latest decisions in which it departed from its baseline (`Overrides.wanted_rate`).
    """

    time: int
    failed: bool = False
    latency_ms: float = 0.0
    override_rate: float | None = None


@frozen
class Breaker:
    """The state of one breaker.

    Parameters
    ----------
    terms
        When it opens.
    position
        closed, open, or probing: one call is out.
    until
        When it is open or probing: ns from which a (further) probe may go out.
    failed
        Bits of the latest calls, the latest lowest: it failed.
    slow
        Slow calls in a row.
    trips
        How often it opened; a failed probe is no new trip.
    why
        Why it opened last.
    """

    terms: Terms = Factory(Terms)
    position: Position = "closed"
    until: int = 0
    failed: int = 0
    slow: int = 0
    trips: int = 0
    why: str = ""

    def ask(self, time: int) -> tuple[bool, Breaker]:
        """Say whether the agent may be asked now, and return the state in which it is being asked.

        A probe that never came back counts as failed after a cool-down: then another may go out.
        """
        if self.position == "closed":
            return True, self
        if time < self.until:
            return False, self
        return True, evolve(self, position="probing", until=time + self.terms.cooldown)

    def after(self, call: Call) -> Breaker:
        """Return the state after a call; what answers while it is open was asked before, and changes nothing."""
        if self.position == "open":
            return self
        slow = self.slow + 1 if call.latency_ms > self.terms.latency_ms else 0
        if self.position == "probing":
            return self._probed(call, failed=call.failed or slow > 0)
        failed = (self.failed << 1 | call.failed) & ((1 << self.terms.window) - 1)
        now = evolve(self, failed=failed, slow=slow)
        why = now.reason(call)
        return now.open(call.time, why) if why else now

    def reason(self, call: Call) -> str:
        """Return in words why the breaker has to open after this call; empty when it has not."""
        terms = self.terms
        if self.failed.bit_count() >= terms.failures:
            return f"{self.failed.bit_count()} of the latest {terms.window} calls failed"
        if self.slow >= terms.slow_calls:
            return f"{self.slow} calls in a row took longer than {terms.latency_ms:g} ms"
        if call.override_rate is not None and call.override_rate > terms.override_rate:
            return f"it departs from its baseline in {call.override_rate:.0%} of its decisions"
        return ""

    def open(self, time: int, why: str) -> Breaker:
        """Return the breaker opened at a time, by a call's fault or by hand."""
        trips = self.trips + (self.position == "closed")
        return evolve(self, position="open", until=time + self.terms.cooldown, trips=trips, why=why)

    def close(self) -> Breaker:
        """Return the breaker closed, with nothing held against the agent but the number of trips."""
        return evolve(self, position="closed", until=0, failed=0, slow=0)

    def _probed(self, call: Call, *, failed: bool) -> Breaker:
        return self.open(call.time, f"{self.why}; the probe failed") if failed else self.close()
