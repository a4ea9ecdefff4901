"""What holds of the controls together; each function returns True of a kit."""

from __future__ import annotations

from math import inf, nan

SECOND = 1_000_000_000
WHOLE = []
"""(name, a function of the kit that returns what must be True)."""


def whole(function):
    WHOLE.append((function.__name__, function))
    return function


@whole
def a_value_keeps_its_limit_up_to_rounding(k):
    within, room = k.modules["exposure"].within, 1.0 + k.modules["exposure"].SLACK
    return (
        within(room, 1.0)
        and not within(1.0 + 2e-9, 1.0)
        and within(-1.0, -1.0)
        and not within(nan, 1.0)
        and not within(1.0, nan)
    )


@whole
def nothing_is_no_buy(k):
    buys = k.modules["facts"].buys
    return buys(1e-12) and not buys(0.0) and not buys(-1.0) and not buys(nan)


@whole
def an_open_order_of_unknown_size_stops_new_risk(k):
    book = k.book(orders=(k.order(nan, "B"),), positions={"B": 1.0})
    return k.Gross().review(k.intent(), book) is not None


@whole
def controls_that_only_bound_risk_are_not_asked_about_exits(k):
    asked = [each.name for each in k.Controls().all if not each.bounds_risk]
    return asked == ["order", "client_id", "reduce_only", "rate", "price", "self_match"]


@whole
def an_exit_passes_what_stops_an_entry(k):
    book = k.book(
        positions={"A": 10.0}, latch="shut", safe_mode="on", prices={}, session=None, equity=nan, disabled="x"
    )
    out, back, round_ = k.intent(-10.0), k.intent(5.0), k.intent(-10.1)
    review = k.Controls().review
    return review(out, book) is out and review(back, book) is not back and review(round_, book) is not round_


@whole
def a_control_that_is_off_is_not_asked(k):
    big = k.intent(30.0)
    capped = k.Controls().review(big, k.book())
    wide = k.Controls(symbol_cap=k.SymbolCap(on=False), order_value=k.OrderValue(on=False))
    return capped is not big and wide.review(big, k.book()) is big


@whole
def the_first_that_refuses_decides(k):
    verdict = k.Controls().review(k.intent(nan), k.book(latch="shut"))
    return verdict.control == "order"


@whole
def a_control_that_fails_refuses(k):
    verdict = k.Controls().review(k.intent(), k.book(prices={"A": 100.0}, equity="much"))
    return "failed" in verdict.reason and verdict.control == "order_value"


@whole
def an_approved_order_counts_for_the_next(k):
    verdicts, book = k.Controls().review_all(
        [k.intent(6.0), k.intent(5.0, attempt=2), k.intent(4.0, attempt=3)], k.book()
    )
    controls = [getattr(each, "control", "") for each in verdicts]
    return controls == ["", "symbol_cap", ""] and [r.intent.quantity for r in book.added] == [6.0, 4.0]


@whole
def a_refusal_by_repeats_stops_every_symbol_and_keeps_the_first_reason(k):
    controls = k.Controls(repeats=k.Repeats(repeats=0))
    book = k.book(recent=(k.sent(10), k.sent(10, symbol="B")))
    three = [k.intent(2.0), k.intent(symbol="C"), k.intent(symbol="B", attempt=2)]
    verdicts, after = controls.review_all(three, book)
    named = [each.control for each in verdicts] == ["repeats"] * 3
    return named and after.disabled == verdicts[0].reason and not book.disabled


@whole
def a_refusal_by_another_stops_nothing(k):
    _, after = k.Controls().review_all([k.intent(30.0)], k.book())
    return after.disabled == "" and after.added == ()


@whole
def the_book_does_not_mistake_one_intent_for_another(k):
    book = k.book()
    first, second = k.intent(5.0), k.intent(7.0)
    return (book.plus(first).sums["unfilled"].gross, book.plus(second).sums["unfilled"].gross) == (500.0, 700.0)


@whole
def a_book_that_went_on_forgets_what_the_last_one_was_asked(k):
    book, intent = k.book(), k.intent(5.0)
    book.plus(intent)
    return book.after(intent).plus(intent).sums["unfilled"].gross == 1_000.0


@whole
def a_price_that_cannot_be_one_is_none(k):
    usable, price = k.modules["exposure"].usable, k.Price
    bad = all(usable(price(each, 0)) != usable(price(each, 0)) for each in (0.0, -1.0, inf, nan))
    return bad and usable(None) != usable(None) and usable(price(1e-9, 0)) == 1e-9


