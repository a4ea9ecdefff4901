"""The venue itself: darwin's own ledger kernel, stepped, and the orders that wait for it. No clock, no files.

Market orders wait in the kernel, one for each symbol, and are filled by the next bar of their symbol exactly as a
backtest fills them. Limit orders are looked at after the market orders and the resting exits of a bar. Everything
that happens is an `Entry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import define, field

from darwin_core import Accepted, Refused, Venue, exit_order_id
from darwin_paper.entries import (
    ASKED,
    BEYOND,
    CANCELLED,
    EXITED,
    EXPIRED,
    FILLED,
    LATE,
    NO_ROOM,
    NO_TEXT,
    NOT_LATE,
    NOTHING_LEFT,
    OVER,
    PARTIAL,
    REST_STANDS,
    SMALLER,
    WORKING,
    Entry,
    Order,
    venue_id,
)
from darwin_paper.terms import Window, left_after_exit, opens, part_of, refusal, whole, within_position

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from darwin_core import Approved, Deployed, Slice
    from darwin_paper.faults import Dice

    Floats = NDArray[np.float64]

_DAY = 86_400_000_000_000


class Trade(NamedTuple):
    """A fill as the kernel says it."""

    quantity: float
    price: float
    fee: float


NONE = Trade(0.0, 0.0, 0.0)


@define
class News:
    """What has changed since it was last stored: orders, new ones by client id; the log; whether the arrays have."""

    added: dict[str, Order] = field(factory=dict)
    changed: dict[int, Order] = field(factory=dict)
    entries: list[Entry] = field(factory=list)
    moved: bool = False


@define
class _Due:
    """A waiting order that meets a bar, and how much of it the kernel has still to look at."""

    order: Order
    quantity: float


@define(eq=False)
class Account:
    """Cash, positions and orders.

    Parameters
    ----------
    deployed
        What it trades, by which rules, with how much money.
    dice
        What goes wrong.
    client_id
        Returns that of an order by its number.
    positions, closes, opened_by, before
        Of each symbol: the signed quantity; the last close, NaN before the first; the number of the order that the
        position's exits came with; the position before the last bar.
    bar, bar_time, bar_cursor, time, cursor, number
        Bars so far, the last one's time, and the cursor behind it; the latest time; the last entry and order.
    waiting, limits
        Live orders: market orders by symbol, limit orders by number.
    late
        Entries whose fill is still to be told, with the number of the order.
    """

    deployed: Deployed
    dice: Dice
    client_id: Callable[[int], str]
    venue: Venue = field(init=False)
    positions: Floats = field(init=False)
    closes: Floats = field(init=False)
    opened_by: NDArray[np.int64] = field(init=False)
    before: Floats = field(init=False)
    before_time: int = field(init=False)
    bar: int = field(init=False)
    bar_time: int = field(init=False)
    bar_cursor: int = field(init=False)
    time: int = field(init=False)
    cursor: int = field(init=False)
    number: int = field(init=False)
    waiting: dict[int, Order] = field(init=False)
    limits: dict[int, Order] = field(init=False)
    late: dict[int, int] = field(init=False)
    news: News = field(init=False)
    _index: dict[str, int] = field(init=False)
    _placed: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the account."""
        self._index = {symbol: s for s, symbol in enumerate(self.deployed.symbols)}
        self.empty()

    def empty(self) -> None:
        """Begin with the money and nothing else."""
        n = len(self.deployed.symbols)
        self.venue = Venue(self.deployed.rules, n, self.deployed.cash)
        self.positions, self._placed = self.venue.positions, self.venue.waiting  # these stay views of the kernel's
        self.closes, self.opened_by, self.before = np.full(n, np.nan), np.zeros(n, np.int64), np.zeros(n)
        self.before_time = self.bar = self.bar_time = self.bar_cursor = self.time = self.cursor = self.number = 0
        self.waiting, self.limits, self.late, self.news = {}, {}, {}, News()

    def take_news(self) -> News:
        """Return what has changed, once."""
        news, self.news = self.news, News()
        return news

    def has(self, client_id: str) -> bool:
        """Say whether an order has come since the last storing."""
        return client_id in self.news.added

    def live(self) -> list[Order]:
        """Return the orders that may still trade, oldest first."""
        return sorted([*self.waiting.values(), *self.limits.values()], key=lambda order: order.number)

    def begin_again(self, live: list[Order]) -> None:
        """Let these orders wait, and no others: the arrays are older than they."""
        for s in np.flatnonzero(self._placed).tolist():
            self.venue.place(0, s, 0.0)
        for order in live:
            self._rest(order)

    def _rest(self, order: Order) -> None:
        """Let an order wait."""
        if order.waits:
            self.waiting[order.symbol] = order
            self._place(order, order.left)
        else:
            self.limits[order.number] = order

    def submit(self, sent: Approved, now: int) -> Accepted | Refused:
        """Take an order, or say why not; one that may not wait is filled at once."""
        s = self._index.get(sent.symbol, -1)
        position, close = (float(self.positions[s]), float(self.closes[s])) if s >= 0 else (0.0, np.nan)
        refused = refusal(sent, known=s >= 0, position=position, close=close, waits=s in self.waiting)
        if refused:
            return refused
        self.time = max(self.time, now)
        self.number += 1
        order = Order.of(self.number, s, sent)
        self.news.added[order.client_id] = order
        self._tell(order, WORKING)
        if order.time_in_force == "ioc":
            self._fill_at_once(order)
        else:
            self._rest(order)
        return Accepted(venue_id(order.number))

    def cancel(self, order: Order, now: int) -> None:
        """Withdraw a live order."""
        self.time = max(self.time, now)
        self._end(order, CANCELLED, ASKED)

    def market(self, bar: Slice) -> None:
        """Trade through a bar; one that is not later than the last changes nothing."""
        if bar.time <= self.bar_time:
            return
        self.before = self.positions.copy()
        self.before_time, self.bar_time, self.time = self.bar_time, bar.time, max(self.time, bar.time)
        self.bar += 1
        self.news.moved = True
        late, self.late = self.late, {}
        self._expire(bar.time // _DAY)
        window = Window.of(self.deployed.fields, bar.values)
        due = self._due(window)
        self._step(window, due)
        self._end_without_room(due)
        self._fill_limits(window)
        for each in due.values():
            if each.order.live:
                self._place(each.order, each.order.left)
        self.closes = np.where(np.isnan(window.close), self.closes, window.close)
        for cursor, number in late.items():
            self._tell_fill_of(number, cursor)
        self.bar_cursor = self.cursor

    def _expire(self, day: int) -> None:
        """End the day orders of an earlier day; an order's day is that of the first bar after it."""
        for order in [each for each in self.limits.values() if each.time_in_force == "day"]:
            if order.session not in (0, day):
                self._end(order, EXPIRED, OVER)
            elif not order.session:
                order.session = day
                self.news.changed[order.number] = order

    def _due(self, window: Window) -> dict[int, _Due]:
        """Return the waiting orders whose symbol has a bar, placed with what the kernel may fill of them."""
        due = {}
        missing = np.isnan(window.close).tolist()
        for s, order in list(self.waiting.items()):
            if missing[s]:
                continue
            quantity = order.left
            if order.reduce_only:
                quantity = within_position(quantity, float(self.positions[s]))
            elif not order.filled and self.dice.falls("partial", order.client_id):
                quantity = part_of(quantity, self.dice.draw("part", order.client_id))
            if not quantity:
                self._end(order, CANCELLED, NOTHING_LEFT)
                continue
            if quantity != order.left:
                self._place(order, quantity)
            due[s] = _Due(order, quantity)
        return due

    def _step(self, window: Window, due: dict[int, _Due]) -> None:
        """Bring the kernel through a bar, and write down what it did."""
        held = self.positions.tolist()
        _, fills = self.venue.bar(self.bar, window.open, window.high, window.low, window.close)
        names = ("symbol", "quantity", "price", "fee", "reason")
        for s, quantity, price, fee, reason in zip(*(fills[name].tolist() for name in names), strict=True):
            trade = Trade(quantity, price, fee)
            if reason:
                self._exit(s, Venue.reasons[reason], trade, due.get(s))
                held[s] = 0.0
            else:
                each = due[s]
                self._filled(each.order, each.quantity, held[s], trade)
                each.quantity = 0.0

    def _filled(self, order: Order, wanted: float, held: float, trade: Trade) -> None:
        """Count a fill; of what the kernel was asked to fill and did not, nothing waits any longer."""
        order.filled += trade.quantity
        if opens(trade.quantity, held):
            self.opened_by[order.symbol] = order.number
        if not whole(trade.quantity, wanted):
            self._end(order, CANCELLED, NO_ROOM, trade)
        elif whole(order.filled, order.quantity):
            self._end(order, FILLED, NO_TEXT, trade)
        elif order.reduce_only:
            self._end(order, CANCELLED, SMALLER, trade)
        else:
            self._tell(order, PARTIAL, NO_TEXT, trade)

    def _exit(self, s: int, leg: str, trade: Trade, due: _Due | None) -> None:
        """Write down an exit that the kernel filled, as an order of its own; it uses up the order that waits."""
        parent = self.client_id(int(self.opened_by[s]))
        self.number += 1
        order = Order.exit(self.number, exit_order_id(parent, leg), s, leg, parent, trade.quantity)
        self.news.added[order.client_id] = order
        self._tell(order, FILLED, NO_TEXT, trade)
        if due:
            due.quantity = left_after_exit(due.quantity, -trade.quantity)
        waits = self.waiting.get(s)
        if waits:
            self._use_up(waits, 0.0 if waits.reduce_only else left_after_exit(waits.left, -trade.quantity))

    def _use_up(self, order: Order, left: float) -> None:
        """Let only so much of an order wait, as the kernel does after an exit."""
        if left:
            order.quantity = order.filled + left
            self._tell(order, PARTIAL if order.filled else WORKING, REST_STANDS)
        else:
            self._end(order, CANCELLED, EXITED)

    def _end_without_room(self, due: dict[int, _Due]) -> None:
        """End the orders of which the kernel could fill nothing: it lets go of them too."""
        for each in due.values():
            if each.quantity and each.order.live and not self._placed[each.order.symbol]:
                self._end(each.order, CANCELLED, NO_ROOM)

    def _fill_limits(self, window: Window) -> None:
        """Fill the limit orders that a bar reaches, oldest first."""
        entered: dict[int, float] = {}
        for order in list(self.limits.values()):
            s, quantity = order.symbol, order.left
            price = window.crossing(s, quantity, order.limit_price or 0.0)
            if price is None:
                continue
            if order.reduce_only:
                quantity = within_position(quantity, float(self.positions[s]))
            self._fill_at(order, quantity, price)
            entered[s] = price
        if entered:
            self._step(window.entered(entered, self.positions), {})

    def _fill_at_once(self, order: Order) -> None:
        """Fill an order at the last close; what cannot be filled is cancelled."""
        s, quantity, close = order.symbol, order.left, float(self.closes[order.symbol])
        if order.limit_price is not None and (close - order.limit_price) * quantity > 0.0:
            self._end(order, CANCELLED, BEYOND)
            return
        if order.reduce_only:
            quantity = within_position(quantity, float(self.positions[s]))
        self._fill_at(order, quantity, close)
        if s in self.waiting:
            self._place(self.waiting[s], self.waiting[s].left)

    def _fill_at(self, order: Order, quantity: float, price: float) -> None:
        """Fill what can be filled at a price; the order that waits for the symbol has to be placed again."""
        s, limit = order.symbol, order.kind == "limit"
        if not quantity:
            self._end(order, CANCELLED, NOTHING_LEFT)
            return
        held = float(self.positions[s])
        self._place(order, 0.0)
        fills = self.venue.fill_now(self.bar, order.number, s, quantity, price, limit=limit)
        self.news.moved = True
        if len(fills):
            trade = Trade(*(float(fills[name][0]) for name in Trade._fields))
            self._filled(order, quantity, held, trade)
        else:
            self._end(order, CANCELLED, NO_ROOM)

    def _place(self, order: Order, quantity: float) -> None:
        """Let the kernel wait with so much of an order."""
        self.venue.place(order.number, order.symbol, quantity, order.stop, order.take_profit)

    def _end(self, order: Order, status: int, text: int, trade: Trade = NONE) -> None:
        """Bring an order to its end."""
        if self.limits.pop(order.number, None) is None and self.waiting.get(order.symbol) is order:
            del self.waiting[order.symbol]
            if self._placed[order.symbol]:
                self._place(order, 0.0)
        self._tell(order, status, text, trade)

    def _tell(self, order: Order, status: int, text: int = NO_TEXT, trade: Trade = NONE) -> None:
        """Write down what has become of an order."""
        order.status, order.text, order.time = status, text, self.time
        self.news.changed[order.number] = order
        self.cursor += 1
        late = NOT_LATE
        if trade is not NONE and self.dice.falls("late_fill", order.client_id):
            late = LATE
            self.late[self.cursor] = order.number
        self.news.entries.append(
            Entry(order.number, status, order.quantity, order.filled, *trade, self.time, late, text)
        )

    def _tell_fill_of(self, number: int, cursor: int) -> None:
        """Write down that the fill of an earlier entry is told now."""
        self.cursor += 1
        self.news.entries.append(Entry(number, FILLED, 0.0, 0.0, *NONE, self.time, cursor, NO_TEXT))
