"""Plugins that do their part until, on some bars, they do not: the market of `market.py`, and a fault in one place.

`fault` is raises, hangs, nan, shape, writes or nothing (they return None); `first` and `last` are the minutes at which
it happens, so that it depends on the bar alone. A hang ends by itself, some bars later. While the environment variable
is set nobody misbehaves: the same session in another process, without the fault.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, ClassVar

import numpy as np
from attrs import evolve, field, frozen
from campaigns.market import FIRST, MINUTE, Careful, Fickle, Walks
from darwin_paper.broker import PaperBroker
from darwin_paper.faults import Faults

from darwin_core import Accepted, BarEvent, Bars, FillReport, PositionReport, Proposal, hookimpl

HEALTHY = "DARWIN_TEST_HEALTHY"
HANG_S = 0.15


@frozen
class Fault:
    """What goes wrong, and at which minutes."""

    fault: str = ""
    first: int = 0
    last: int = -1

    def strikes(self, now: Any) -> bool:
        return self.first <= (int(now) - FIRST) // MINUTE <= self.last and not os.environ.get(HEALTHY)

    def spoil(self, now: Any, good: Any, shared: Any) -> Any:
        """Return an answer as it is, or as the fault makes it; `shared` is an array that belongs to everybody."""
        if not self.strikes(now):
            return good
        if self.fault == "raises":
            raise RuntimeError("a fault for rehearsal")
        if self.fault == "hangs":
            time.sleep(HANG_S)
        if self.fault == "writes":
            shared[...] = 1.0
        spoilt = {"nothing": None, "nan": np.full(np.shape(good), np.nan), "shape": np.zeros((2, 3, 5))}
        return spoilt.get(self.fault, good)


@frozen
class Strategy(Fault):
    """Wants what `Fickle` wants."""

    inner: Any = field(init=False, factory=Fickle)
    requires: ClassVar[tuple[str, ...]] = ("level",)
    lookback: ClassVar[int] = 0

    def propose(self, market: Any) -> Any:
        good = self.inner.propose(market)
        weight = self.spoil(market.bars.time[-1], good.weight, market.bars.close)
        return (
            None if weight is None else Proposal(good.side, weight, 0.5, stop=good.stop, take_profit=good.take_profit)
        )


@frozen
class Level(Fault):
    """The close, less its symbol's number."""

    lookback: ClassVar[int] = 0

    def compute(self, bars: Any) -> Any:
        good = bars.close - np.arange(len(bars.symbols))
        return self.spoil(bars.time[-1], good, bars.close)


@frozen
class Library(Fault):
    """Has one column."""

    names: ClassVar[tuple[str, ...]] = ("level",)

    def column(self, _name: str, _arguments: Any) -> Any:
        return Level(self.fault, self.first, self.last)


@frozen
class Agent(Fault):
    """Answers as `Careful` does."""

    inner: Any = field(init=False, factory=Careful)
    when: ClassVar[str] = "bar"
    effect: ClassVar[str] = "scale"
    requires: ClassVar[tuple[str, ...]] = ("account.drawdown", "level")
    baseline: ClassVar[float] = 1.0

    def decide(self, observation: Any) -> Any:
        return self.spoil(observation.time[0], self.inner.decide(observation), observation.values)


@frozen
class Monitor(Fault):
    """Allows everything."""

    requires: ClassVar[tuple[str, ...]] = ("level",)
    lookback: ClassVar[int] = 0
    limits: ClassVar[Any] = None

    def allow(self, market: Any) -> Any:
        return self.spoil(market.bars.time[-1], np.ones(len(market.bars.time), np.bool_), market.bars.close)


STEP = 50_000_000
"""Between two bars of the stream, ns."""