@whole
def a_reason_names_the_symbols_without_a_price(k):
    facts = {"positions": {"Y": 1.0, "Z": -1.0, "W": 0.0, "A": 1.0}, "prices": {"A": 100.0}}
    reason = k.Gross().review(k.intent(), k.book(orders=(k.order(1.0, "V"), k.order(-1.0, "U")), **facts))
    return "(no price: Y, Z, V, U)" in reason or reason


@whole
def a_share_of_no_equity_is_not_computed(k):
    return "no share of equity" in k.Gross().review(k.intent(), k.book(equity=0.0))


@whole
def reasons_say_what_is_wrong(k):
    net = k.Net().review
    priced, none = {"prices": {"A": -1.0}}, {"prices": {}}
    return (
        "long" in net(k.intent(151.0), k.book())
        and "short" in net(k.intent(-151.0), k.book())
        and "no price" in k.StalePrice().review(k.intent(), k.book(**none))
        and "-1.0" in k.StalePrice().review(k.intent(), k.book(**priced))
        and "unknown price" in k.Collar().review(k.intent(), k.book(**none))
    )


@whole
def the_reach_covers_every_window(k):
    day = 86_400 * SECOND
    longer = k.Controls(price_period=k.PeriodCollar(period_s=100_000.0))
    return k.Controls().reach == day and longer.reach == 100_000 * SECOND


@whole
def totals_follow_a_symbol_that_is_ordered_again_and_again(k):
    book = k.book(positions={"A": 9.0, "B": -5.0})
    for number, size in enumerate((2.0, -3.0, 1.0, -4.0)):
        book = book.after(k.intent(size, attempt=number))
    sums = {way: book.exposure.sums[way] for way in ("unfilled", "filled")}
    unfilled = (sums["unfilled"].gross, sums["unfilled"].high, sums["unfilled"].low, sums["unfilled"].cost)
    filled = (sums["filled"].gross, sums["filled"].high, sums["filled"].low, sums["filled"].leaving)
    return unfilled == (1_700.0, 700.0, -300.0, 300.0) and filled == (1_000.0, 0.0, -300.0, 700.0)


@whole
def orders_approved_one_after_the_other_count_for_the_rate(k):
    controls = k.Controls(rate=k.Rate(per_second=2))
    three = [k.intent(symbol=name) for name in ("A", "B", "C")]
    verdicts, book = controls.review_all(three, k.book())
    named = [getattr(each, "control", "") for each in verdicts] == ["", "", "rate"]
    return named and book.exposure.sent_since(book.now - 1) == 2


@whole
def the_defaults_are_those_of_the_documents(k):
    c = k.Controls()
    rate = (c.rate.per_second, c.rate.per_minute, c.rate.per_day, c.rate.exits) == (100, 1_000, 10_000, 5)
    size = (c.order_quantity.quantity, c.order_value.value, c.order_value.share) == (100_000.0, 1_000_000.0, 0.2)
    held = (c.symbol_cap.share, c.gross.leverage, c.net.share, c.cash.borrow, c.cash.buffer) == (
        0.1,
        1.5,
        1.5,
        0.5,
        0.01,
    )
    price = (c.price.share, c.price_period.share, c.price_period.period_s, c.self_match.reach) == (
        0.05,
        0.1,
        300.0,
        0.02,
    )
    pace = (c.repeats.repeats, c.repeats.window_s, c.duplicate.window_s) == (10, 60.0, 5.0)
    gates = (c.session.ahead_h, c.stale_price.max_age_s, c.stale_price.ahead_s) == (96.0, 60.0, 1.0)
    return rate and size and held and price and pace and gates


@whole
def reasons_name_the_value(k):
    book = k.book(recent=(k.sent(2, reference=50.0),), positions={"A": 4.0})
    fast = k.Rate(per_second=1, per_minute=1).review(k.intent(), book)
    return (
        "1 A was sent 2 s ago" in k.Duplicate().review(k.intent(), book)
        and "1 from 50 2 s ago" in k.PeriodCollar().review(k.intent(), book)
        and "A may come to 1,200.00, 0.12 of equity 10,000.00" in k.SymbolCap().review(k.intent(8.0), book)
        and fast.startswith("order 2 in 60 s, the limit is 1 ")
        and "limit is 2 "
        in k.Rate(per_minute=1, exits=2).review(k.intent(-1.0), k.book(positions={"A": 4.0}, recent=book.recent * 2))
    )
