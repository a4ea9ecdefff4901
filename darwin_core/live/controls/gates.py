"""Controls that ask whether there may be an order at all: its form, the latch, the symbol, the hour."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen
from attrs.validators import ge, gt

from darwin_core.live.controls.facts import SECOND

if TYPE_CHECKING:
    from darwin_core.live.controls.book import Book
    from darwin_core.live.orders import Intent


@frozen
class WellFormed:
    """An order has a finite quantity that is not zero; a limit order has a price, and a market order has none."""

    name: ClassVar[str] = "order"
    bounds_risk: ClassVar[bool] = False
    on: ClassVar[bool] = True
    limit: ClassVar[str] = "a finite quantity, not 0; a price if and only if it is a limit order"

    def review(self, intent: Intent, _book: Book) -> str | None:
        """Refuse what no venue could read."""
        price = intent.limit_price
        if not isfinite(intent.quantity) or intent.quantity == 0.0:
            return f"a quantity of {intent.quantity} (wanted: {self.limit})"
        if (price is None) != (intent.kind == "market") or (price is not None and not 0.0 < price < inf):
            return f"a {intent.kind} order with the limit price {price} (wanted: {self.limit})"
        return None


@frozen
class UniqueId:
    """A client order id is used once."""

    name: ClassVar[str] = "client_id"
    bounds_risk: ClassVar[bool] = False
    on: ClassVar[bool] = True
    limit: ClassVar[str] = "one order to a client order id"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse an id that was sent or is open."""
        at, known = book.at(intent.symbol), intent.client_id
        if any(each.client_id == known for each in at.orders) or any(r.intent.client_id == known for r in at.recent):
            return f"{known} was sent before (the limit: {self.limit})"
        return None


@frozen
class Latched:
    """No new risk while the kill latch is closed."""

    name: ClassVar[str] = "latch"
    bounds_risk: ClassVar[bool] = True
    on: ClassVar[bool] = True
    limit: ClassVar[str] = "no new risk while the kill latch is closed"

    def review(self, _intent: Intent, book: Book) -> str | None:
        """Refuse while the latch is closed."""
        return f"{self.limit}, and it is: {book.latch}" if book.latch else None


@frozen
class SafeMode:
    """No new risk in safe mode."""

    name: ClassVar[str] = "safe_mode"
    bounds_risk: ClassVar[bool] = True
    on: ClassVar[bool] = True
    limit: ClassVar[str] = "no new risk in safe mode"

    def review(self, _intent: Intent, book: Book) -> str | None:
        """Refuse in safe mode."""
        return f"{self.limit}, and it is on: {book.safe_mode}" if book.safe_mode else None


@frozen
class ReduceOnly:
    """An order that says that it only reduces does so, whatever the open orders do."""

    name: ClassVar[str] = "reduce_only"
    bounds_risk: ClassVar[bool] = False
    on: ClassVar[bool] = True
    limit: ClassVar[str] = "a reduce-only order stays within what is held and not on its way out"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse a reduce-only order that might open or increase."""
        if not intent.reduce_only or book.reduces(intent):
            return None
        at = book.at(intent.symbol)
        held = f"{at.position:g} held, open orders for {at.bought:g} to buy and {at.sold:g} to sell"
        return f"{intent.quantity:g} {intent.symbol} with {held} (the limit: {self.limit})"


@frozen
class UnknownOrder:
    """No new risk in a symbol while nobody knows what became of one of its orders."""

    name: ClassVar[str] = "unknown"
    bounds_risk: ClassVar[bool] = True
    on: ClassVar[bool] = True
    limit: ClassVar[str] = "no new risk in a symbol with an unknown order"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse while an order of the symbol is unknown."""
        for order in book.at(intent.symbol).orders:
            if order.status == "unknown":
                return f"{self.limit}, and {order.client_id} of {intent.symbol} is one"
        return None


@frozen
class Symbols:
    """Symbols in which new risk may be taken.

    Parameters
    ----------
    allow
        Only these; empty: all.
    deny
        Not these, allowed or not.
    """

    name: ClassVar[str] = "symbols"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @property
    def limit(self) -> str:
        """For people."""
        allowed = f"only {', '.join(self.allow)}" if self.allow else "all symbols"
        return f"{allowed} but {', '.join(self.deny)}" if self.deny else allowed

    def review(self, intent: Intent, _book: Book) -> str | None:
        """Refuse a symbol that is denied, or not among the allowed."""
        if intent.symbol in self.deny or (self.allow and intent.symbol not in self.allow):
            return f"{intent.symbol} is not to be traded (the limit: {self.limit})"
        return None


@frozen
class SessionHours:
    """Orders go out in the session, or shortly enough before the next one to wait for it.

    Parameters
    ----------
    ahead_h
        Hours before the next open in which a day or gtc order may be sent; 0: in the session only. The default
        spans a long weekend, so that an order decided at the last close waits for the next open.
    """

    name: ClassVar[str] = "session"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    ahead_h: float = field(default=96.0, validator=ge(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"in the session, or to wait at most {self.ahead_h:g} h for the next"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse an order outside the session that could not wait for the next."""
        if book.session is not None and book.session.is_open(book.now):
            return None
        if intent.time_in_force == "ioc":
            return f"the market is closed, and an ioc order does not wait (the limit: {self.limit})"
        if book.next_open is None:
            return f"the market is closed, and nobody knows when it opens (the limit: {self.limit})"
        wait = (book.next_open - book.now) / (3600 * SECOND)
        if 0.0 <= wait <= self.ahead_h:
            return None
        return f"the market is closed, and opens in {wait:g} h (the limit: {self.limit})"


@frozen
class StalePrice:
    """New risk is taken at prices that are fresh.

    Parameters
    ----------
    max_age_s
        Seconds that a price may be old.
    ahead_s
        Seconds that a price may lie in the future, for clocks that differ a little.
    """

    name: ClassVar[str] = "stale_price"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    max_age_s: float = field(default=60.0, validator=gt(0.0))
    ahead_s: float = field(default=1.0, validator=ge(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"a price at most {self.max_age_s:g} s old"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse without a fresh price."""
        price = book.prices.get(intent.symbol)
        if price is None or not 0.0 < price.value < inf:
            return f"{intent.symbol} has {'no price' if price is None else price.value} (the limit: {self.limit})"
        age = (book.now - price.time) / SECOND
        if -self.ahead_s <= age <= self.max_age_s:
            return None
        return f"the price of {intent.symbol} is {age:g} s old (the limit: {self.limit})"
