"""Random lives of orders at a venue that tells everything at least once and in any order."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from attrs import define, evolve, field
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from samples import NAME, intent

from darwin_core.live.book import Book
from darwin_core.live.errors import IllegalTransition
from darwin_core.live.orders import FINAL, FillReport, Intent, OrderReport
from darwin_core.live.schema import AbsentReport, CancelSent, Denial, Result, Sent, Session
from darwin_core.live.states import add

SYMBOLS = ("A", "B")


@define
class AtVenue:
    """What the venue has of an order."""

    intent: Intent
    status: str = "working"
    filled: float = 0.0


@define
class Wire:
    """Everything that the venue has ever said: any of it may be heard again at any time."""

    said: list[Any] = field(factory=list)
    heard: set[int] = field(factory=set)


class Lives(RuleBasedStateMachine):
    """Trades, loses messages, hears them twice, crashes; the venue is always right."""

    @initialize()
    def begin(self) -> None:
        self.book, self.wire, self.clock, self.bar = Book(), Wire(), 0, 0
        self.venue: dict[str, AtVenue] = {}
        self.before: dict[str, tuple[str, float]] = {}

    def say(self, event: object) -> None:
        self.wire.said.append(event)

    def report(self, order: AtVenue) -> OrderReport:
        self.clock += 1
        i = order.intent
        return OrderReport(i.client_id, "V", i.symbol, order.status, i.quantity, order.filled, self.clock)  # type: ignore[arg-type]

    def orders(self, *statuses: str) -> list[str]:
        return [o.client_id for o in self.book.orders.values() if o.status in statuses]

    def resting(self) -> list[str]:
        return [name for name, order in self.venue.items() if order.status in ("working", "partial")]

    @rule(symbol=st.sampled_from(SYMBOLS), lots=st.integers(1, 1000), side=st.sampled_from((-1, 1)))
    def want(self, symbol: str, lots: int, side: int) -> None:
        self.bar += 1
        wanted = intent(self.bar, symbol, side * lots / 100)
        live = self.book.live_on(wanted)
        try:
            self.book.apply(wanted)
        except IllegalTransition:
            assert live is not None
        else:
            assert live is None

    @precondition(lambda self: self.orders("intended"))
    @rule(data=st.data(), arrives=st.booleans(), answered=st.booleans())
    def send(self, data: st.DataObject, arrives: bool, answered: bool) -> None:
        name = data.draw(st.sampled_from(self.orders("intended")))
        self.book.apply(Sent(name))
        if arrives:
            self.venue[name] = AtVenue(self.book.orders[name].intent)
            self.say(self.report(self.venue[name]))
        self.book.apply(
            Result(name, "submit", "accepted", "V") if arrives and answered else Result(name, "submit", "unknown")
        )

    @precondition(lambda self: self.orders("intended"))
    @rule(data=st.data())
    def deny(self, data: st.DataObject) -> None:
        self.book.apply(Denial(data.draw(st.sampled_from(self.orders("intended"))), "c", "r"))

    @precondition(lambda self: self.resting())
    @rule(data=st.data(), lots=st.integers(1, 400))
    def trade(self, data: st.DataObject, lots: int) -> None:
        order = self.venue[data.draw(st.sampled_from(self.resting()))]
        side, left = (1 if order.intent.quantity > 0 else -1), add(abs(order.intent.quantity), -abs(order.filled))
        quantity = side * min(lots / 100, left)
        order.filled = add(order.filled, quantity)
        order.status = "filled" if abs(order.filled) == abs(order.intent.quantity) else "partial"
        self.clock += 1
        i = order.intent
        self.say(FillReport(f"F{self.clock}", i.client_id, i.symbol, quantity, 10.0, 0.0, self.clock))
        self.say(self.report(order))

    @precondition(lambda self: self.orders("sent", "unknown", "working", "partial", "cancelling"))
    @rule(data=st.data(), arrives=st.booleans(), answered=st.booleans())
    def cancel(self, data: st.DataObject, arrives: bool, answered: bool) -> None:
        name = data.draw(st.sampled_from(self.orders("sent", "unknown", "working", "partial", "cancelling")))
        self.book.apply(CancelSent(name))
        order = self.venue.get(name)
        works = order is not None and order.status in ("working", "partial")
        if order is not None and arrives and works:
            order.status = "cancelled"
            self.say(self.report(order))
        outcome = "unknown" if not (arrives and answered) else "accepted" if works else "refused"
        self.book.apply(Result(name, "cancel", outcome))  # type: ignore[arg-type]

    @precondition(lambda self: self.resting())
    @rule(data=st.data(), ended=st.sampled_from(("cancelled", "expired")))
    def end(self, data: st.DataObject, ended: str) -> None:
        order = self.venue[data.draw(st.sampled_from(self.resting()))]
        order.status = ended
        self.say(self.report(order))

    @precondition(lambda self: self.wire.said)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        """Hear anything that was ever said: late, early, or again."""
        number = data.draw(st.integers(0, len(self.wire.said) - 1))
        self.wire.heard.add(number)
        change = self.book.apply(self.wire.said[number])
        assert change.warnings == () or "late fill" in change.warnings[0]

    @rule()
    def crash(self) -> None:
        self.book.apply(Session("again"))
        assert not self.orders("intended", "sent")

    @precondition(lambda self: self.orders("unknown"))
    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.orders("unknown")))
        order = self.venue.get(name)
        self.book.apply(self.report(order) if order else AbsentReport(name, True))
        assert name not in self.orders("unknown")

    @invariant()
    def nothing_goes_back(self) -> None:
        for name, (status, filled) in self.before.items():
            order = self.book.orders[name]
            assert abs(order.filled) >= abs(filled)
            assert status not in FINAL or order.status == status
        self.before = {name: (order.status, order.filled) for name, order in self.book.orders.items()}

    @invariant()
    def fills_are_what_is_filled(self) -> None:
        for order in self.book.orders.values():
            total = 0.0
            for fill in order.fills.values():
                total = add(total, fill.quantity)
            assert order.filled == total
            assert abs(order.filled) <= abs(order.intent.quantity)

    @invariant()
    def a_leg_has_one_live_order(self) -> None:
        legs = [(o.intent.symbol, o.intent.leg) for o in self.book.unfinished()]
        assert len(legs) == len(set(legs))

    @invariant()
    def what_works_at_the_venue_is_live_here(self) -> None:
        for name in self.resting():
            assert self.book.orders[name].live, self.book.orders[name]

    @invariant()
    def a_copy_through_json_is_the_same_book(self) -> None:
        state = self.book.carried(frozenset(self.book.orders))
        again = Book.carry(state)
        assert again.orders == self.book.orders
        assert again.positions == self.book.positions
        assert again._live == self.book._live

    def teardown(self) -> None:
        """When everything has been heard, the book is the venue."""
        if not hasattr(self, "book"):
            return
        for event in self.wire.said:
            self.book.apply(event)
        net: dict[str, float] = {}
        for name, order in self.venue.items():
            ours = self.book.orders[name]
            assert (ours.filled, ours.owed) == (order.filled, 0.0)
            net[order.intent.symbol] = add(net.get(order.intent.symbol, 0.0), order.filled)
            if order.status in FINAL:
                assert ours.status == order.status
        assert {s: p.quantity for s, p in self.book.positions.items()} == {
            symbol: quantity for symbol, quantity in net.items() if symbol in self.book.positions
        }


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=80, stateful_step_count=40)


def test_an_intent_given_again_is_the_same_order() -> None:
    book, wanted = Book(), intent(1, "A", 1.0)
    book.apply(wanted)
    assert book.apply(wanted).orders == ()
    assert list(book.orders) == [wanted.client_id]
    assert wanted.deployment == NAME


def test_an_id_with_other_content_is_refused() -> None:
    book, wanted = Book(), intent(1, "A", 1.0)
    book.apply(wanted)
    with pytest.raises(IllegalTransition, match="other content"):
        book.apply(evolve(wanted, quantity=2.0))
