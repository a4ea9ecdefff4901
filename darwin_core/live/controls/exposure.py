"""What positions and open orders may amount to: computed from the facts, brought forward order by order.

Nobody knows which of the open orders will fill. So a symbol's position is a range, from every sell filled and no buy
to every buy filled and no sell, and a limit holds for the whole range: an order counts from the moment it is approved.
"""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen

from darwin_core.live.controls.facts import OpenOrder, Recent, buys

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from darwin_core.live.controls.facts import Price
    from darwin_core.live.controls.lately import Past
    from darwin_core.live.orders import Intent

Exits: TypeAlias = Literal["unfilled", "filled"]
SLACK = 1e-9
"""Relative room for rounding: a position sized to be exactly at its limit is at it."""


def within(value: float, limit: float) -> bool:
    """Return whether a value keeps its limit, rounding aside. NaN, of either, keeps nothing."""
    return value <= limit + SLACK * abs(limit)


@frozen
class Activity:
    """One symbol: what is held, what is on its way, what was lately sent.

    Parameters
    ----------
    price
        NaN when there is none that can be used.
    bought, sold
        What the open orders may still buy and sell, both >= 0.
    cost
        Money that the open buys take, at their limits or the last price.
    recent
        Oldest first.
    """

    price: float = nan
    position: float = 0.0
    bought: float = 0.0
    sold: float = 0.0
    cost: float = 0.0
    orders: tuple[OpenOrder, ...] = ()
    recent: tuple[Recent, ...] = ()

    @property
    def high(self) -> float:
        """The largest position that may come of it."""
        return self.position + self.bought

    @property
    def low(self) -> float:
        """The smallest."""
        return self.position - self.sold

    def plus(self, order: OpenOrder, *sent: Recent) -> Activity:
        """Return the same with one more open order, and with what was just sent."""
        bought, sold, cost = self.bought, self.sold, self.cost
        if buys(order.quantity):
            bought += order.quantity
            cost += order.quantity * (self.price if order.limit_price is None else order.limit_price)
        else:
            sold -= order.quantity
        orders, recent = (*self.orders, order), (*self.recent, *sent)
        return Activity(self.price, self.position, bought, sold, cost, orders, recent)


@frozen
class Totals:
    """Money at stake, summed over symbols.

    Parameters
    ----------
    gross
        The largest sum of absolute values that may come of positions and open orders.
    high, low
        The largest and the smallest net value.
    cost
        What the open buys take.
    leaving
        What sells of held positions bring.
    """

    gross: float = 0.0
    high: float = 0.0
    low: float = 0.0
    cost: float = 0.0
    leaving: float = 0.0

    def changed(self, before: Totals, after: Totals) -> Totals:
        """Return the totals when one symbol's part changes."""
        return Totals(
            self.gross - before.gross + after.gross,
            self.high - before.high + after.high,
            self.low - before.low + after.low,
            self.cost - before.cost + after.cost,
            self.leaving - before.leaving + after.leaving,
        )


def totals(at: Activity, exits: Exits) -> Totals:
    """Return one symbol's part of the totals.

    Parameters
    ----------
    exits
        How open orders that only close a position count: unfilled (the position still counts whole, the limits
        hold whatever fills) or filled (a rotation may buy before its sells are filled).
    """
    high, low = at.high, at.low
    if high == 0.0 and low == 0.0:
        # Nothing is at stake, and a symbol without a price must not make the sums unknown.
        return Totals()
    leaving = max(0.0, min(at.sold, at.position))
    if exits == "filled":
        high, low = high - leaving, low + max(0.0, min(at.bought, -at.position))
    largest = max(abs(low), abs(high))  # a quantity of NaN is in `low`, and `max` keeps what comes first
    return Totals(largest * at.price, high * at.price, low * at.price, at.cost, leaving * at.price)


