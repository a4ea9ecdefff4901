"""What holds for any sequence of intents, fills, cancels and unknowns; and the Knight replay."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import darwin_core
from darwin_core.live.orders import Denied

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
PRICES = {"A": 100.0, "B": 20.0, "C": 7.0}
ROOM = 1.0 + 1e-6

symbols = st.sampled_from(sorted(PRICES))
quantities = st.floats(-200.0, 200.0).filter(lambda q: abs(q) > 1e-3)
shares = st.floats(0.0, 1.0)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), symbols, quantities),
        st.tuples(st.just("limit"), symbols, quantities),
        st.tuples(st.just("fill"), st.integers(0, 50), shares),
        st.tuples(st.just("cancel"), st.integers(0, 50), shares),
        st.tuples(st.just("lose"), st.integers(0, 50), shares),
    ),
    max_size=40,
)


class Venue:
    """A venue that fills what it likes, when it likes, at the one price there is."""

    def __init__(self, kit, cash=10_000.0, controls=None):
        self.kit, self.cash, self.positions, self.orders, self.recent = kit, cash, {}, [], []
        self.controls = controls or kit.Controls(
            symbol_cap=kit.SymbolCap(share=0.4),
            order_value=kit.OrderValue(share=9.0),
            duplicate=kit.Duplicate(on=False),
        )
        self.disabled, self.reenabled, self.now = "", None, NOW

    @property
    def equity(self):
        return self.cash + sum(q * PRICES[name] for name, q in self.positions.items())

    def book(self):
        prices = {name: (price, self.now) for name, price in PRICES.items()}
        return self.kit.book(
            now=self.now, equity=self.equity, cash=self.cash, positions=dict(self.positions), prices=prices,
            orders=tuple(self.orders), recent=tuple(self.recent), disabled=self.disabled, reenabled=self.reenabled,
        )  # fmt: skip

    def ask(self, intent):
        verdict = self.controls.review(intent, self.book())
        if isinstance(verdict, Denied):
            if verdict.control == "repeats" and not self.disabled:
                self.disabled = verdict.reason
            return verdict
        self.orders.append(
            self.kit.order(intent.quantity, intent.symbol, intent.limit_price, client_id=intent.client_id)
        )
        self.recent.append(self.kit.Recent(intent, self.now))
        return verdict

    def fill(self, number, share):
        if number >= len(self.orders):
            return
        order = self.orders[number]
        done = order.quantity * share
        self.positions[order.symbol] = self.positions.get(order.symbol, 0.0) + done
        self.cash -= done * PRICES[order.symbol]
        self.orders[number] = evolve(order, quantity=order.quantity - done)
        if share == 1.0:
            del self.orders[number]

    def step(self, what, first, second, number):
        if what in ("ask", "limit"):
            price = PRICES[first]
            limit = {"limit_price": price * (1.02 if second > 0 else 0.98)} if what == "limit" else {}
            self.ask(
                self.kit.intent(
                    second, first, reference=price, attempt=number, bar=NOW + number, target=float(number), **limit
                )
            )
        elif what == "fill":
            self.fill(first, second)
        elif first < len(self.orders):
            if what == "cancel":
                del self.orders[first]
            else:
                self.orders[first] = evolve(self.orders[first], status="unknown")

    def check(self):
        values = {name: q * PRICES[name] for name, q in self.positions.items()}
        assert all(abs(value) <= 0.4 * self.equity * ROOM for value in values.values()), values
        assert sum(map(abs, values.values())) <= self.controls.gross.leverage * self.equity * ROOM, values
        assert abs(sum(values.values())) <= self.controls.net.share * self.equity * ROOM, values
        assert self.cash >= -self.controls.cash.borrow * self.equity * ROOM - 1e-6


@settings(max_examples=300)
@given(steps, st.floats(0.3, 1.5), st.floats(0.2, 1.5), st.floats(0.0, 0.5), st.booleans())
def test_no_sequence_of_approved_orders_exceeds_a_limit_whatever_fills(
    kit, moves, leverage, share, borrow, sells_first
):
    limits = {"gross": kit.Gross(leverage=leverage), "net": kit.Net(share=share), "cash": kit.Cash(borrow=borrow)}
    venue = Venue(kit)
    venue.controls = evolve(venue.controls, **limits)
    for number, (what, first, second) in enumerate(moves):
        venue.step(what, first, second, number)
        venue.check()
    for number in sorted(range(len(venue.orders)), key=lambda n: (venue.orders[n].quantity > 0) == sells_first):
        venue.fill(number, 0.999_999_999)
        venue.check()


@given(steps)
def test_an_approved_order_counts_in_the_book_as_if_it_had_been_read_from_the_journal(kit, moves):
    venue = Venue(kit)
    book = venue.book()
    for number, (what, first, second) in enumerate(moves):
        if what in ("ask", "limit"):
            verdict = venue.controls.review(
                kit.intent(second, first, reference=PRICES[first], attempt=number, target=number), book
            )
            book = book.after(verdict)
    fresh = evolve(book)
    assert set(fresh.exposure.symbols) == set(book.exposure.symbols)
    assert fresh.exposure.symbols == book.exposure.symbols
    for way in ("unfilled", "filled"):
        for name in ("gross", "high", "low", "cost", "leaving"):
            new, old = getattr(fresh.exposure.sums[way], name), getattr(book.exposure.sums[way], name)
            assert new == pytest.approx(old, abs=1e-6)
    for ago in (1, 10**9):
        assert fresh.exposure.sent_since(NOW - ago) == book.exposure.sent_since(NOW - ago)


held = st.floats(-1e6, 1e6).filter(lambda q: abs(q) > 1e-3)
bad = st.sampled_from([0.0, -1.0, float("nan"), 1e-9, 1e12])


@settings(max_examples=300)
@given(held, st.floats(1e-6, 1.0), bad, bad, st.booleans(), st.lists(quantities, max_size=4))
def test_an_order_that_reduces_is_never_stopped_by_a_bound_on_risk(kit, position, share, equity, cash, priced, others):
    side = 1.0 if position > 0 else -1.0
    orders = tuple(
        kit.order(q, "A", status="unknown", limit_price=100.0 * (1 - 0.5 * side), client_id=str(q))
        for q in others
        if q * side > 0
    )
    prices = {"A": (100.0, 0)} if priced else {}
    recent = tuple(kit.sent(1, quantity=-position * share, client_id=str(n)) for n in range(30))
    book = kit.book(
        equity=equity, cash=cash, positions={"A": position, "B": 1e9}, prices=prices, orders=orders, recent=recent, session=None,
        latch="shut", safe_mode="on", disabled="stopped", next_open=None,
    )  # fmt: skip
    controls = kit.Controls(symbols=kit.Symbols(deny=("A",)), order_quantity=kit.OrderQuantity(quantity=1e-9))
    for claim in (True, False):
        # Beside an order that it would meet, only the flattening passes; that is no bound on risk.
        intent = kit.intent(-position * share, reference=1.0, reduce_only=claim, leg="flatten" if orders else "target")
        assert controls.review(intent, book) is intent


@given(held, st.floats(1.001, 3.0), st.sampled_from(["latch", "safe_mode", "disabled"]))
def test_an_order_that_turns_a_position_round_is_new_risk(kit, position, beyond, why):
    book = kit.book(equity=1e12, cash=1e12, positions={"A": position}, **{why: "shut"})
    assert isinstance(kit.Controls().review(kit.intent(-position * beyond), book), Denied)


@given(steps, st.dictionaries(symbols, st.floats(0.2, 5.0)))
def test_when_prices_move_only_exits_pass_until_the_limits_hold_again(kit, moves, moved):
    venue = Venue(kit)
    for number, (what, first, second) in enumerate(moves):
        venue.step(what, first, second, number)
    prices = {name: (price * moved.get(name, 1.0), NOW) for name, price in PRICES.items()}
    book = evolve(venue.book(), prices={name: kit.Price(*each) for name, each in prices.items()})
    for number, name in enumerate(PRICES):
        for quantity in (-3.0, 3.0):
            intent = kit.intent(
                quantity, name, reference=prices[name][0], attempt=900 + number, bar=NOW + 900, target=9.0
            )
            verdict = venue.controls.review(intent, book)
            if verdict is intent and not book.reduces(intent):
                after = book.after(intent).exposure
                assert after.sums["unfilled"].gross <= 1.5 * book.equity * ROOM
                at = after.symbols[name]
                assert abs(at.high if quantity > 0 else at.low) * at.price <= 0.4 * book.equity * ROOM


def knight(kit, venue, parents, child):
    """A router that carries out each parent again and again, since it never sees that it is filled."""
    sent = [0] * parents
    for loop in range(400):
        for parent in range(parents):
            verdict = venue.ask(child(parent, loop))
            sent[parent] += not isinstance(verdict, Denied)
            while venue.orders:
                venue.fill(0, 1.0)
        venue.now += 50_000_000
    return sent


@pytest.mark.parametrize("same_bar", [True, False])
@pytest.mark.parametrize("churn", [True, False])
def test_knight_replay_a_loop_is_stopped_after_its_repeats_and_stays_stopped(kit, same_bar, churn):
    controls = kit.Controls(repeats=kit.Repeats(repeats=10))
    venue = Venue(kit, cash=1e9, controls=controls)
    names = ["A", "B", "C"]

    def child(parent, loop):
        # Sizes differ a little, so that the duplicate control is not what stops it.
        side = -1.0 if churn and loop % 2 else 1.0
        size = side * (1.0 + loop / 1000) if side > 0 else -1.0
        bar = NOW + (0 if same_bar else loop)
        return kit.intent(size, names[parent], attempt=loop, bar=bar, target=0.1, reference=PRICES[names[parent]])

    sent = knight(kit, venue, 3, child)
    entries = [r for r in venue.recent if r.intent.quantity > 0]
    assert max(sum(r.intent.symbol == name for r in entries) for name in names) <= 11
    assert venue.disabled.startswith("repeat 1")
    assert sum(sent) <= 3 * 11 * 2
    fresh = kit.intent(1.0, "C", attempt=999, bar=NOW + 10**12, target=0.7, reference=PRICES["C"])
    assert venue.ask(fresh).control == "repeats"
    out = kit.intent(-venue.positions["A"], "A", attempt=1000, leg="flatten")
    assert venue.ask(out) is out

    venue.disabled, venue.reenabled = "", kit.Reenabled("Ada Byron", "the router is mended", venue.now)
    venue.now += 10 * SECOND
    assert venue.ask(fresh) is fresh


def test_a_loop_of_equal_orders_waits_out_the_duplicate_window_and_is_stopped_too(kit):
    venue = Venue(kit, cash=1e9, controls=kit.Controls())
    for loop in range(20_000):
        venue.ask(kit.intent(1.0, attempt=loop, bar=NOW + loop, target=0.1))
        while venue.orders:
            venue.fill(0, 1.0)
        venue.now += 10_000_000
    assert venue.disabled
    assert len(venue.recent) == 11


@pytest.mark.parametrize(("person", "reason"), [("", "mended"), ("  ", "mended"), ("Ada", ""), ("Ada", "\t")])
def test_repeats_are_re_enabled_by_a_person_with_a_reason_only(kit, person, reason):
    with pytest.raises(darwin_core.ConfigError, match="named person"):
        kit.Reenabled(person, reason, NOW)


def test_nothing_but_the_controls_makes_an_approved_order():
    core = Path(darwin_core.__file__).parent
    files = [
        path
        for root in (core, *(core.parent / f for f in ("plugins", "brokers", "strategies")))
        for path in root.rglob("*.py")
    ]
    makers = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
            if (
                named
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Approved"
                and "tests" not in path.parts
            ):
                makers.add(path.relative_to(core.parent).as_posix())
    suites = {"darwin_core/testing/broker_base.py"}  # what a broker's author is tested with
    assert makers - suites == {"darwin_core/live/controls/review.py", "darwin_core/live/controls/emergency.py"}
