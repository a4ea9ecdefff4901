"""An order path on the journal, small and whole: decide, write, send, hear, write; and the same again after a crash.

It trades a fixed plan with the tiny venue: market and limit orders, a partial fill, a cancel, a replace (cancel, then a
new order), an exit, and the kill latch. `trade` can be killed anywhere and called again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen
from tiny_venue import TinyVenue

from darwin_core.live.journal import Journal, open_journal
from darwin_core.live.orders import Absent, Accepted, Intent, Refused, client_order_id
from darwin_core.live.schema import (
    AbsentReport,
    CancelSent,
    Decision,
    Entry,
    Latch,
    Result,
    Sent,
    Session,
)

if TYPE_CHECKING:
    from darwin_core.live.states import Order

NAME = "plan"


@frozen
class Wish:
    """What the plan wants at a bar."""

    symbol: str
    quantity: float
    kind: str = "market"


ORDERS: dict[int, list[Wish]] = {
    1: [Wish("A", 10.0), Wish("B", 8.0, "limit")],
    3: [Wish("C", -3.0, "limit")],
    4: [Wish("B", 6.0, "limit")],
    5: [Wish("A", -10.0), Wish("B", 4.0, "limit")],
    6: [Wish("D", 4.0, "limit")],
    8: [Wish("E", 100.0)],
}
CANCELS = {2: ("B", 1), 4: ("C", 3), 5: ("B", 4)}
"""By bar: which order to cancel, by symbol and the bar that it was decided at."""
LATCHED, LAST = 7, 8


def trade(folder: str) -> None:
    """Trade the plan from wherever the journal says that it stands."""
    place = Path(folder)
    venue = TinyVenue(place / "venue.log")
    journal = open_journal(place / "journal.db", NAME)
    desk = Desk(journal, venue)
    desk.write(Session("run"))
    desk.resolve()
    for bar in range(journal.book.last_bar or 1, LAST + 1):
        desk.trade(bar)
        venue.tick(bar)
        desk.hear()
    journal.close()
    venue.close()


class Desk:
    """Carries out the plan."""

    def __init__(self, journal: Journal, venue: TinyVenue) -> None:
        self.journal, self.venue, self.now = journal, venue, journal.end.seq

    def write(self, *bodies: object) -> None:
        self.now += 1
        self.journal.append([Entry(self.now, body) for body in bodies])  # type: ignore[arg-type]

    def trade(self, bar: int) -> None:
        book = self.journal.book
        if bar == LATCHED and not book.latch:
            self.write(Latch(on=True, trigger="plan", who="test", role="risk", why="the plan says so"))
        if book.latch:
            self.cancel_everything()
            return
        self.cancel(CANCELS.get(bar))
        if book.last_bar is None or bar > book.last_bar:
            self.write(Decision(bar), *(_intent(bar, wish, 0) for wish in ORDERS.get(bar, [])))
        for wish in ORDERS.get(bar, []):
            self.ensure(bar, wish)

    def ensure(self, bar: int, wish: Wish) -> None:
        """Send an order that the venue has not got, once."""
        attempts = [
            o for o in self.journal.book.orders.values() if (o.intent.bar, o.intent.symbol) == (bar, wish.symbol)
        ]
        newest = attempts[-1]
        if newest.status == "refused":
            intent = _intent(bar, wish, newest.intent.attempt + 1)
            self.write(intent)
            newest = self.journal.book.orders[intent.client_id]
        if newest.status == "intended":
            self.send(newest.intent)

    def send(self, intent: Intent) -> None:
        self.write(Sent(intent.client_id))
        outcome = self.venue.submit(intent.client_id, intent.symbol, intent.quantity, intent.kind)
        assert isinstance(outcome, Accepted)
        self.write(Result(intent.client_id, "submit", "accepted", outcome.venue_id))

    def cancel(self, which: tuple[str, int] | None) -> None:
        for order in list(self.journal.book.unfinished()):
            if (order.intent.symbol, order.intent.bar) == which:
                self.cancel_one(order)

    def cancel_one(self, order: Order) -> None:
        self.write(CancelSent(order.client_id))
        outcome = self.venue.cancel(order.client_id)
        said = "refused" if isinstance(outcome, Refused) else "accepted"
        self.write(Result(order.client_id, "cancel", said))  # type: ignore[arg-type]
        self.hear()

    def cancel_everything(self) -> None:
        for report in self.venue.open_orders():
            self.cancel_one(self.journal.book.orders[report.client_id])

    def hear(self) -> None:
        """Pull what the venue has, all of it, as after a reconnect: most of it is known already."""
        fills = self.venue.fills()
        reports = [self.venue.order(order.client_id) for order in self.journal.book.unfinished()]
        self.write(*fills, *(report for report in reports if not isinstance(report, Absent)))

    def resolve(self) -> None:
        """Ask the venue about every order that is in doubt."""
        for order in list(self.journal.book.unfinished()):
            answer = self.venue.order(order.client_id)
            self.write(AbsentReport(order.client_id, answer.authoritative) if isinstance(answer, Absent) else answer)
        self.hear()


def _intent(bar: int, wish: Wish, attempt: int) -> Intent:
    client_id = client_order_id(NAME, bar, wish.symbol, "target", attempt)
    return Intent(
        client_id, NAME, bar, wish.symbol, "target", attempt, wish.quantity, 10.0, kind=wish.kind,  # type: ignore[arg-type]
        limit_price=10.0 if wish.kind == "limit" else None,
    )  # fmt: skip


def trade_carelessly(folder: str) -> None:
    """Send first and write afterwards, as many bots do: the harness must find what that costs."""
    place = Path(folder)
    venue = TinyVenue(place / "venue.log")
    journal = open_journal(place / "journal.db", NAME)
    done = {record.body for record in journal.records(kind="decision")}
    for bar in (1, 2, 3):
        if not any(f'"bar":{bar},'.encode() in body for body in done):
            venue.submit(client_order_id(NAME, bar, "A", "target", 0), "A", 1.0, "market")
            journal.append([Entry(bar, Decision(bar))])
    journal.close()
