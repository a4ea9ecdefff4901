"""What positions and open orders may amount to: computed from the facts, brought forward order by order.

Nobody knows which of the open orders will fill. So a symbol's position is a range, from every sell filled and no buy
to every buy filled and no sell, and a limit holds for the whole range: an order counts from the moment it is approved.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from math import inf, nan
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import frozen

from darwin_core.live.controls.facts import OpenOrder, Recent, buys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from darwin_core.live.controls.facts import Price
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
    symbols
        Those with a position, an open order or a recent intent.
    sums
        The totals under both ways of counting exits.
    times
        Times of recent intents, ascending.
    now, later
        The book's time, and how many were approved at it since.
    """

    symbols: Mapping[str, Activity]
    sums: Mapping[Exits, Totals]
    times: tuple[int, ...]
    now: int
    later: int = 0

    @classmethod
    def of(
        cls,
        now: int,
        positions: Mapping[str, float],
        prices: Mapping[str, Price],
        orders: Iterable[OpenOrder],
        recent: Iterable[Recent],
    ) -> Exposure:
        """Compute it from the facts."""
        past = sorted(recent, key=attrgetter("time"))
        grouped: defaultdict[str, list[Recent]] = defaultdict(list)
        for each in past:
            grouped[each.intent.symbol].append(each)
        orders = list(orders)
        names = {**dict.fromkeys(positions), **dict.fromkeys(grouped), **dict.fromkeys(o.symbol for o in orders)}
        symbols = {
            name: Activity(usable(prices.get(name)), positions.get(name, 0.0), recent=tuple(grouped.get(name, ())))
            for name in names
        }
        for order in orders:
            symbols[order.symbol] = symbols[order.symbol].plus(order)
        sums = _sums(symbols.values())
        return cls(symbols, sums, tuple([each.time for each in past]), now)

    def plus(self, intent: Intent, price: float) -> Exposure:
        """Return the same after one more intent: it is an open order and a recent one at once."""
        before = self.symbols.get(intent.symbol) or Activity(price)
        order = OpenOrder(intent.client_id, intent.symbol, intent.quantity, intent.limit_price, "intended")
        after = before.plus(order, Recent(intent, self.now))
        sums = {exits: self.sums[exits].changed(totals(before, exits), totals(after, exits)) for exits in _EXITS}
        return Exposure({**self.symbols, intent.symbol: after}, sums, self.times, self.now, self.later + 1)

    def sent_since(self, time: int) -> int:
        """Return how many intents were approved after a time, which is before now."""
        return len(self.times) - bisect_right(self.times, time) + self.later


_EXITS: tuple[Exits, Exits] = ("unfilled", "filled")


def _sums(symbols: Iterable[Activity]) -> dict[Exits, Totals]:
    """Sum over symbols; of one without open orders both ways of counting exits say the same."""
    unfilled, filled = [], []
    for at in symbols:
        part = totals(at, "unfilled")
        unfilled.append(part)
        filled.append(part if at.bought == 0.0 == at.sold else totals(at, "filled"))
    return {"unfilled": _sum(unfilled), "filled": _sum(filled)}


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
