"""The suite for brokers: what a venue owes to the line that trades on it."""

from __future__ import annotations

import asyncio
import unittest
from functools import partial
from typing import TYPE_CHECKING, Any

from darwin_core.live.orders import (
    Capabilities,
    FillReport,
    Heartbeat,
    StreamUp,
    exit_order_id,
)
from darwin_core.testing.broker_base import (
    MINUTE,
    PATIENCE_S,
    accepted,
    eventually,
    follow,
    has_all,
    has_status,
    is_fill,
    is_report,
    now,
    sample_slice,
)
from darwin_core.testing.broker_orders import OrderCards
from darwin_core.testing.compare import check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from darwin_core.live.orders import Event


class BrokerTests(OrderCards):
    """Cases for a broker.

    A simulated venue is shown bars. For any other, override `trade`, so that the venue that stands in for the real
    one (a local simulator, never a real account) trades at a price. The account is a fresh one for each case.

    Attributes
    ----------
    symbols
        Two that the venue knows.
    """

    def test_says_what_it_can_do(self) -> None:
        """K1: `capabilities` is a `Capabilities`, and stays the same.

        When it fails: build it from the options alone, without asking the venue.
        """
        broker = self.make()
        capabilities = broker.capabilities
        check(isinstance(capabilities, Capabilities), f"capabilities is {type(capabilities).__name__}")
        check(capabilities == broker.capabilities, "capabilities change between two looks at them")

    def test_does_nothing_before_it_is_connected(self, tmp_path: Path) -> None:
        """K2: making a broker reaches nothing and writes nothing.

        When it fails: move it into `connect`.
        """
        self.folder = tmp_path / "new"
        self.make()
        check(not self.folder.exists(), "the deployment's folder is there before `connect`")

    def test_tells_every_fill_from_any_cursor(self, tmp_path: Path) -> None:
        """K14: `fills_since` gives all fills behind a cursor, the same ones each time, each with an id of its own.

        When it fails: page until the venue has no more, use its execution ids, and return a cursor that it will
        still understand tomorrow.
        """

        async def card(broker: Any) -> None:
            cursors, orders = [""], []
            for quantity in (10.0, -4.0, 7.0):
                orders.append(await self.filled(broker, quantity))
                cursors.append((await broker.fills_since(cursors[-1]))[1])
            fills, end = await broker.fills_since("")
            check(len({fill.fill_id for fill in fills}) == len(fills), "two fills have the same id")
            for order in orders:
                total = sum(fill.quantity for fill in fills if fill.client_id == order.client_id)
                check(total == order.quantity, f"the fills of an order of {order.quantity} add up to {total}")
            for known, cursor in enumerate(cursors[:-1]):
                part, last = await broker.fills_since(cursor)
                check(list(part) == list(fills[known:]), f"from cursor {cursor!r} there are other fills: {part}")
                check(last == end, f"from cursor {cursor!r} the last one is {last!r}, not {end!r}")
            check((await broker.fills_since(end)) == ([], end), "there are fills behind the last")

        self.on(tmp_path, card)

    def test_tells_every_event_from_any_cursor(self, tmp_path: Path) -> None:
        """K15: a stream that goes on from the cursor of any event misses none of those after it.

        When it fails: let the cursor beside an event be one from which the venue repeats all that comes after it;
        rather repeat too much than too little.
        """

        async def card(broker: Any) -> None:
            for quantity in (10.0, -4.0):
                last = await self.filled(broker, quantity)
            order = self.resting()
            accepted(await broker.submit(order))

            fills = (await broker.fills_since(""))[0]

            def all_told(bodies: Sequence[object]) -> bool:
                reported = (last.client_id, order.client_id)
                return has_all(fills, bodies) and all(
                    any(is_report(body, name) for body in bodies) for name in reported
                )

            events = await follow(broker, "", all_told)
            for place, event in enumerate(events[:-1]):
                later = [each.body for each in events[place + 1 :] if not isinstance(each.body, Heartbeat)]
                await follow(broker, event.cursor, partial(has_all, later))

        self.on(tmp_path, card)

    def test_the_stream_says_when_it_begins_and_ends(self, tmp_path: Path) -> None:
        """K16: a stream begins with StreamUp, beats while nothing happens, and ends when the broker is closed.

        When it fails: yield StreamUp once the venue will tell what happens, Heartbeat when it shows signs of life,
        and let the iterator end, without raising, when the connection does.
        """

        async def card(broker: Any) -> None:
            seen: list[Event] = []

            async def read() -> None:
                async for event in broker.events(""):
                    seen.append(event)

            reading = asyncio.create_task(read())
            await eventually(
                partial(now, seen), lambda all_: any(isinstance(e.body, Heartbeat) for e in all_), "the stream beats"
            )
            check(isinstance(seen[0].body, StreamUp), f"the stream begins with {seen[0].body}")
            await broker.close()
            await asyncio.wait_for(reading, PATIENCE_S)

        self.on(tmp_path, card)

    def test_positions_and_money_follow_from_the_fills(self, tmp_path: Path) -> None:
        """K17: positions are the sums of the fills, cash is what they left, equity is cash and positions at the price.

        When it fails: sign quantities (a sell is negative), and count fees as the fills state them.
        """

        async def card(broker: Any) -> None:
            before = await broker.account()
            for symbol, quantity in zip((*self.symbols, self.symbols[0]), (10.0, -3.0, -4.0), strict=True):
                await self.filled(broker, quantity, 110.0, symbol=symbol)
            fills = (await broker.fills_since(""))[0]
            held = dict.fromkeys(self.symbols, 0.0)
            for fill in fills:
                held[fill.symbol] += fill.quantity
            await eventually(
                broker.positions,
                lambda found: {p.symbol: p.quantity for p in found if p.quantity} == held,
                f"positions are {held}",
            )
            cash = before.cash - sum(fill.quantity * fill.price + fill.fee for fill in fills)
            equity = cash + 110.0 * sum(held.values())
            await eventually(
                broker.account,
                lambda found: abs(found.cash - cash) < 0.01 and abs(found.equity - equity) < 0.01,
                f"cash is {cash} and equity {equity}",
            )

        self.on(tmp_path, card)

    def test_orders_outlive_the_connection(self, tmp_path: Path) -> None:
        """K18: `close` leaves orders as they are; whoever connects next finds them, the fills and the positions.

        When it fails: cancel nothing in `close`, and keep nothing in memory that the venue or the deployment's folder
        does not hold.
        """

        async def card(broker: Any) -> None:
            await self.filled(broker, 10.0)
            order = self.resting()
            accepted(await broker.submit(order))
            await eventually(partial(broker.order, order.client_id), has_status("working"), "it is working")
            told = [await broker.open_orders(), await broker.fills_since(""), await broker.positions()]
            await broker.close()
            again = self.make()
            await again.connect()
            try:
                found = [await again.open_orders(), await again.fills_since(""), await again.positions()]
                check(found == told, f"before the connection was closed: {told}; after it was made again: {found}")
                await follow(again, "", lambda bodies: is_report(bodies[-1], order.client_id))
            finally:
                await again.close()

        self.on(tmp_path, card)

    def test_exits_come_with_the_order(self, tmp_path: Path) -> None:
        """K19: (`exits`) a stop closes the position and is told as an order of its own, before its fill.

        When it fails: report the exit with ``client_id = exit_order_id(parent, leg)``, `parent` and `leg`, whatever
        the venue calls it; or say exits=False, and the core looks at exits on each close.
        """

        async def card(broker: Any) -> None:
            if not broker.capabilities.exits:
                raise unittest.SkipTest("the venue keeps no exits")
            order = await self.filled(broker, 10.0, stop=0.1, take_profit=0.5)
            await self.trade(broker, 100.0, low=80.0)
            name = exit_order_id(order.client_id, "stop")
            report = await eventually(partial(broker.order, name), has_status("filled"), "the stop is filled")
            check(
                (report.parent, report.leg, report.quantity, report.filled) == (order.client_id, "stop", -10.0, -10.0),
                f"the exit is reported as {report}",
            )
            check(not [p for p in await broker.positions() if p.quantity], "the stop has left a position")
            events = await follow(broker, "", lambda bodies: is_fill(bodies[-1], name))
            check(any(is_report(event.body, name) for event in events), "the stop's fill comes before the stop")
            check(89.0 < events[-1].body.price < 91.0, f"a stop at 90 was filled at {events[-1].body.price}")

        self.on(tmp_path, card)

    def test_a_simulated_venue_trades_when_it_is_shown_a_bar(self, tmp_path: Path) -> None:
        """K20: (`simulated`) an order waits for a bar of its symbol; the same bar again changes nothing.

        When it fails: let `market` compare the bar's time with the last one's; fill nothing between bars.
        """

        async def card(broker: Any) -> None:
            if not broker.capabilities.simulated:
                raise unittest.SkipTest("the venue has a market of its own")
            order = self.sent(10.0)
            accepted(await broker.submit(order))
            await self.trade(broker, 101.0, without=order.symbol)
            report = await broker.order(order.client_id)
            check(report.status == "working", f"without a bar the order is {report.status}")
            self.time += MINUTE
            bar = sample_slice(self.symbols, self.time, 102.0)
            await broker.market(bar)
            events = await follow(broker, "", lambda bodies: isinstance(bodies[-1], FillReport))
            check(events[-1].body.client_id == order.client_id, f"the bar filled {events[-1].body}")
            accepted(await broker.submit(self.sent(5.0)))
            told = [await broker.fills_since(""), await broker.positions(), await broker.open_orders()]
            await broker.market(bar)
            found = [await broker.fills_since(""), await broker.positions(), await broker.open_orders()]
            check(found == told, f"the same bar again makes {found} of {told}")

        self.on(tmp_path, card)
