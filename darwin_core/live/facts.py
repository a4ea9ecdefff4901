"""What the pre-trade controls look at, gathered from the account, the journal and the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import ledger
from darwin_core.ledger import split
from darwin_core.live.controls import Book, OpenOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.live.book import Book as Orders
    from darwin_core.live.calendar import Calendar
    from darwin_core.live.controls import Lately, Price, Reenabled
    from darwin_core.live.stepping import Stepper


def gather(
    now: int,
    stepper: Stepper,
    orders: Orders,
    recent: Lately,
    calendar: Calendar,
    prices: Mapping[str, Price],
    *,
    latch: str,
    safe_mode: str,
    disabled: str,
    reenabled: Reenabled | None,
) -> Book:
    """Return the controls' view of this moment."""
    slots, _ = split(stepper.walk.slots)
    symbols = stepper.tape.symbols
    held = slots["position"].tolist()
    session = calendar.session_of(now)
    return Book(
        now,
        float(stepper.walk.book[ledger.EQUITY]),
        float(stepper.walk.book[ledger.CASH]),
        {symbol: quantity for symbol, quantity in zip(symbols, held, strict=True) if quantity},
        prices,
        tuple(
            OpenOrder(
                each.client_id, each.intent.symbol, each.quantity - each.filled, each.intent.limit_price, each.status
            )
            for each in orders.unfinished()
        ),
        recent.past(),
        session,
        now if session is not None and session.is_open(now) else calendar.next_open(now),
        latch,
        safe_mode,
        disabled,
        reenabled,
    )
