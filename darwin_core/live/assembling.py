"""One bar of all symbols out of many messages: complete, or as complete as it is at its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from darwin_core.live.tape import Slice

if TYPE_CHECKING:
    from darwin_core.types import Floats, Ints


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
        (F,) in the order of the feed's fields; of a watched series the close alone.
    arrival
        When it arrived, ns by the line's clock.
    """

    time: int
    symbol: str
    values: Floats
    arrival: int


@frozen
class Finding:
    """Something about a message that people should know: what was refused, or came late."""

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
        Largest change of the close from the last one, as a fraction of it; 0 does not look.
    """

    max_jump: float = 0.5


@define(eq=False)
class Assembler:
    """Collects the symbols' bars of one moment; never waits longer than the deadline.

    Parameters
    ----------
    symbols, fields, watched
        What the feed has.
    deadline
        How long after a bar's end its missing symbols are waited for, ns.
    """

    symbols: tuple[str, ...]
    fields: tuple[str, ...]
    watched: tuple[str, ...]
    deadline: int
    sanity: Sanity = field(factory=Sanity)
    emitted: int = 0
    late: list[BarEvent] = field(factory=list, init=False)
    _waiting: dict[int, tuple[Floats, Floats, Ints]] = field(factory=dict, init=False)
    _last: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Know no closes yet."""
        self._last = np.full(len(self.symbols), np.nan)

    def offer(self, event: BarEvent) -> Finding | None:
        """Take a message; return what is wrong with it, if anything. Late bars go to `late`."""
        if event.symbol not in self.symbols and event.symbol not in self.watched:
            return Finding("unknown", event.symbol, event.time, "the deployment does not trade it")
        if event.symbol in self.symbols:
            fault = self._fault(event)
            if fault:
                return Finding("absurd", event.symbol, event.time, fault)
        if event.time <= self.emitted:
            self.late.append(event)
            return Finding("late", event.symbol, event.time, "its moment was decided without it, or on another bar")
        return self._take(event)

    def _take(self, event: BarEvent) -> Finding | None:
        values, reference, arrival = self._waiting.setdefault(
            event.time,
            (
                np.full((len(self.fields), len(self.symbols)), np.nan),
                np.full(len(self.watched), np.nan),
                np.zeros(len(self.symbols), np.int64),
            ),
        )
        if event.symbol in self.watched:
            reference[self.watched.index(event.symbol)] = event.values[-1]
            return None
        s = self.symbols.index(event.symbol)
        if arrival[s]:
            if np.array_equal(values[:, s], event.values):
                return Finding("duplicate", event.symbol, event.time, "the same bar twice")
            self.late.append(event)
            return Finding("revision", event.symbol, event.time, "another bar for the same moment; the first is used")
        values[:, s] = event.values
        arrival[s] = event.arrival
        return None

    def _fault(self, event: BarEvent) -> str | None:
        """Say why a bar cannot be believed."""
        bar = dict(zip(self.fields, event.values.tolist(), strict=True))
        prices = [bar[name] for name in ("open", "high", "low", "close") if name in bar]
        if not np.isfinite(event.values).all():
            return "a value is not finite"
        if min(prices) <= 0.0:
            return f"a price is not positive ({min(prices)!r})"
        if "high" in bar and (bar["high"] < max(prices) or bar["low"] > min(prices)):
            return "the range does not hold the open and the close"
        last = self._last[self.symbols.index(event.symbol)]
        if self.sanity.max_jump and abs(bar["close"] / last - 1.0) > self.sanity.max_jump:
            return f"the close {bar['close']!r} is too far from the last one, {last!r}"
        return None

    def next_deadline(self) -> int | None:
        """Return when the oldest waiting moment has to be emitted; None when nothing waits."""
        return min(self._waiting) + self.deadline if self._waiting else None

    def ready(self, now: int) -> Slice | None:
        """Return the oldest moment if it is complete or its deadline has come."""
        if not self._waiting:
            return None
        time = min(self._waiting)
        values, reference, arrival = self._waiting[time]
        if not arrival.all() and now < time + self.deadline:
            return None
        del self._waiting[time]
        self.emitted = time
        close = values[self.fields.index("close")]
        self._last = np.where(np.isnan(close), self._last, close)
        return Slice(time, values, reference, arrival)
