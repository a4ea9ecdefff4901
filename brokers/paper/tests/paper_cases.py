"""Paper brokers for tests, and what a backtest's orders are to one."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
from darwin_paper.broker import PaperBroker
from darwin_paper.faults import Faults

from darwin_core import Slice
from darwin_core.testing.broker_base import sample_deployed, sample_order, sample_slice

MINUTE = 60_000_000_000
SYMBOLS = ("AAA", "BBB")


@contextlib.asynccontextmanager
async def connected(folder, faults=None, **changes):
    """Yield a broker with its file in a folder."""
    broker = PaperBroker(Faults(**(faults or {})), sample_deployed(folder, **changes))
    await broker.connect()
    try:
        yield broker
    finally:
        await broker.close()


def run(case, folder, faults=None, **changes):
    """Run a case, a coroutine function, with a broker."""

    async def inside():
        async with connected(folder, faults, **changes) as broker:
            return await case(broker)

    return asyncio.run(asyncio.wait_for(inside(), 60))


async def show(broker, minute, price=100.0, low=0.0, without=""):
    """Show the broker a bar of all its symbols."""
    return await broker.market(sample_slice(broker.deployed.symbols, minute * MINUTE, price, low, without))


async def state(broker):
    """Return everything that a venue can be asked."""
    return (
        await broker.open_orders(), await broker.fills_since(""), await broker.positions(), await broker.account(),
    )  # fmt: skip


async def told(broker, until, cursor="", wait=5.0):
    """Return the events up to a cursor, or as many as come in time."""
    seen = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait):
            async for event in broker.events(cursor):
                seen.append(event)
                if int(event.cursor or 0) >= int(until):
                    break
    return seen


def row_of(bars, t):
    """Return one bar of a history as the line shows it to a venue."""
    values = np.vstack([bars.fields[name][t] for name in bars.fields])
    arrival = np.where(np.isnan(bars.close[t]), 0, bars.time[t])
    return Slice(int(bars.time[t]), values, np.empty(0), arrival)


def sent_by(result, terms):
    """Return, bar by bar, the orders of a backtest that a line would send: all but those that the venue keeps.

    Parameters
    ----------
    terms
        Returns the stop and the take-profit of an order of bar t and symbol s.
    """
    has_range = {"open", "high", "low"} <= set(result.line.feed.fields)
    out = [[] for _ in result.time]
    for number, row in enumerate(result.orders):
        if has_range and row["reason"] in (1, 2):
            continue
        t, s = int(row["bar"]), int(row["symbol"])
        stop, take = terms(t, s)
        symbol = result.symbols[s]
        order = sample_order(symbol, float(row["quantity"]), number, stop=stop, take_profit=take)
        out[t].append(order)
    return out


async def walked(broker, bars, orders):
    """Show a broker bars, and send orders after each; an order that waits is cancelled for a new one."""
    for t in range(len(bars.time)):
        await broker.market(row_of(bars, t))
        for order in orders[t]:
            for waiting in await broker.open_orders():
                if waiting.symbol == order.symbol:
                    await broker.cancel(waiting.client_id)
            outcome = await broker.submit(order)
            assert type(outcome).__name__ == "Accepted", outcome
