"""Holds a session's journal and account against the venue's own records, and says everything that is wrong."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core import ledger
from darwin_core.live.archive import whole
from darwin_core.live.book import Book
from darwin_core.live.journal import open_journal
from darwin_core.live.schema import Alert, Result, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from darwin_core.live.orders import Intent
    from darwin_core.live.runtime import Runtime
    from darwin_core.live.schema import Body
    from darwin_core.live.session import Session
    from darwin_core.live.states import Order

STATES = ("working", "partial", "filled", "cancelled", "expired")


@frozen
class Venue:
    """What the paper broker's file says: its orders by client id, net quantities, and cash."""

    orders: dict[str, dict[str, Any]]
    cash: float

    @classmethod
    def read(cls, folder: Path) -> Venue:
        connection = sqlite3.connect(folder / "paper.sqlite")
        connection.row_factory = sqlite3.Row
        orders = [dict(row) for row in connection.execute("select * from orders order by number")]
        symbols = connection.execute("select symbols from about").fetchone()[0].split("\n")
        arrays = connection.execute("select arrays from account").fetchone()
        connection.close()
        for order in orders:
            order["symbol"], order["status"] = symbols[order["symbol"]], STATES[order["status"]]
        cash = float(np.frombuffer(arrays[0], np.float64, 1)[0]) if arrays else math.nan
        return cls({order["client_id"]: order for order in orders}, cash)

    def net(self) -> dict[str, float]:
        net: dict[str, float] = {}
        for order in self.orders.values():
            net[order["symbol"]] = net.get(order["symbol"], 0.0) + order["filled"]
        return {symbol: quantity for symbol, quantity in net.items() if abs(quantity) > 1e-9}


@frozen
class End:
    """How a session's own account stood at its end."""

    digest: str
    cash: float
    positions: dict[str, float]

    @classmethod
    def of(cls, run: Runtime) -> End:
        walk = run.stepper.walk
        held = ledger.split(walk.slots)[0]["position"].tolist()
        positions = {symbol: quantity for symbol, quantity in zip(run.tape.symbols, held, strict=True) if quantity}
        return cls(walk.recorder.digest.hexdigest(), float(walk.book[ledger.CASH]), positions)


def bodies(session: Session) -> list[Body]:
    """Return what a session's journal says, in its order."""
    journal = open_journal(session.journal, session.id, durable=False)
    try:
        return [body for _, body in whole(journal)]
    finally:
        journal.close()


def wrong(session: Session, end: End, said: list[Body] | None = None) -> list[str]:
    """Return what is wrong with a session that has come to its end; nothing, if it is as it must be."""
    said = bodies(session) if said is None else said
    venue, book = Venue.read(session.folder), Book()
    found = list(_followed(said, book))
    for name, order in book.orders.items():
        found += _compared(name, order, venue.orders.get(name))
    found += [f"orphaned: {name}" for name in venue.orders if name not in book.orders]
    legs = Counter((order.intent.bar, order.intent.symbol, order.intent.leg)
                   for name, order in book.orders.items()
                   if name in venue.orders and order.intent.leg not in ("stop", "take_profit", "flatten"))  # fmt: skip
    found += [f"doubled: {leg}" for leg, count in legs.items() if count > 1]
    held = {symbol: position.quantity for symbol, position in book.positions.items()}
    found += _differ("the journal's net", held, venue.net()) + _differ("the account's net", end.positions, venue.net())
    if not math.isclose(end.cash, venue.cash, rel_tol=1e-9):
        found.append(f"cash: {end.cash!r} here, {venue.cash!r} at the venue")
    return found


def _followed(said: list[Body], book: Book) -> Iterator[str]:
    """Bring a book through a journal; yield what should never have been written."""
    for body in said:
        if isinstance(body, Sent):
            yield from _risky(book, book.orders[body.client_id].intent)
        if isinstance(body, Alert) and _grave(body):
            yield f"alert of the journal: {body.text}"
        if isinstance(body, Result) and body.code in ("duplicate", "busy"):
            yield f"sent twice, or beside another: {body.client_id} {body.code}"
        try:
            book.apply(body)
        except Exception as error:  # noqa: BLE001 - the journal refused it too, and said so with an alert
            yield f"illegal: {error}"
        book.keep()


def _grave(alert: Alert) -> bool:
    """Whether the journal found something wrong; that an exit has used up a part of an order that waits is not."""
    return (alert.source, alert.level) == ("journal", "critical") and "restated" not in alert.text


def _risky(book: Book, intent: Intent) -> Iterator[str]:
    """Yield a finding when an order adds risk in a symbol of which an order is unknown."""
    held = book.positions[intent.symbol].quantity if intent.symbol in book.positions else 0.0
    if held * intent.quantity < 0.0 and abs(intent.quantity) <= abs(held) * (1 + 1e-9):
        return
    for order in book.with_status("unknown"):
        if order.intent.symbol == intent.symbol and order.client_id != intent.client_id:
            yield f"new risk while {order.client_id} is unknown: {intent.client_id}"


def _compared(name: str, order: Order, theirs: dict[str, Any] | None) -> list[str]:
    """Compare an order with the venue's record of it."""
    if order.status in ("intended", "sent", "unknown"):
        return [f"unexplained: {name} is {order.status}"]
    if theirs is None:
        never = order.status in ("refused", "denied") and not order.filled
        return [] if never else [f"lost: {name} is {order.status}, and the venue has never had it"]
    ours: str = {"cancelling": "partial" if order.filled else "working"}.get(order.status, order.status)
    if ours == "working" and theirs["filled"]:
        ours = "working with fills missing"
    out = [] if ours == theirs["status"] else [f"{name} is {order.status}, and {theirs['status']} at the venue"]
    if not math.isclose(order.filled, theirs["filled"], rel_tol=1e-9, abs_tol=1e-12):
        out.append(f"{name} has {order.filled!r} filled, and {theirs['filled']!r} at the venue")
    return out


def _differ(what: str, ours: dict[str, float], theirs: dict[str, float]) -> list[str]:
    odd = [s for s in {*ours, *theirs}
           if not math.isclose(ours.get(s, 0.0), theirs.get(s, 0.0), rel_tol=1e-9, abs_tol=1e-9)]  # fmt: skip
    return [f"{what} in {s}: {ours.get(s, 0.0)!r}, {theirs.get(s, 0.0)!r} at the venue" for s in sorted(odd)]
