"""The kill switch at work: cancel everything, close everything, and go on until the venue says twice that it is so.

It runs beside the loop, asks the venue alone, and needs neither stream nor model. It waits for nobody: what a disk
cannot take down is done all the same. The latch has been closed before.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import define, field

from darwin_core.live.errors import IllegalTransition, JournalError
from darwin_core.live.ordering import result
from darwin_core.live.orders import Intent, client_order_id
from darwin_core.live.schema import Alert, CancelSent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darwin_core.live.ordering import Ordering, Tell
    from darwin_core.live.orders import OrderReport, PositionReport
    from darwin_core.protocols import Broker

_PAUSE_S = 0.05


@define(eq=False)
class Killer:
    """Flattens a session's account.

    Parameters
    ----------
    broker, ordering
        The wire, and the way to it.
    deployment
        Part of every order's id.
    now
        The session's clock.
    tell
        Told of every alert.
    """

    broker: Broker
    ordering: Ordering
    deployment: str
    now: Callable[[], int]
    tell: Tell
    done: bool = field(default=False, init=False)
    """Whether the venue has said twice in a row that there are no orders and no positions."""
    _attempt: int = field(default=0, init=False)

    async def flatten(self, because: str) -> None:
        """Cancel and close until there is nothing, and it has been seen twice."""
        seen = 0
        while seen < 2:
            orders = await self.ordering.ask(self.broker.open_orders())
            positions = await self.ordering.ask(self.broker.positions())
            if orders is None or positions is None:
                seen = 0
                await asyncio.sleep(_PAUSE_S)
                continue
            held = [each for each in positions if each.quantity]
            seen = seen + 1 if not orders and not held else 0
            if orders or held:
                await self._cancel(orders, because)
                if not orders:  # what could still fill would turn a closed position round
                    await self._close(held, because)
                await asyncio.sleep(_PAUSE_S)
        self.done = True
        self.tell(Alert("critical", "kill", f"flat: no orders and no positions, seen twice ({because})"))

    async def _cancel(self, orders: Sequence[OrderReport], because: str) -> None:
        """Cancel all orders, ours and others'."""
        await asyncio.gather(*(self._cancel_one(order, because) for order in orders))

    async def _cancel_one(self, order: OrderReport, because: str) -> None:
        ours = order.client_id in self.ordering.journal.book.orders
        if ours:
            with suppress(JournalError, IllegalTransition):
                self.ordering.write([CancelSent(order.client_id, because)])
        venue = self.broker.cancel(order.client_id) if ours else self.broker.cancel_venue(order.venue_id)
        outcome = await self.ordering.answer(venue)
        if ours:
            with suppress(JournalError, IllegalTransition):
                self.ordering.write([result(order.client_id, "cancel", outcome)])

    async def _close(self, held: Sequence[PositionReport], because: str) -> None:
        """Send an order for each position that only reduces it."""
        await asyncio.gather(*(self._close_one(position, because) for position in held))

    async def _close_one(self, position: PositionReport, because: str) -> None:
        self._attempt += 1
        bar = self.now()
        intent = Intent(
            client_order_id(self.deployment, bar, position.symbol, "flatten", self._attempt), self.deployment, bar,
            position.symbol, "flatten", self._attempt, -position.quantity, 0.0, time_in_force="ioc",
            reduce_only=True, reason=because,
        )  # fmt: skip
        await self.ordering.send_flatten(intent)
