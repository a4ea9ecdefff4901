"""How far a session has come: its clock and its day, bars, prices, and what its agents have done by now."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core import ledger, lockstep
from darwin_core.live.controls import Price
from darwin_core.types import local_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.live.calendar import Calendar
    from darwin_core.live.stepping import Step, Stepper
    from darwin_core.live.tape import Slice

_CURVE = 240
_LAST_CLOSES = 1_000


@define(eq=False)
class Clock:
    """The one clock that a session reads: ns UTC. A replay sets it; else it is the machine's."""

    machine: Callable[[], int]
    at: int | None = None

    def now(self) -> int:
        """Return the time."""
        return self.machine() if self.at is None else self.at


@define
class Tally:
    """What an agent has done since the session began."""

    decisions: int = 0
    applied: int = 0
    fallbacks: int = 0
    agreed: int = 0
    last: str = ""


@define(eq=False)
class Course:
    """How far a session has come.

    Parameters
    ----------
    stepper
        Has the account and the tape.
    clock, calendar
        When it is, and when bars are due.
    deadline_s
        How late a bar may be before it counts as late.
    """

    stepper: Stepper
    clock: Clock
    calendar: Calendar
    deadline_s: float
    bars: int = field(default=0, init=False)
    last_bar: int = field(default=0, init=False)
    late: tuple[str, ...] = field(default=(), init=False)
    """Symbols that are missing from the newest bar."""
    prices: dict[str, Price] = field(factory=dict, init=False)
    curve: deque[float] = field(factory=lambda: deque(maxlen=_CURVE), init=False)
    agents: dict[str, Tally] = field(factory=dict, init=False)
    day: str = field(default="", init=False)
    day_start: float = field(init=False)
    """The equity with which the day began."""

    def __attrs_post_init__(self) -> None:
        """Begin with the account as it is."""
        self.day_start = self.equity

    @property
    def equity(self) -> float:
        """What the account is worth."""
        return float(self.stepper.walk.book[ledger.EQUITY])

    def held(self) -> dict[str, float]:
        """Return the position in each symbol."""
        slots, _ = ledger.split(self.stepper.walk.slots)
        return dict(zip(self.stepper.tape.symbols, slots["position"].tolist(), strict=True))

    def came(self, row: Slice) -> None:
        """Take in what a bar says of the market."""
        self.late = tuple(
            s for s, there in zip(self.stepper.tape.symbols, row.arrival.tolist(), strict=True) if not there
        )
        self.note_prices(row)

    def note_prices(self, row: Slice) -> None:
        """Know the closes of a bar."""
        closes = row.values[self.stepper.tape.fields.index("close")].tolist()
        for symbol, close in zip(self.stepper.tape.symbols, closes, strict=True):
            if close == close:  # noqa: PLR0124 - not NaN
                self.prices[symbol] = Price(close, row.time)

    def look_back(self) -> None:
        """Know the last close of every symbol before the first bar: one that is held may be missing from it."""
        stop = self.stepper.decided
        bars = self.stepper.tape.read(max(0, stop - _LAST_CLOSES), stop)
        for s, symbol in enumerate(bars.symbols):
            known = np.flatnonzero(~np.isnan(bars.close[:, s]))
            if len(known):
                self.prices[symbol] = Price(float(bars.close[known[-1], s]), int(bars.time[known[-1]]))

    def begin_day(self, time: int) -> bool:
        """Keep the equity with which the day of a bar begins; return whether another day has ended with it."""
        day, before = self.day_of(time), self.day
        if day != before:
            self.day, self.day_start = day, self.equity
        return day != before != ""

    def day_of(self, time: int) -> str:
        """Return the day to which a bar belongs."""
        return str(local_time(np.array([time - 1]), self.stepper.tape.timezone)[0].astype("datetime64[D]"))

    def done(self, step: Step) -> None:
        """Count a bar that is over."""
        self.bars, self.last_bar = self.bars + 1, step.bar
        self.curve.append(step.curve[0])

    def count(self, step: Step) -> None:
        """Count what the agents have decided on a bar."""
        line = self.stepper.line
        for number, part in enumerate(line.agents, 1):
            tally = self.agents.setdefault(part.name, Tally())
            rows = step.decisions[step.decisions["stage"] == number]
            flags = rows["flags"]
            tally.decisions += len(rows)
            tally.applied += int(np.count_nonzero(flags & lockstep.APPLIED))
            tally.fallbacks += int(np.count_nonzero(flags & lockstep.FALLBACK))
            tally.agreed += int(np.count_nonzero(rows["value"] == step.standing[number - 1, rows["symbol"]]))
            if len(rows):
                symbol = line.feed.symbols[int(rows["symbol"][-1])]
                tally.last = f"{part.agent.effect} {rows['value'][-1]:g} {symbol}"

    def took(self, step: Step) -> dict[str, float]:
        """Return how long the symbol agents took together, and the masters: what the triggers look at."""
        took: dict[str, float] = {}
        for part in self.stepper.line.agents:
            seconds = step.took.get(f"agent {part.name}")
            if seconds is not None:
                kind = "symbol" if part.agent.when in ("bar", "candidate") else "master"
                took[kind] = took.get(kind, 0.0) + seconds
        return took

    def overdue(self) -> float:
        """Return the seconds by which the next bar is late; 0 between sessions, and in a replay."""
        if self.clock.at is not None or not self.last_bar:
            return 0.0
        due = self.last_bar + self.stepper.tape.interval
        if not self.calendar.is_open(due - 1):
            return 0.0
        return max(0.0, (self.clock.now() - due) / 1e9 - self.deadline_s)
