"""What the records of a journal amount to: orders, fills, positions, the latch, the last bar decided on.

The book is a fold: it is computed from the records alone, in their order, and the same records give the same book bit
for bit. Nothing is in it that is not on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, evolve, field, frozen

from darwin_core.live import coding
from darwin_core.live.errors import IllegalTransition
from darwin_core.live.orders import FINAL, FillReport, Intent, OrderReport, Status
from darwin_core.live.schema import (
    AbsentReport,
    CancelSent,
    Decision,
    Denial,
    Latch,
    PositionSeen,
    Result,
    Sent,
    Session,
)
from darwin_core.live.states import Event, Order, add, advance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from darwin_core.live.schema import Body, Json

KEPT = 20_000
"""How many finished orders are remembered, so that their late reports are known for what they are."""

Leg: TypeAlias = tuple[str, str, str]
_GONE: Any = object()


@frozen
class Position:
    """What fills have made of a symbol.

    Parameters
    ----------
    quantity
        Signed.
    cash
        What the fills have brought, less fees; negative when they cost.
    fees
        Paid in all.
    seen, seen_at
        The venue's own word at its last reading (None: never read), and when that was.
    """

    symbol: str
    quantity: float = 0.0
    cash: float = 0.0
    fees: float = 0.0
    seen: float | None = None
    seen_at: int = 0


@frozen
class Change:
    """What one record did to the book, and what people should know about it."""

    orders: tuple[Order, ...] = ()
    fill: FillReport | None = None
    position: Position | None = None
    warnings: tuple[str, ...] = ()


def together(changes: Iterable[Change]) -> list[Change]:
    """Return what changes amount to: every fill, and what orders and positions are after the last of them."""
    orders: dict[str, Order] = {}
    positions: dict[str, Position] = {}
    fills: list[FillReport] = []
    for change in changes:
        orders.update((order.client_id, order) for order in change.orders)
        if change.fill is not None:
            fills.append(change.fill)
        if change.position is not None:
            positions[change.position.symbol] = change.position
    held = [Change(position=position) for position in positions.values()]
    return [Change(tuple(orders.values())), *(Change(fill=fill) for fill in fills), *held]


@define(eq=False)
class Book:
    """The state of a journal.

    Parameters
    ----------
    orders
        By client id: every unfinished one, and the last `KEPT` that ended.
    positions
        By symbol.
    """

    orders: dict[str, Order] = field(factory=dict)
    positions: dict[str, Position] = field(factory=dict)
    _live: dict[Leg, str] = field(factory=dict)
    _ended: dict[str, int] = field(factory=dict)
    _facts: dict[str, Any] = field(factory=dict)
    _log: list[tuple[dict[Any, Any], Any, Any]] = field(factory=list)

    @property
    def latch(self) -> Latch | None:
        """The kill latch, when it is on."""
        latch: Latch | None = self._facts.get("latch")
        return latch if latch is not None and latch.on else None

    @property
    def last_bar(self) -> int | None:
        """Time of the newest bar that was decided on, ns."""
        bar: int | None = self._facts.get("bar")
        return bar

    def unfinished(self) -> list[Order]:
        """Return the orders that may still trade, by bar and id."""
        return sorted((self.orders[client_id] for client_id in self._live.values()), key=_age)

    def with_status(self, *statuses: Status) -> list[Order]:
        """Return the orders in one of these statuses, by bar and id."""
        ended = not FINAL.isdisjoint(statuses)
        among = self.orders.values() if ended else (self.orders[client_id] for client_id in self._live.values())
        return sorted((order for order in among if order.status in statuses), key=_age)

    def live_on(self, intent: Intent) -> Order | None:
        """Return the live order on the leg that an intent is for."""
        client_id = self._live.get(_leg(intent))
        return self.orders[client_id] if client_id else None

    def apply(self, body: Body) -> Change:
        """Take one record in.

        Raises
        ------
        IllegalTransition
            It contradicts what is known; the book is as it was.
        """
        self._forget()
        if isinstance(body, Intent):
            return self._intend(body)
        if isinstance(body, Session):
            return self._restart(body)
        if isinstance(body, FillReport):
            return self._fill(body)
        if isinstance(body, OrderReport | Denial | Sent | CancelSent | Result | AbsentReport):
            orders, warnings = self._advance(body.client_id, body)
            return Change(orders, warnings=warnings)
        return self._note(body)

    def _note(self, body: Body) -> Change:
        if isinstance(body, PositionSeen):
            position = self.positions.get(body.symbol, Position(body.symbol))
            if body.as_of >= position.seen_at:
                return Change(position=self._hold(evolve(position, seen=body.quantity, seen_at=body.as_of)))
        if isinstance(body, Latch):
            self._set(self._facts, "latch", body)
        if isinstance(body, Decision):
            self._set(self._facts, "bar", max(body.bar, self.last_bar or body.bar))
        return Change()

    def _intend(self, intent: Intent) -> Change:
        known = self.orders.get(intent.client_id)
        if known is not None:
            if known.intent != intent:
                raise IllegalTransition(f"order {intent.client_id} ({intent.symbol}) exists with other content")
            return Change()
        if not intent.quantity:
            raise IllegalTransition(f"order {intent.client_id} ({intent.symbol}) has no quantity")
        if other := self.live_on(intent):
            raise IllegalTransition(
                f"order {intent.client_id}: {intent.symbol} has a live order for {intent.leg} already: "
                f"{other.client_id}, {other.status}"
            )
        return Change((self._put(Order(intent)),))

    def _restart(self, session: Session) -> Change:
        steps = [(order, advance(order, session).order) for order in self.unfinished()]
        return Change(tuple(self._put(after) for before, after in steps if after != before))

    def _advance(self, client_id: str, event: Event) -> tuple[tuple[Order, ...], tuple[str, ...]]:
        order = self.orders.get(client_id)
        if order is None:
            raise IllegalTransition(f"order {client_id!r} is not ours, or ended long ago")
        step = advance(order, event)
        return () if step.order == order else (self._put(step.order),), step.warnings

    def _fill(self, fill: FillReport) -> Change:
        before = self.orders.get(fill.client_id)
        orders, warnings = self._advance(fill.client_id, fill)
        if before is None or fill.fill_id in before.fills:
            return Change()
        old = self.positions.get(fill.symbol, Position(fill.symbol))
        cash = old.cash - fill.quantity * fill.price - fill.fee
        quantity, fees = add(old.quantity, fill.quantity), old.fees + fill.fee
        new = Position(fill.symbol, quantity, cash, fees, old.seen, old.seen_at)
        return Change(orders, fill, self._hold(new), warnings)

    def _hold(self, position: Position) -> Position:
        self._set(self.positions, position.symbol, position)
        return position

    def _put(self, order: Order) -> Order:
        self._set(self.orders, order.client_id, order)
        leg = _leg(order.intent)
        if order.live:
            self._set(self._live, leg, order.client_id)
        elif self._live.get(leg) == order.client_id:
            self._set(self._live, leg, _GONE)
        if not order.live and order.client_id not in self._ended:
            self._set(self._ended, order.client_id, self._facts.get("ends", 0))
            self._set(self._facts, "ends", self._facts.get("ends", 0) + 1)
        return order

    def _forget(self) -> None:
        """Drop the order that ended first when there are too many."""
        if len(self._ended) > KEPT:
            oldest = next(iter(self._ended))
            self._set(self._ended, oldest, _GONE)
            self._set(self.orders, oldest, _GONE)

    def _set(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        self._log.append((mapping, key, mapping.get(key, _GONE)))
        _write(mapping, key, value)

    def mark(self) -> int:
        """Return a place to which `undo` can go back."""
        return len(self._log)

    def undo(self, mark: int = 0) -> None:
        """Take back what was applied since a mark: it did not get to the disk."""
        forgotten = False
        while len(self._log) > mark:
            mapping, key, old = self._log.pop()
            _write(mapping, key, old)
            forgotten |= mapping is self._ended and old is not _GONE
        if forgotten:  # it came back at the end, and belongs at the front
            order = sorted(self._ended.items(), key=lambda item: item[1])
            self._ended.clear()
            self._ended.update(order)

    def keep(self) -> None:
        """Make what was applied final: it is on disk."""
        self._log.clear()

    def carried(self, also: frozenset[str]) -> Json:
        """Return what later records need of this book: unfinished orders, those of `also`, and everything else."""
        orders = sorted((o for o in self.orders.values() if o.live or o.client_id in also), key=_age)
        return {
            "orders": [_order_out(order) for order in orders],
            "ended": {o.client_id: self._ended[o.client_id] for o in orders if o.client_id in self._ended},
            "positions": [coding.plain(position) for _, position in sorted(self.positions.items())],
            "latch": coding.plain(self._facts["latch"]) if "latch" in self._facts else None,
            "bar": self.last_bar,
            "ends": self._facts.get("ends", 0),
        }

    @classmethod
    def carry(cls, state: Json) -> Book:
        """Return the book that `carried` wrote."""
        book = cls(positions={p["symbol"]: coding.instance(Position, p) for p in state["positions"]})
        for each in state["orders"]:
            order = _order_in(each)
            book.orders[order.client_id] = order
            if order.live:
                book._live[_leg(order.intent)] = order.client_id
        book._ended.update(sorted(state["ended"].items(), key=lambda item: item[1]))
        facts = {"latch": state["latch"] and coding.instance(Latch, state["latch"]), "bar": state["bar"]}
        book._facts.update({key: value for key, value in facts.items() if value is not None}, ends=state["ends"])
        return book


def _age(order: Order) -> tuple[int, str]:
    return order.intent.bar, order.client_id


def _leg(intent: Intent) -> Leg:
    # The kill switch sends again while nobody knows about its last order: each of them stands for itself.
    return intent.deployment, intent.symbol, intent.client_id if intent.leg == "flatten" else intent.leg


def _write(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    if value is _GONE:
        mapping.pop(key, None)
    else:
        mapping[key] = value


def _order_out(order: Order) -> dict[str, Any]:
    return {
        "intent": coding.plain(order.intent),
        "status": order.status,
        "quantity": order.quantity,
        "filled": order.filled,
        "reported": order.reported,
        "cancel_asked": order.cancel_asked,
        "venue_id": order.venue_id,
        "as_of": order.as_of,
        "fills": [coding.plain(fill) for fill in order.fills.values()],
    }


def _order_in(value: Mapping[str, Any]) -> Order:
    fills = [coding.instance(FillReport, fill) for fill in value["fills"]]
    rest = {key: each for key, each in value.items() if key not in ("intent", "fills")}
    return Order(coding.instance(Intent, value["intent"]), **rest, fills={fill.fill_id: fill for fill in fills})
