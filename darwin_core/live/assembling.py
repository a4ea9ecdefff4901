"""One bar of all symbols out of many messages: complete, or as complete as it is at its deadline."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from darwin_core.live.tape import Slice

if TYPE_CHECKING:
    from darwin_core.types import Floats

_REMEMBERED = 64
_GRID = 8
"""Two moments closer than the interval over this are one moment with two stamps."""


@frozen(eq=False)
class BarEvent:
    """A bar of one symbol as a provider sends it.

    Parameters
    ----------
    time
        When the bar is complete, ns.
    symbol
        A traded symbol, or a watched series.
    values
        (F,) in the order of the feed's fields; of a watched series the close alone, (1,).
    arrival
        When it arrived, ns by the line's clock.
    """

    time: int
    symbol: str
    values: Floats
    arrival: int


@frozen
class Finding:
    """Something about a message that people should know: what was refused, or came late.

    Parameters
    ----------
    kind
        One word: absurd, duplicate, gap, late, revision, stale, stream, unknown, ...
    symbol
        Whose bar; empty when it is about all.
    time
        The bar's, ns.
    text
        What was wrong, in words.
    """

    kind: str
    symbol: str
    time: int
    text: str


@frozen
class Sanity:
    """What a bar may look like.

    Parameters
    ----------
    max_jump
        Largest change of the close from the last one, as a fraction of it; 0 does not look. A bar that is further away
        is refused, and so are those that follow it until two in a row agree: then it is the price that has changed.
    ahead
        How far a bar's end may lie in the future, ns: clocks differ a little.
    """

    max_jump: float = 0.5
    ahead: int = 1_000_000_000


@define(eq=False)
class _Moment:
    """What has come for one moment, by the place of its symbol or series, and until when the rest is waited for."""

    until: int
    bars: dict[int, BarEvent] = field(factory=dict)
    said: dict[int, Floats] = field(factory=dict)
    """What was said last, where it was corrected."""


@define(eq=False)
class Assembler:
    """Collects the symbols' bars of one moment; never waits longer than the deadline.

    Every message ends as part of a moment, or is told in `findings`; one that says something new about a moment that
    is gone, or says it differently, goes to `late` besides. Whoever drives it empties both.

    Parameters
    ----------
    symbols, fields, watched
        What the feed has.
    deadline
        How long after a bar's end what is missing is waited for, ns. When nothing of a moment came by then (an outage
        has ended), it is waited for as long from its first message on.
    sanity
        What is believed.
    emitted
        Time of the last moment that is behind; earlier ones are late.
    interval
        Nominal time between bars, ns; 0 does not look at it.
    """

    symbols: tuple[str, ...]
    fields: tuple[str, ...]
    watched: tuple[str, ...]
    deadline: int
    sanity: Sanity = field(factory=Sanity)
    emitted: int = 0
    interval: int = 0
    late: list[BarEvent] = field(factory=list, init=False)
    findings: list[Finding] = field(factory=list, init=False)
    _place: dict[str, int] = field(init=False)
    _last: Floats = field(init=False)
    _doubted: dict[int, BarEvent] = field(factory=dict, init=False)
    _strangers: set[str] = field(factory=set, init=False)
    _waiting: dict[int, _Moment] = field(factory=dict, init=False)
    _times: list[int] = field(factory=list, init=False)
    _untils: list[tuple[int, int]] = field(factory=list, init=False)
    _gone: dict[int, _Moment] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Know no closes yet."""
        self._last = np.full(len(self.symbols), np.nan)
        self._place = {name: n for n, name in enumerate((*self.symbols, *self.watched))}

    def knows(self, closes: Floats) -> None:
        """Take over the last closes before the session, (S,); NaN where there is none."""
        self._last = np.array(closes, np.float64)

    def offer(self, event: BarEvent, now: int) -> None:
        """Take a message."""
        place = self._place.get(event.symbol)
        if place is None:
            self._stranger(event)
            return
        fault = self._fault(event, place, now)
        if fault:
            self._tell("absurd", event, fault)
            return
        bar = BarEvent(int(event.time), event.symbol, event.values.astype(np.float64), int(event.arrival))
        if bar.time <= self.emitted:
            self._compare(bar, place, self._gone.get(bar.time) or _Moment(0))
        elif place >= len(self.symbols) or self._near(bar, place):
            self._keep(bar, place, now)

    def _keep(self, bar: BarEvent, place: int, now: int) -> None:
        moment = self._waiting.get(bar.time)
        if moment is None:
            due = bar.time + self.deadline
            moment = self._waiting[bar.time] = _Moment(due if now <= due else now + self.deadline)
            insort(self._times, bar.time)
            heapq.heappush(self._untils, (moment.until, bar.time))
        if place in moment.bars:
            self._compare(bar, place, moment)
        else:
            moment.bars[place] = bar

    def _compare(self, bar: BarEvent, place: int, moment: _Moment) -> None:
        """Say what a bar is that changes nothing any more: the same again, another one, or too late."""
        first = moment.bars.get(place)
        known = moment.said.get(place, None if first is None else first.values)
        if known is not None and np.array_equal(known, bar.values):
            self._tell("duplicate", bar, "the same bar twice")
            return
        moment.said[place] = bar.values
        self.late.append(bar)
        if known is None:
            self._tell("late", bar, "its moment was decided without it, or so long ago that its bar is not at hand")
        else:
            self._tell("revision", bar, "another bar for the same moment; the first is used")

    def _stranger(self, event: BarEvent) -> None:
        """Tell once of each symbol that nobody asked for."""
        if event.symbol not in self._strangers:
            self._strangers.add(event.symbol)
            self._tell("unknown", event, "the deployment does not trade it; its bars are left out")

    def _tell(self, kind: str, event: BarEvent, text: str) -> None:
        self.findings.append(Finding(kind, event.symbol, event.time, text))

    def _crowded(self, time: int) -> bool:
        """Whether a new moment lies so close to another one that it cannot be the feed's next."""
        if not self.interval:
            return False
        at = bisect_left(self._times, time)
        near = [self.emitted, *self._times[max(0, at - 1) : at + 1]]
        return any(abs(time - other) < self.interval // _GRID for other in near)

    def _fault(self, event: BarEvent, place: int, now: int) -> str:
        """Say why a bar cannot be believed, whatever came before it."""
        if not isinstance(event.time, int | np.integer) or event.time <= 0:
            return f"its time is {event.time!r}, not ns since 1970"
        if event.time > now + self.sanity.ahead:
            return f"it ends {(event.time - now) / 1e9:,.1f} s in the future: no bar is known before its end"
        traded = place < len(self.symbols)
        wanted = len(self.fields) if traded else 1
        values = event.values
        if event.time > self.emitted and event.time not in self._waiting and self._crowded(int(event.time)):
            return "its time is none of the feed's: it is too close to another bar's"
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.shape != (wanted,):
            return (
                f"{wanted} numbers are expected ({', '.join(self.fields) if traded else 'the close'}), not {values!r}"
            )
        if not np.isfinite(values).all():
            return "a value is not finite"
        return self._impossible(dict(zip(self.fields, values.tolist(), strict=True))) if traded else ""

    def _impossible(self, bar: dict[str, float]) -> str:
        prices = [value for name, value in bar.items() if name != "volume"]
        if min(prices) <= 0.0:
            return f"a price is not positive ({min(prices)!r})"
        if bar.get("high", prices[0]) < max(prices) or bar.get("low", prices[0]) > min(prices):
            return "the range does not hold the open and the close"
        if bar.get("volume", 0.0) < 0.0:
            return f"the volume is negative ({bar['volume']!r})"
        return ""

    def _near(self, bar: BarEvent, place: int) -> bool:
        """Whether a close is near the last one, or confirms one that was not."""
        close, last, most = self._close(bar), float(self._last[place]), self.sanity.max_jump
        doubted = self._doubted.get(place)
        if not most or not abs(close / last - 1.0) > most:
            return True
        if doubted is not None and doubted.time < bar.time and abs(close / self._close(doubted) - 1.0) <= most:
            self._tell("jump", bar, f"the close {close!r} is believed: the bar before it said so too")
            return True
        self._doubted[place] = bar
        self._tell("absurd", bar, f"the close {close!r} is too far from the last one, {last!r}")
        return False

    def _close(self, bar: BarEvent) -> float:
        return float(bar.values[self.fields.index("close")])

    def next_deadline(self) -> int | None:
        """Return when the oldest waiting moment has to be emitted; None when nothing waits."""
        while self._untils and self._untils[0][1] not in self._waiting:
            heapq.heappop(self._untils)
        return self._untils[0][0] if self._untils else None

    def ready(self, now: int) -> Slice | None:
        """Return the oldest moment if it is complete, or if its deadline or that of one behind it has come."""
        while (deadline := self.next_deadline()) is not None:
            time = self._times[0]
            moment = self._waiting[time]
            if len(moment.bars) < len(self._place) and now < deadline:
                return None
            del self._waiting[time], self._times[0]
            if min(moment.bars) < len(self.symbols):
                return self._emit(time, moment)
            for bar in moment.bars.values():
                self._tell("alone", bar, "no symbol has a bar at its moment; it is left out")
        return None

    def _emit(self, time: int, moment: _Moment) -> Slice:
        width = len(self.symbols)
        values = np.full((len(self.fields), width), np.nan)
        reference = np.full(len(self.watched), np.nan)
        arrival = np.zeros(width, np.int64)
        for place, bar in moment.bars.items():
            if place >= width:
                reference[place - width] = bar.values[0]
                continue
            values[:, place] = bar.values
            arrival[place] = max(1, bar.arrival)  # 0 says that nothing came
            self._last[place] = self._close(bar)
            self._doubted.pop(place, None)
        self.emitted = time
        self._gone[time] = moment
        if len(self._gone) > _REMEMBERED:
            del self._gone[next(iter(self._gone))]
        return Slice(time, values, reference, arrival)
