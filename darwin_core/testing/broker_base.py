"""What the suite for brokers works with: a small deployment, orders, bars, and the patience that venues need."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from attrs import evolve

from darwin_core.live.orders import (
    Accepted,
    Approved,
    Deployed,
    FillReport,
    Intent,
    OrderReport,
    Refused,
    Unknown,
    client_order_id,
)
from darwin_core.live.tape import Slice
from darwin_core.testing.compare import check
from darwin_core.testing.suite import PluginTests
from darwin_core.types import Limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    T = TypeVar("T")

_FIELDS = ("open", "high", "low", "close", "volume")
MINUTE = 60_000_000_000
PATIENCE_S = 10.0
LOW = 50.0
"""A limit that no card's price reaches."""


def sample_deployed(folder: Path, **changes: Any) -> Deployed:
    """Return what a broker is told of a small deployment: two symbols, bars with a range, no costs.

    Parameters
    ----------
    folder
        Where the broker may keep what it has to remember.
    changes
        Fields of `darwin_core.Deployed` that shall be otherwise.
    """
    from darwin_core import ledger  # what compiles is imported when it is used
    from darwin_core.config import Execution, Exits

    limits = Limits(max_weight=1.0, max_gross=2.0, max_drawdown=1.0, allow_short=True)
    rules = ledger.rules(Execution(), Exits(), limits, has_range=True, own_stops=True)
    sample = Deployed("sample", ("AAA", "BBB"), _FIELDS, rules, 100_000.0, folder, lambda: 0)
    return evolve(sample, **changes)


def sample_order(symbol: str, quantity: float, number: int = 0, **changes: Any) -> Approved:
    """Return an order as the controls would have approved it; each `number` has a client id of its own.

    `changes` are fields of an order: ``kind="limit", limit_price=99.0``, ``time_in_force="ioc"``, ``stop=0.05``.
    """
    name = client_order_id("sample", number, symbol, "target", 0)
    return Approved(Intent(name, "sample", number, symbol, "target", 0, quantity, 100.0, **changes))


def sample_slice(symbols: Sequence[str], time: int, price: float, low: float = 0.0, without: str = "") -> Slice:
    """Return a bar of all symbols but one: open, high and close are `price`, the low is `low` unless that is 0."""
    row = np.array([price, price, low or price, price, 1_000.0])
    values = np.repeat(row[:, None], len(symbols), axis=1)
    arrival = np.full(len(symbols), time)
    for s in (s for s, symbol in enumerate(symbols) if symbol == without):
        values[:, s], arrival[s] = np.nan, 0
    return Slice(time, values, np.empty(0), arrival)


class BrokerBase(PluginTests):
    """What the cases for a broker have in common: a deployment, a market, orders."""

    kind: ClassVar[str] = "broker"
    symbols: ClassVar[tuple[str, str]] = ("AAA", "BBB")
    folder: Path = Path("a folder that is not there")
    time: int = 1_700_000_000_000_000_000
    count: int = 0

    def deployed(self, folder: Path) -> Deployed:
        """Return the deployment that the broker works for."""
        return sample_deployed(folder, symbols=self.symbols, now=lambda: self.time)

    def also(self) -> dict[str, Any]:
        """Return the deployment."""
        return {"deployed": self.deployed(self.folder)}

    async def trade(self, broker: Any, price: float, low: float = 0.0, without: str = "") -> None:
        """Let the venue trade: it opens at `price`, falls to `low` (0: it does not) and closes at `price`.

        Parameters
        ----------
        without
            A symbol that does not trade.
        """
        if not broker.capabilities.simulated:
            raise NotImplementedError(f"{type(self).__name__}.trade: say how your venue is made to trade at a price")
        self.time += MINUTE
        await broker.market(sample_slice(self.symbols, self.time, price, low, without))

    def sent(self, quantity: float, **changes: Any) -> Approved:
        """Return another order, for the first symbol unless `symbol` is given."""
        self.count += 1
        return sample_order(changes.pop("symbol", self.symbols[0]), quantity, self.count, **changes)

    def resting(self) -> Approved:
        """Return an order that nothing fills."""
        return self.sent(5.0, kind="limit", limit_price=LOW, time_in_force="gtc")

    async def filled(self, broker: Any, quantity: float, price: float = 100.0, **changes: Any) -> Approved:
        """Submit an order, let the venue trade, and see it filled."""
        order = self.sent(quantity, **changes)
        accepted(await broker.submit(order))
        await self.trade(broker, price)
        await eventually(partial(broker.order, order.client_id), has_status("filled"), "a market order is filled")
        return order

    def on(self, folder: Path, card: Callable[[Any], Awaitable[None]]) -> None:
        """Run a case with a broker that is connected, after the venue has traded at 100."""

        async def run() -> None:
            self.folder = folder
            broker = self.make()
            await broker.connect()
            try:
                await self.trade(broker, 100.0)
                await asyncio.wait_for(card(broker), 3 * PATIENCE_S)
            finally:
                await broker.close()

        asyncio.run(run())


def accepted(outcome: object) -> Accepted:
    """Return an outcome that is Accepted."""
    __tracebackhide__ = True
    check(isinstance(outcome, Accepted), f"Accepted is expected, not {outcome}")
    assert isinstance(outcome, Accepted)  # noqa: S101 - for the type checker
    return outcome


def check_outcome(outcome: object) -> str:
    """Check that something is one of the three outcomes; return which."""
    __tracebackhide__ = True
    check(isinstance(outcome, Accepted | Refused | Unknown), f"{outcome!r} is no outcome")
    return type(outcome).__name__


def has_status(status: str) -> Callable[[object], bool]:
    """Return whether a report has a status, as a function."""
    return lambda found: isinstance(found, OrderReport) and found.status == status


def has_ended(found: object) -> bool:
    """Return whether a report is of an order that trades no more."""
    return isinstance(found, OrderReport) and found.status not in ("working", "partial")


def is_report(body: object, client_id: str) -> bool:
    """Return whether an event's body reports an order."""
    return isinstance(body, OrderReport) and body.client_id == client_id


def is_fill(body: object, client_id: str) -> bool:
    """Return whether an event's body is a fill of an order."""
    return isinstance(body, FillReport) and body.client_id == client_id


def has_all(wanted: Sequence[object], bodies: Sequence[object]) -> bool:
    """Return whether all that is wanted is among the bodies of events."""
    return all(each in bodies for each in wanted)


async def now(value: T) -> T:
    """Return a value."""
    return value


async def eventually(ask: Callable[[], Awaitable[Any]], fits: Callable[[Any], bool], what: str) -> Any:
    """Ask until the answer fits; AssertionError when it does not in time."""
    __tracebackhide__ = True
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while not fits(found := await ask()):
        check(asyncio.get_running_loop().time() < end, f"{what}: expected, and the venue says {found}")
        await asyncio.sleep(0.02)
    return found


async def follow(broker: Any, cursor: str, enough: Callable[[Sequence[Any]], bool]) -> list[Any]:
    """Return the events behind a cursor until their bodies are enough."""
    __tracebackhide__ = True
    seen: list[Any] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            async for event in broker.events(cursor):
                seen.append(event)
                if enough([each.body for each in seen]):
                    return seen
    raise AssertionError(f"from cursor {cursor!r} the stream tells no more than {[event.body for event in seen]}")