@frozen
class Feed(Fault):
    """A market whose bars come now, one every STEP; its history is one bar, and it ends after `bars`."""

    bars: int = 24
    began: int = field(init=False, factory=lambda: (time.time_ns() // STEP + 1) * STEP)
    state: dict[str, int] = field(init=False, factory=lambda: {"sent": 1}, eq=False)
    symbols: ClassVar[tuple[str, ...]] = ("S0", "S1")
    fields: ClassVar[tuple[str, ...]] = Walks.fields
    timezone: ClassVar[str] = "UTC"
    interval: ClassVar[int] = STEP

    def times(self) -> Any:
        return np.array([self.began])

    def read(self, start: int, stop: int) -> Bars:
        rows = np.full((stop - start, len(self.symbols)), 50.0)
        return Bars(self.times()[start:stop], self.symbols, dict.fromkeys(self.fields, rows))

    def fingerprint(self) -> str:
        return "stream"

    def findings(self) -> tuple[str, ...]:
        return ()

    @property
    def ended(self) -> bool:
        return self.state["sent"] >= self.bars

    async def stream(self, after: int) -> Any:
        while not self.ended:
            number = self.state["sent"]
            self.state["sent"] += 1
            due = self.began + number * STEP
            await asyncio.sleep(max(0.0, (due - time.time_ns()) / 1e9))
            for symbol in self.symbols:
                yield self._bar(due, symbol, 50.0 + (number * 7 % 5) * 0.1, struck=self.first <= number <= self.last)
            if self.fault == "hangs" and self.first <= number <= self.last:
                await asyncio.sleep(0.2)

    def _bar(self, due: int, symbol: str, price: float, *, struck: bool) -> Any:
        values = np.array([price, price + 0.1, price - 0.1, price, 1.0])
        if struck and symbol == "S1":
            if self.fault == "raises":
                raise RuntimeError("a fault for rehearsal")
            if self.fault == "nothing":
                return None
            values = {"nan": np.full(5, np.nan), "shape": np.zeros((2, 3))}.get(self.fault, values)
        return BarEvent(due, symbol, values, time.time_ns())


class Broker(PaperBroker):
    """A paper broker of which one method, `where`, misbehaves: raises, hangs, or says nonsense."""

    def __init__(self, deployed: Any, where: str, fault: Fault) -> None:
        super().__init__(Faults(), deployed)
        self.where, self.fault = where, fault

    async def _spoil(self, where: str, asked: Any) -> Any:
        good = await asked
        if where != self.where or not self.fault.strikes(self.deployed.now()):
            return good
        if self.fault.fault == "raises":
            raise RuntimeError("a fault for rehearsal")
        if self.fault.fault == "hangs":
            await asyncio.Event().wait()
        return None if self.fault.fault == "nothing" else _nonsense(where, good)

    async def submit(self, order: Any) -> Any:
        return await self._spoil("submit", super().submit(order))

    async def cancel(self, client_id: str) -> Any:
        return await self._spoil("cancel", super().cancel(client_id))

    async def order(self, client_id: str) -> Any:
        return await self._spoil("order", super().order(client_id))

    async def fills_since(self, cursor: str) -> Any:
        return await self._spoil("fills_since", super().fills_since(cursor))

    async def positions(self) -> Any:
        return await self._spoil("positions", super().positions())

    async def market(self, bar: Any) -> Any:
        return await self._spoil("market", super().market(bar))

    async def events(self, cursor: str) -> Any:  # type: ignore[override]
        async for event in super().events(cursor):
            yield await self._spoil("events", _soon(event))


async def _soon(value: Any) -> Any:
    return value


def _nonsense(where: str, good: Any) -> Any:
    if where == "positions":
        return [PositionReport("S0", float("nan"), 0)]
    if where == "fills_since":
        return [FillReport("F1", "X", "S0", float("nan"), 1.0, 0.0, 0)], "0"
    if where == "events" and isinstance(good.body, FillReport):
        return evolve(good, body=evolve(good.body, price=float("inf")))
    return good if where == "events" else Accepted if where == "submit" else 7


@hookimpl
def make_feed(options: Any) -> Any:
    return options.into(Feed)


@hookimpl
def make_strategy(options: Any) -> Any:
    return options.into(Strategy)


@hookimpl
def make_features(options: Any) -> Any:
    return options.into(Library)


@hookimpl
def make_agent(options: Any) -> Any:
    return options.into(Agent)


@hookimpl
def make_monitor(options: Any) -> Any:
    from darwin_core import Limits

    class Allowing(Monitor):
        limits: ClassVar[Any] = Limits()

    return options.into(Allowing)


@frozen
class _BrokerOptions:
    where: str = ""
    fault: str = ""
    first: int = 0
    last: int = -1


@hookimpl
def make_broker(options: Any, deployed: Any) -> Any:
    chosen = options.into(_BrokerOptions)
    return Broker(deployed, chosen.where, Fault(chosen.fault, chosen.first, chosen.last))