@frozen(eq=False)
class Exposure:
    """All symbols and their totals, and when orders were sent.

    Parameters
    ----------
    positions, prices
        By symbol.
    orders
        Every open order, by symbol.
    past
        What was lately sent.
    sums
        The totals under both ways of counting exits.
    now, later
        The book's time, and how many were approved at it since.
    """

    positions: Mapping[str, float]
    prices: Mapping[str, Price]
    orders: Mapping[str, tuple[OpenOrder, ...]]
    past: Past
    sums: Mapping[Exits, Totals]
    now: int
    later: int = 0
    _known: dict[str, Activity] = field(factory=dict)
    """Put together already: when it was first asked for, or since it has changed."""

    @classmethod
    def of(
        cls,
        now: int,
        positions: Mapping[str, float],
        prices: Mapping[str, Price],
        orders: Iterable[OpenOrder],
        past: Past,
    ) -> Exposure:
        """Compute it from the facts."""
        grouped: dict[str, tuple[OpenOrder, ...]] = {}
        for each in orders:
            grouped[each.symbol] = (*grouped.get(each.symbol, ()), each)
        resting = _held(positions, prices, grouped)
        busy = {name: _activity(name, positions, prices, grouped, past) for name in grouped}
        sums = {exits: _sum((resting, *(totals(at, exits) for at in busy.values()))) for exits in _EXITS}
        return cls(positions, prices, grouped, past, sums, now, 0, busy)

    def at(self, symbol: str) -> Activity:
        """Return what is held and on its way in one symbol."""
        known = self._known.get(symbol)
        if known is None:
            known = _activity(symbol, self.positions, self.prices, self.orders, self.past)
            self._known[symbol] = known
        return known

    @property
    def symbols(self) -> dict[str, Activity]:
        """All symbols with a position, an open order or a recent intent."""
        names = {**dict.fromkeys(self.positions), **dict.fromkeys(self.past.symbols), **dict.fromkeys(self.orders)}
        sent = (name for name, at in self._known.items() if at.recent)
        return {name: self.at(name) for name in (*names, *sent)}

    def plus(self, intent: Intent) -> Exposure:
        """Return the same after one more intent: it is an open order and a recent one at once."""
        before = self.at(intent.symbol)
        order = OpenOrder(intent.client_id, intent.symbol, intent.quantity, intent.limit_price, "intended")
        after = before.plus(order, Recent(intent, self.now))
        sums = {exits: self.sums[exits].changed(totals(before, exits), totals(after, exits)) for exits in _EXITS}
        known = {**self._known, intent.symbol: after}
        return Exposure(self.positions, self.prices, self.orders, self.past, sums, self.now, self.later + 1, known)

    def sent_since(self, time: int) -> int:
        """Return how many intents were approved after a time, which is before now."""
        return self.past.since(time) + self.later


_EXITS: tuple[Exits, Exits] = ("unfilled", "filled")


def _activity(
    symbol: str,
    positions: Mapping[str, float],
    prices: Mapping[str, Price],
    orders: Mapping[str, tuple[OpenOrder, ...]],
    past: Past,
) -> Activity:
    """Put together what the facts say of one symbol."""
    at = Activity(usable(prices.get(symbol)), positions.get(symbol, 0.0), recent=past.symbols.get(symbol, ()))
    for order in orders.get(symbol, ()):
        at = at.plus(order)
    return at


def _held(positions: Mapping[str, float], prices: Mapping[str, Price], busy: Container[str]) -> Totals:
    """Sum over the symbols in which nothing is on its way: what `totals` says of them, either way of counting exits."""
    gross = net = unknown = 0.0
    for symbol, quantity in positions.items():
        if quantity and symbol not in busy:
            price = usable(prices.get(symbol))
            gross += abs(quantity) * price
            net += quantity * price
            unknown += 0.0 * price  # NaN without a price, and else nothing
    return Totals(gross, net, net, 0.0, unknown)


def _sum(parts: Iterable[Totals]) -> Totals:
    gross = high = low = cost = leaving = 0.0
    for each in parts:
        gross += each.gross
        high += each.high
        low += each.low
        cost += each.cost
        leaving += each.leaving
    return Totals(gross, high, low, cost, leaving)


def usable(price: Price | None) -> float:
    """Return the price, or NaN when there is none that could be one."""
    return price.value if price is not None and 0.0 < price.value < inf else nan
