"""Controls on an order's size and price by itself, and against the orders beside it."""

from __future__ import annotations

from math import inf, isnan
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen
from attrs.validators import ge, gt

from darwin_core.live.controls.exposure import within
from darwin_core.live.controls.facts import SECOND, buys

if TYPE_CHECKING:
    from darwin_core.live.controls.book import Book
    from darwin_core.live.orders import Intent


@frozen
class OrderQuantity:
    """The largest order in units."""

    name: ClassVar[str] = "order_quantity"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    quantity: float = field(default=100_000.0, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.quantity:,.10g} units"

    def review(self, intent: Intent, _book: Book) -> str | None:
        """Refuse too many units."""
        if within(abs(intent.quantity), self.quantity):
            return None
        return f"{abs(intent.quantity):,.10g} units of {intent.symbol} (the limit: {self.limit})"


@frozen
class OrderValue:
    """The largest order in money; the tighter of the two holds.

    Parameters
    ----------
    value
        In the account's currency.
    share
        As a share of equity; twice the default cap of a symbol, so that one order can turn a full position round.
    """

    name: ClassVar[str] = "order_value"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    value: float = field(default=1_000_000.0, validator=gt(0.0))
    share: float = field(default=0.2, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.value:,.10g}, and {self.share:.10g} of equity"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse too much money; a limit order counts at its price if that is the higher one."""
        price = book.at(intent.symbol).price
        if intent.limit_price is not None:
            price = max(price, intent.limit_price)  # NaN first: max keeps it
        value = abs(intent.quantity) * price
        if within(value, self.value) and within(value, self.share * book.equity):
            return None
        return f"{value:,.2f} of {intent.symbol} with equity {book.equity:,.2f} (the limit: {self.limit})"


@frozen
class Collar:
    """No order far from the market: its limit is not much worse, and what it was decided at is not long gone.

    An order that reduces is held to its limit price alone: a market that has run away is no reason to stay in.

    Parameters
    ----------
    share
        Distance from the last price as a fraction.
    """

    name: ClassVar[str] = "price"
    bounds_risk: ClassVar[bool] = False
    on: bool = True
    share: float = field(default=0.05, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.share:.10g} from the last price"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse a limit price that gives money away, or a decision at a price that is not the market's."""
        price = book.at(intent.symbol).price
        if intent.limit_price is not None:
            worse = intent.limit_price / price - 1.0 if buys(intent.quantity) else 1.0 - intent.limit_price / price
            if not within(worse, self.share):
                return self._says(intent, f"is limited to {intent.limit_price:.10g}, {worse:.6g} worse than", price)
        if book.reduces(intent):
            return None
        drift = abs(intent.reference / price - 1.0)
        if within(drift, self.share):
            return None
        return self._says(intent, f"was decided at {intent.reference:.10g}, {drift:.6g} from", price)

    def _says(self, intent: Intent, what: str, price: float) -> str:
        market = "an unknown price" if isnan(price) else f"the last price {price:.10g}"
        return f"the order of {intent.symbol} {what} {market} (the limit: {self.limit})"


@frozen
class PeriodCollar:
    """Orders of a symbol do not follow the price far in a short time (RTS 6, Art. 15(1): "over a period").

    Parameters
    ----------
    share
        Distance from the price of any earlier order of the symbol, as a fraction.
    period_s
        Seconds to look back.
    """

    name: ClassVar[str] = "price_period"
    bounds_risk: ClassVar[bool] = True
    on: bool = True
    share: float = field(default=0.10, validator=gt(0.0))
    period_s: float = field(default=300.0, validator=gt(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"{self.share:.10g} from the orders of the last {self.period_s:g} s"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse a price far from those of the orders before."""
        since, price = book.now - self.period_s * SECOND, _own_price(intent)
        for past in reversed(book.at(intent.symbol).recent):
            if past.time <= since:
                return None
            moved = abs(price / _own_price(past.intent) - 1.0)
            if not within(moved, self.share):
                was = f"{_own_price(past.intent):.10g} {(book.now - past.time) / SECOND:g} s ago"
                return f"{intent.symbol} at {price:.10g}, {moved:.6g} from {was} (the limit: {self.limit})"
        return None


def _own_price(intent: Intent) -> float:
    return intent.reference if intent.limit_price is None else intent.limit_price


@frozen
class SelfMatch:
    """No order that could trade with an open one of ours.

    The flattening of a position passes: an order whose cancelling is not proven yet must not keep a position open.

    Parameters
    ----------
    reach
        How far from the last price a market order may trade, as a fraction.
    """

    name: ClassVar[str] = "self_match"
    bounds_risk: ClassVar[bool] = False
    on: bool = True
    reach: float = field(default=0.02, validator=ge(0.0))

    @property
    def limit(self) -> str:
        """For people."""
        return f"no trade with ourselves; market orders reach {self.reach:.10g}"

    def review(self, intent: Intent, book: Book) -> str | None:
        """Refuse an order that crosses an open one on the other side."""
        if intent.leg == "flatten" and book.reduces(intent):
            return None
        at = book.at(intent.symbol)
        mine = self._furthest(intent.quantity, intent.limit_price, at.price)
        for other in at.orders:
            if buys(other.quantity) == buys(intent.quantity):
                continue
            theirs = self._furthest(other.quantity, other.limit_price, at.price)
            buy, sell = (mine, theirs) if buys(intent.quantity) else (theirs, mine)
            if buy >= sell:
                prices = f"up to {buy:.10g} meets a sell down to {sell:.10g}"
                return f"a buy {prices} of {intent.symbol}: {other.client_id} is open (the limit: {self.limit})"
        return None

    def _furthest(self, quantity: float, limit_price: float | None, price: float) -> float:
        """Return the worst price at which an order may trade."""
        if limit_price is not None:
            return limit_price
        if isnan(price):
            return inf if buys(quantity) else 0.0
        return price * (1.0 + self.reach) if buys(quantity) else price * (1.0 - self.reach)
