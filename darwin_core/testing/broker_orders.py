"""Cases for a broker about orders: taken once, cancelled, refused, limited."""

from __future__ import annotations

import asyncio
import unittest
from functools import partial
from typing import TYPE_CHECKING, Any

from darwin_core.live.orders import (
    Absent,
    Accepted,
    Refused,
)
from darwin_core.testing.broker_base import (
    LOW,
    BrokerBase,
    accepted,
    check_outcome,
    eventually,
    follow,
    has_ended,
    has_status,
    is_report,
)
from darwin_core.testing.compare import check

if TYPE_CHECKING:
    from pathlib import Path


class OrderCards(BrokerBase):
    """Cases about orders."""

    def test_takes_an_order_and_reports_it(self, tmp_path: Path) -> None:
        """K3: an accepted order is known by its client id, and the stream reports it.

        When it fails: send the client id to the venue, and report every order of the account on the stream.
        """

        async def card(broker: Any) -> None:
            order = self.resting()
            outcome = accepted(await broker.submit(order))
            report = await eventually(partial(broker.order, order.client_id), has_status("working"), "it is working")
            check(report.venue_id == outcome.venue_id, f"the order is {report.venue_id}, not {outcome.venue_id}")
            check((report.symbol, report.quantity) == (order.symbol, 5.0), f"the report is of another order: {report}")
            seen = await follow(broker, "", lambda bodies: is_report(bodies[-1], order.client_id))
            check(seen[-1].body.status == "working", f"the stream says {seen[-1].body}")

        self.on(tmp_path, card)

    def test_takes_an_order_once(self, tmp_path: Path) -> None:
        """K4: the same client id again makes no second order, for as long as `dedup` says.

        When it fails: pass the client id on to the venue and read its "duplicate" as Refused; or say dedup="none".
        """

        async def card(broker: Any) -> None:
            if broker.capabilities.dedup == "none":
                raise unittest.SkipTest("the venue knows no duplicates")
            order = self.resting()
            accepted(await broker.submit(order))
            again = await broker.submit(order)
            check(not isinstance(again, Accepted), f"the same order again is {again}")
            working = [each for each in await broker.open_orders() if each.client_id == order.client_id]
            check(len(working) == 1, f"{len(working)} orders are open under one client id")
            if broker.capabilities.dedup == "forever":
                await broker.cancel(order.client_id)
                await eventually(partial(broker.order, order.client_id), has_status("cancelled"), "it is cancelled")
                again = await broker.submit(order)
                check(not isinstance(again, Accepted), f"the same order, after its end, is {again}")

        self.on(tmp_path, card)

    def test_cancels_a_working_order(self, tmp_path: Path) -> None:
        """K5: a cancelled order is reported as cancelled and never filled, by either of its names.

        When it fails: return Accepted when the venue has taken the cancel, and report what became of it.
        """

        async def card(broker: Any) -> None:
            one, other = self.resting(), self.resting()
            accepted(await broker.submit(one))
            named = accepted(await broker.submit(other))
            accepted(await broker.cancel(one.client_id))
            accepted(await broker.cancel_venue(named.venue_id))
            for order in (one, other):
                await eventually(partial(broker.order, order.client_id), has_status("cancelled"), "it is cancelled")
            await self.trade(broker, LOW / 2.0)
            for order in (one, other):
                report = await broker.order(order.client_id)
                check((report.status, report.filled) == ("cancelled", 0.0), f"cancelled, and then {report}")

        self.on(tmp_path, card)

    def test_a_cancel_that_comes_too_late_changes_nothing(self, tmp_path: Path) -> None:
        """K6: a filled order stays filled, whatever is asked for afterwards.

        When it fails: answer what the venue says to such a cancel, mostly Refused, and leave the order alone.
        """

        async def card(broker: Any) -> None:
            order = await self.filled(broker, 10.0)
            check_outcome(await broker.cancel(order.client_id))
            report = await broker.order(order.client_id)
            check((report.status, report.filled) == ("filled", 10.0), f"after a late cancel the order is {report}")

        self.on(tmp_path, card)

    def test_knows_what_it_does_not_know(self, tmp_path: Path) -> None:
        """K7: an order that never came is Absent, and cannot be cancelled.

        When it fails: turn the venue's "not found" into Absent (authoritative only if no request is on its way), and
        the answer to its cancel into Refused or Unknown.
        """

        async def card(broker: Any) -> None:
            stranger = self.resting()
            found = await broker.order(stranger.client_id)
            check(isinstance(found, Absent), f"an order that never came is {found}")
            for outcome in (await broker.cancel(stranger.client_id), await broker.cancel_venue("no such order")):
                check_outcome(outcome)
                check(not isinstance(outcome, Accepted), f"the cancel of an order that never came is {outcome}")

        self.on(tmp_path, card)

    def test_lists_what_is_open(self, tmp_path: Path) -> None:
        """K8: `open_orders` has every order that may still trade, and no other.

        When it fails: ask the venue, page by page until there are no more; do not remember.
        """

        async def card(broker: Any) -> None:
            orders = [self.resting() for _ in range(3)]
            await self.filled(broker, 10.0)
            for order in orders:
                accepted(await broker.submit(order))
            await broker.cancel(orders[1].client_id)
            wanted = {orders[0].client_id, orders[2].client_id}
            await eventually(
                broker.open_orders, lambda found: {each.client_id for each in found} == wanted, "two orders are open"
            )

        self.on(tmp_path, card)

    def test_an_order_that_may_not_wait_does_not(self, tmp_path: Path) -> None:
        """K9: an order with ``time_in_force="ioc"`` is filled at once or cancelled.

        When it fails: tell the venue so, or refuse such orders.
        """

        async def card(broker: Any) -> None:
            for change in ({}, {"kind": "limit", "limit_price": LOW}):
                order = self.sent(10.0, time_in_force="ioc", **change)
                if check_outcome(await broker.submit(order)) == "Accepted":
                    await eventually(partial(broker.order, order.client_id), has_ended, "it has come to its end")
            check(not await broker.open_orders(), "an order that may not wait is open")

        self.on(tmp_path, card)

    def test_reduce_only_never_opens(self, tmp_path: Path) -> None:
        """K10: a reduce-only order sells what is held and no more.

        When it fails: use the venue's reduce-only, or cut the order to the position; refuse what reduces nothing.
        """

        async def card(broker: Any) -> None:
            await self.filled(broker, 10.0)
            for quantity in (-25.0, -25.0, 5.0):
                order = self.sent(quantity, time_in_force="ioc", reduce_only=True)
                check_outcome(await broker.submit(order))
                await self.trade(broker, 100.0)
            await eventually(
                broker.positions, lambda found: not any(each.quantity for each in found), "nothing is held any more"
            )

        self.on(tmp_path, card)

    def test_refuses_nonsense_in_words(self, tmp_path: Path) -> None:
        """K11: what a venue cannot do it refuses with a code and a text, and nothing is raised.

        When it fails: turn the venue's rejections into Refused, and everything that leaves doubt into Unknown.
        """

        async def card(broker: Any) -> None:
            for order in (self.sent(10.0, symbol="NO SUCH SYMBOL"), self.sent(0.0)):
                outcome = await broker.submit(order)
                check(isinstance(outcome, Refused), f"{order} is {outcome}")
                check(outcome.code and outcome.text, f"{outcome} does not say why")
            check(not await broker.open_orders(), "an order that was refused is open")

        self.on(tmp_path, card)

    def test_a_limit_holds(self, tmp_path: Path) -> None:
        """K12: a limit order waits for its price and is filled at that price or a better one.

        When it fails: send the limit price as it is, and report the price of the execution, not that of the order.
        """

        async def card(broker: Any) -> None:
            order = self.sent(10.0, kind="limit", limit_price=95.0, time_in_force="gtc")
            accepted(await broker.submit(order))
            await self.trade(broker, 100.0)
            report = await broker.order(order.client_id)
            check(report.status == "working", f"at 100 an order to buy at 95 is {report.status}")
            await self.trade(broker, 94.0)
            await eventually(partial(broker.order, order.client_id), has_status("filled"), "at 94 it is filled")
            prices = [fill.price for fill in (await broker.fills_since(""))[0] if fill.client_id == order.client_id]
            check(max(prices) <= 95.0, f"an order to buy at 95 was filled at {prices}")

        self.on(tmp_path, card)

    def test_takes_many_orders_at_once(self, tmp_path: Path) -> None:
        """K13: orders that are sent at the same moment all arrive, once.

        When it fails: one connection may serve several callers of `submit` at a time.
        """

        async def card(broker: Any) -> None:
            orders = [self.resting() for _ in range(20)]
            outcomes = await asyncio.gather(*(broker.submit(order) for order in orders))
            check(len({accepted(each).venue_id for each in outcomes}) == 20, "two orders have the same venue id")
            names = sorted(order.client_id for order in orders)
            await eventually(
                broker.open_orders, lambda found: sorted(each.client_id for each in found) == names, "20 are open"
            )

        self.on(tmp_path, card)
