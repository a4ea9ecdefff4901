"""What the venue writes down: its orders, and a log in which every entry is something that happened to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from attrs import define

from darwin_core import FillReport, OrderReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from darwin_core import Approved

State: TypeAlias = Literal["working", "partial", "filled", "cancelled", "expired"]
STATES: tuple[State, ...] = ("working", "partial", "filled", "cancelled", "expired")
WORKING, PARTIAL, FILLED, CANCELLED, EXPIRED = range(5)
TEXTS = (
    "",
    "cancelled as asked",
    "the gross limit has no room for the rest",
    "reduce-only: the position was smaller",
    "nothing is left to reduce",
    "an exit closed the position",
    "an exit closed the position: the rest stands",
    "the last close is beyond the limit",
    "its day is over",
)
NO_TEXT, ASKED, NO_ROOM, SMALLER, NOTHING_LEFT, EXITED, REST_STANDS, BEYOND, OVER = range(9)

NOT_LATE, LATE = -1, 0
"""What `Entry.late` says of most entries, and of one whose fill is told by a later entry."""

_RECORD = np.dtype(
    [("number", "<i8"), ("status", "i1"), *((name, "<f8") for name in ("quantity", "filled", "traded", "price", "fee")),
     ("time", "<i8"), ("late", "<i8"), ("text", "i1")]
)  # fmt: skip


@define(eq=False)
class Order:
    """An order at the venue.

    Parameters
    ----------
    number
        Counts all of them.
    symbol, status, text
        Places in the deployment's symbols, in STATES and in TEXTS.
    session
        The day for which a day order is good; 0 before the first bar that it saw.
    """

    number: int
    client_id: str
    symbol: int
    leg: Any  # one of darwin's legs
    parent: str
    kind: str
    time_in_force: str
    limit_price: float | None
    reduce_only: bool
    stop: float
    take_profit: float
    quantity: float
    filled: float = 0.0
    status: int = WORKING
    text: int = NO_TEXT
    time: int = 0
    session: int = 0

    @classmethod
    def of(cls, number: int, symbol: int, order: Approved) -> Order:
        """Take an order that was sent."""
        return cls(
            number, order.client_id, symbol, order.leg, "", order.kind, order.time_in_force, order.limit_price,
            order.reduce_only, order.stop, order.take_profit, order.quantity,
        )  # fmt: skip

    @classmethod
    def exit(cls, number: int, client_id: str, symbol: int, leg: str, parent: str, quantity: float) -> Order:
        """Make the order that an exit was, all filled."""
        return cls(number, client_id, symbol, leg, parent, "market", "gtc", None, True, 0.0, 0.0, quantity, quantity)

    @property
    def live(self) -> bool:
        """Whether it may still trade."""
        return self.status <= PARTIAL

    @property
    def left(self) -> float:
        """Quantity that is still to be filled, signed."""
        return self.quantity - self.filled

    @property
    def waits(self) -> bool:
        """Whether it is a market order, of which one waits for each symbol."""
        return self.kind == "market"

    def report(self, symbols: Sequence[str]) -> OrderReport:
        """Return what the venue says of it."""
        return OrderReport(
            self.client_id, venue_id(self.number), symbols[self.symbol], STATES[self.status], self.quantity,
            self.filled, self.time, self.parent, self.leg, TEXTS[self.text],
        )  # fmt: skip


class Entry(NamedTuple):
    """One line of the log: an order after something happened to it, and the fill that it was.

    Parameters
    ----------
    number
        The order's.
    status, text
        Places in STATES and TEXTS.
    traded, price, fee
        The fill; 0 traded: none.
    late
        NOT_LATE, or LATE, or the cursor of an entry whose fill this one tells.
    """

    number: int
    status: int
    quantity: float
    filled: float
    traded: float
    price: float
    fee: float
    time: int
    late: int
    text: int


def packed(entries: Sequence[Entry]) -> bytes:
    """Return entries as bytes, bit for bit."""
    return np.array(entries, _RECORD).tobytes()


def unpacked(blob: bytes) -> list[Entry]:
    """Return the entries that were packed."""
    return [Entry._make(row) for row in np.frombuffer(blob, _RECORD).tolist()]


class Name(NamedTuple):
    """What does not change of an order, as far as reports say it."""

    client_id: str
    symbol: str
    parent: str
    leg: Any


class Told(NamedTuple):
    """An entry with its place in the log and its order's name: what a stream makes events of."""

    cursor: int
    entry: Entry
    name: Name

    def fill(self) -> FillReport:
        """Return the fill of the entry."""
        e, name = self.entry, self.name
        return FillReport(f"F{self.cursor}", name.client_id, name.symbol, e.traded, e.price, e.fee, e.time)

    def bodies(self) -> Iterator[OrderReport | FillReport]:
        """Yield what is told of it: a fill, then what the order became by it. An exit is announced first."""
        e, name = self.entry, self.name
        if e.traded and name.parent:
            yield self._report(WORKING, 0.0)
        if e.traded and e.late == NOT_LATE:
            yield self.fill()
        yield self._report(e.status, e.filled)

    def _report(self, status: int, filled: float) -> OrderReport:
        e, name = self.entry, self.name
        return OrderReport(
            name.client_id, venue_id(e.number), name.symbol, STATES[status], e.quantity, filled, e.time,
            name.parent, name.leg, TEXTS[e.text],
        )  # fmt: skip


def venue_id(number: int) -> str:
    """Return the venue's own name of an order."""
    return f"P{number}"
