"""The ledger kernel: one compiled account that a backtest scans and a paper broker steps.

Everything that moves money is here, once. `open_bar` fills the orders that wait, keeps the resting exits and values
the account; `close_bar` turns targets into orders. State is two float64 arrays, stored and restored as bytes.

Targets and orders
    A target is a signed share of equity. Limits cut it: to the largest weight of one symbol, to nothing where it is
    short and may not be, and all targets in proportion when together they exceed the gross limit. An order is made
    when the target so cut changes, when a candidate comes after an exit, or when the position has drifted out of its
    band. It is sized at the close at which it is decided, and filled as `FILLS` says.
Fills
    Orders that only reduce come first, then those that turn a position round, then those that open or add, each in
    the order of the symbols. What closes always fills. What opens is cut to what the gross limit allows at that
    moment, costs included: while it is at most 1, nothing is borrowed. Limits hold for orders: a position that grows
    beyond them by its price alone is not sold.
Exits
    Stops and take-profits rest at the venue where bars have a range: a gap fills at the open, and when a bar touches
    both, the stop counts. On close-only panels they are looked at on each close and fill like any order, as the
    horizon does everywhere. They come with the fill that opens or adds. An exit uses up the proposal: the symbol
    stays flat until its target changes or a new candidate comes; an order that turns the position round still opens
    the other side.
Missing bars
    A symbol without a bar is not traded and keeps its last close as its value; its order waits for the next bar.
    What could not be ordered is asked again at the next bar, as is what a monitor has not allowed.
Drawdown
    At the largest drawdown from the highest close all positions are closed, and nothing is opened ever again.
Outside
    With a venue outside (a live run), nothing is filled here: `book_fill` books what the venue reports before the bar
    is opened, and `let_go` forgets an order that came to an end there. Everything else is the same machine code.
"""

# ruff: noqa: PLR0917 - compiled functions take their arguments one by one

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darwin_core.compiled import inlined, inner, pasted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.config import Execution, Exits
    from darwin_core.types import Floats, Limits

FILLS = {"next_open": 0.0, "next_close": 1.0, "same_close": 2.0}
NEXT_OPEN, NEXT_CLOSE, SAME_CLOSE = 0.0, 1.0, 2.0
REASONS = ("target", "stop", "take_profit", "horizon", "drawdown")
# Typed numbers: for plain ones numba compiles what they are passed to once for each.
BY_TARGET, BY_STOP, BY_TAKE, BY_HORIZON, BY_DRAWDOWN = np.arange(5)
NO_EXIT = np.int64(-1)
CURVE = ("equity", "cash", "gross", "net")

ORDERS_A_BAR = FILLS_A_BAR = 2  # at most, for each symbol: one before the close and one on it

_SAME_WEIGHT = 1e-12  # weights this close are the same: the sum of all targets may come out a rounding apart
_ALL = 1.0 - 1e-12  # the share of what is allowed that a cut order takes, so that rounding cannot borrow
_DUST = 1e-9  # an order that is cut to less than this share of itself is not filled at all


def _record(names: str) -> np.dtype[np.void]:
    """Return the dtype in which compiled code sees a stretch of float64: by names instead of numbers."""
    return np.dtype([(name, "f8") for name in names.split()])


BOOK_DTYPE = _record(
    "cash equity peak gross net halted open waiting orders n_orders n_fills n_decisions fees traded cost "
    "unsettled scale rescaled"
)
"""The account. `open` positions, `waiting` orders and `unsettled` targets are counted; `orders` counts all orders
ever, `n_...` the rows in the buffers; `scale` brings the targets together within the gross limit."""
CASH, EQUITY, PEAK, GROSS, NET, HALTED, OPEN, WAITING, ORDERS, N_ORDERS, N_FILLS, N_DECISIONS, FEES, TRADED, COST = range(15)  # fmt: skip  # noqa: E501

SLOT_DTYPE = _record("position last order target asked weight said proposed")
"""One symbol, what is looked at on every bar: eight numbers, a line of the cache. `last` close; `order` is the
quantity that waits for a fill; `target` is that of the bar, `asked` the one last ordered (NaN: still to be ordered)
and `weight` the same after limits; `said` and `proposed` are what the decision log last held."""

TERMS_DTYPE = _record("entry age stop take order_id order_reason order_stop order_take queue")
"""One symbol, the rest: entry price, age and exits of its position; number, reason and exits of its order."""
_HOT, SLOT = SLOT_DTYPE.itemsize // 8, (SLOT_DTYPE.itemsize + TERMS_DTYPE.itemsize) // 8

RULES_DTYPE = _record(
    "fill fee fee_unit fee_order slip lot min_order band low high max_gross max_drawdown stop take "
    "horizon has_range stops outside"
)
"""The rules of a run; a target lies between `low` and `high`; `outside` says that a venue does the filling."""
FILL, FEE, FEE_UNIT, FEE_ORDER, SLIP, LOT, MIN_ORDER, BAND, LOW, HIGH, MAX_GROSS, MAX_DRAWDOWN, R_STOP, R_TAKE, HORIZON, RANGE, STOPS, OUTSIDE = range(18)  # fmt: skip  # noqa: E501

_WHAT = [("bar", "i8"), ("symbol", "i8"), ("quantity", "f8"), ("price", "f8"), ("reason", "i8")]
ORDER_DTYPE = np.dtype([*_WHAT[:4], ("target", "f8"), _WHAT[4]])
FILL_DTYPE = np.dtype([*_WHAT[:2], ("order", "i8"), *_WHAT[2:4], ("fee", "f8"), _WHAT[4]])


def new_book(cash: float) -> Floats:
    """Return an account that holds `cash` and nothing else, float64 in the order of BOOK_DTYPE."""
    book = np.zeros((), BOOK_DTYPE)
    book["cash"] = book["equity"] = book["peak"] = cash
    book["scale"] = 1.0
    return book.reshape(1).view(np.float64)


def new_slots(n_symbols: int) -> Floats:
    """Return the state of symbols without positions, orders or targets, (SLOT * S,) float64."""
    return np.zeros(SLOT * n_symbols)


def split(slots: Floats) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return the state of the symbols as (S,) records of SLOT_DTYPE and of TERMS_DTYPE, in the same memory."""
    first = len(slots) // SLOT * _HOT
    return slots[:first].view(SLOT_DTYPE), slots[first:].view(TERMS_DTYPE)


def rules(
    execution: Execution, exits: Exits, limits: Limits, *, has_range: bool, own_stops: bool, outside: bool = False
) -> Floats:
    """Return the kernel's rules, float64 in the order of RULES_DTYPE.

    `has_range` says that bars have open, high and low; `own_stops` that proposals bring their own exits; `outside`
    that a venue fills the orders.
    """
    values = np.zeros((), RULES_DTYPE)
    values["fill"] = FILLS[execution.fill]
    values["fee"], values["fee_unit"] = execution.fee, execution.fee_per_unit
    values["fee_order"], values["slip"] = execution.fee_per_order, execution.slippage + execution.spread / 2
    values["lot"], values["min_order"], values["band"] = execution.lot, execution.min_order, execution.band
    values["low"], values["high"] = -limits.max_weight if limits.allow_short else 0.0, limits.max_weight
    values["max_gross"], values["max_drawdown"] = limits.max_gross, limits.max_drawdown
    values["stop"], values["take"], values["horizon"] = exits.stop, exits.take_profit, exits.horizon
    values["has_range"], values["stops"] = has_range, own_stops or exits.stop > 0.0 or exits.take_profit > 0.0
    values["outside"] = outside
    return values.reshape(1).view(np.float64)


@inner
def _value(price, closing, book, slot):
    """Value a symbol at a price, and let go of the quantity that closes: what is left is room for what opens."""
    held = slot.position
    book.equity += held * (price - slot.last)
    book.gross += abs(held) * (price - slot.last) - closing * price
    slot.last = price


@inner
def _settle(bar, s, sign, closing, done, paid, fee, cost, order, reason, book, slot, term, fills):
    """Book a fill of `done`, of which `closing` closes, at the price `paid`; `cost` is all that it loses."""
    held = slot.position
    opening = done - closing
    book.cash -= sign * done * paid + fee
    book.equity -= cost
    book.gross += opening * slot.last
    book.fees += fee
    book.cost += cost
    book.traded += done * paid
    kept = held + sign * closing
    now = kept + sign * opening
    book.open += (now != 0.0) - (held != 0.0)
    slot.position = now
    if opening > 0.0:
        term.entry = paid if kept == 0.0 else (abs(kept) * term.entry + opening * paid) / abs(now)
        term.age = 0.0 if kept == 0.0 else term.age
        term.stop, term.take = term.order_stop, term.order_take
    row = fills[int(book.n_fills)]
    row.bar, row.symbol, row.order, row.reason = bar, s, order, reason
    row.quantity, row.price, row.fee = sign * done, paid, fee
    book.n_fills += 1


@inner
def _fill(bar, s, quantity, price, slip, order, reason, rules, book, slot, term, fills):
    """Fill `quantity` of symbol `s` at `price`: all of what closes, as much of what opens as is allowed."""
    held = slot.position
    sign = 1.0 if quantity > 0.0 else -1.0
    slipped = price * slip
    paid = price + sign * slipped
    fee = paid * rules.fee + rules.fee_unit
    closing = min(abs(quantity), abs(held)) if quantity * held < 0.0 else 0.0
    opening = abs(quantity) - closing
    _value(price, closing, book, slot)
    if opening > 0.0:
        # What opens is what keeps gross exposure within its share of the equity that is left after costs.
        most, costs = rules.max_gross, slipped + fee
        left = book.equity - closing * costs - rules.fee_order
        room = _ALL * (most * left - book.gross) / (price + most * costs)
        if opening > room:
            opening = room if room > _DUST * opening else 0.0
            if rules.lot > 0.0:
                opening = np.floor(opening / rules.lot) * rules.lot
    done = closing + opening
    if done == 0.0:
        return
    fee = done * fee + rules.fee_order
    cost = done * slipped + fee
    _settle(bar, s, sign, closing, done, paid, fee, cost, order, reason, book, slot, term, fills)


@inner
def _used_up(held, book, slot):
    """Take the proposal as used up by an exit from `held`."""
    slot.asked = slot.target
    if slot.order != 0.0:  # one that waits for the close: only what it opens on the other side stands
        opens_other = slot.order * held < 0.0 and abs(slot.order) > abs(held)
        slot.order = slot.order + held if opens_other else 0.0
        book.waiting -= 0 if opens_other else 1


@inner
def book_fill(bar, s, quantity, price, fee, order, reason, book, slot, term, fills):
    """Book what a venue has filled; the order that waits for it waits for so much less."""
    held = slot.position
    sign = 1.0 if quantity > 0.0 else -1.0
    closing = min(abs(quantity), abs(held)) if quantity * held < 0.0 else 0.0
    _value(price, closing, book, slot)
    _settle(bar, s, sign, closing, abs(quantity), price, fee, fee, order, reason, book, slot, term, fills)
    if order < 0:  # an exit that rests at the venue, or somebody else's order
        if slot.position == 0.0 and (reason == BY_STOP or reason == BY_TAKE):
            _used_up(held, book, slot)
    elif slot.order != 0.0 and order == term.order_id:
        left = slot.order - quantity
        slot.order = left if left * slot.order > 0.0 else 0.0
        book.waiting -= slot.order == 0.0


@inner
def let_go(again, book, slot):
    """Forget the order of a symbol that has come to its end at the venue; `again` asks for its target once more."""
    book.waiting -= slot.order != 0.0
    slot.order = 0.0
    if again:
        slot.asked = np.nan
        book.unsettled += 1


@inner
def _order(bar, s, quantity, price, target, reason, book, orders):
    """Write an order down; return its number."""
    row = orders[int(book.n_orders)]
    row.bar, row.symbol, row.reason = bar, s, reason
    row.quantity, row.price, row.target = quantity, price, target
    book.n_orders += 1
    book.orders += 1
    return int(book.orders) - 1


@inner
def _place(bar, s, quantity, price, target, reason, book, slot, term, orders):
    """Let an order wait, in place of one that waits already; a quantity of 0 is none."""
    book.waiting += (quantity != 0.0) - (slot.order != 0.0)
    slot.order = quantity
    term.order_reason = reason
    if quantity != 0.0:
        term.order_id = _order(bar, s, quantity, price, target, reason, book, orders)


@inner
def _fill_waiting(t, bar, prices, rules, book, slots, terms, fills):
    """Fill the waiting orders that have a price in row `t`: what reduces, what turns round, what opens or adds."""
    n = 0
    for s in range(len(slots)):
        if slots[s].order != 0.0:
            terms[n].queue = s
            n += 1
    for stage in range(3):
        for i in range(n):
            s = int(terms[i].queue)
            slot, term = slots[s], terms[s]
            quantity = slot.order
            turns = 1 if abs(quantity) > abs(slot.position) else 0
            due = 2 if quantity * slot.position >= 0.0 else turns
            price = prices[t, s]
            if due == stage and quantity != 0.0 and price == price:  # not NaN: there is a bar
                slot.order = 0.0
                book.waiting -= 1
                order, reason = int(term.order_id), int(term.order_reason)
                _fill(bar, s, quantity, price, rules.slip, order, reason, rules, book, slot, term, fills)
        if book.waiting == 0.0:
            return


@inner
def _touched(side, first, high, low, term):
    """Return the reason and the price of the resting exit that a bar touches; or NO_EXIT."""
    worst, best = (low, high) if side > 0.0 else (high, low)
    stop = term.entry * (1.0 - side * term.stop)
    take = term.entry * (1.0 + side * term.take)
    takes = term.take > 0.0 and (best - take) * side >= 0.0
    if takes and (first - take) * side >= 0.0:
        return BY_TAKE, first
    if term.stop > 0.0 and (worst - stop) * side <= 0.0:
        return BY_STOP, first if (first - stop) * side < 0.0 else stop
    if takes:
        return BY_TAKE, take
    return NO_EXIT, 0.0


@inner
def _resting_exits(t, bar, opens, highs, lows, rules, book, slots, terms, orders, fills):
    """Fill the stops and take-profits that bar `t` touches."""
    for s in range(len(slots)):
        slot, term = slots[s], terms[s]
        held = slot.position
        if held == 0.0 or (term.stop == 0.0 and term.take == 0.0):
            continue
        reason, price = _touched(1.0 if held > 0.0 else -1.0, opens[t, s], highs[t, s], lows[t, s], term)
        if reason == NO_EXIT:
            continue
        slip = rules.slip if reason == BY_STOP else 0.0  # a take-profit is a limit order
        order = _order(bar, s, -held, price, 0.0, reason, book, orders)
        _fill(bar, s, -held, price, slip, order, reason, rules, book, slot, term, fills)
        _used_up(held, book, slot)


@inlined
def _mark(t, closes, age, book, slots, terms):
    """Value the account at the closes of row `t`; positions age by `age`: 1 once a bar, 0 on a second look."""
    gross = net = 0.0
    for s in range(len(slots)):
        slot = slots[s]
        if slot.position != 0.0:
            price = closes[t, s]
            if price == price:
                slot.last = price
                terms[s].age += age
            value = slot.position * slot.last
            net += value
            gross += abs(value)
    book.net, book.gross = net, gross
    book.equity = book.cash + net
    book.peak = max(book.peak, book.equity)


@pasted
def open_bar(t, bar, opens, highs, lows, closes, rests, rules, book, slots, terms, orders, fills):
    """Bring the account through bar `t` up to its close; `rests` says that there may be exits at the venue."""
    fills_before = book.n_fills
    if rules.outside == 0.0:
        if book.waiting > 0.0 and rules.fill == NEXT_OPEN:
            _fill_waiting(t, bar, opens, rules, book, slots, terms, fills)
        if rests and book.open > 0.0:
            _resting_exits(t, bar, opens, highs, lows, rules, book, slots, terms, orders, fills)
        if book.waiting > 0.0 and rules.fill != NEXT_OPEN:
            _fill_waiting(t, bar, closes, rules, book, slots, terms, fills)
    if book.open > 0.0 or book.n_fills != fills_before or rules.outside != 0.0:
        _mark(t, closes, 1.0, book, slots, terms)


@inner
def _close_exits(t, bar, closes, rules, book, slots, terms, orders):
    """Order the exits that are looked at on the close: the horizon, and on close-only panels all of them."""
    for s in range(len(slots)):
        slot, term = slots[s], terms[s]
        held = slot.position
        price = closes[t, s]
        if held == 0.0 or price != price:
            continue
        reason = NO_EXIT
        if rules.has_range == 0.0:
            reason, _ = _touched(1.0 if held > 0.0 else -1.0, price, price, price, term)
        if reason == NO_EXIT and rules.horizon > 0.0 and term.age >= rules.horizon:
            reason = BY_HORIZON
        if reason != NO_EXIT:
            _place(bar, s, -held, price, 0.0, reason, book, slot, term, orders)


@inner
def _halt(bar, book, slots, terms, orders):
    """Stop trading for good and order every position closed."""
    book.halted = 1
    for s in range(len(slots)):
        slot, term = slots[s], terms[s]
        _place(bar, s, -slot.position, slot.last, 0.0, BY_DRAWDOWN, book, slot, term, orders)


@pasted
def limited(target, rules):
    """Return a target cut to what one symbol may have."""
    return min(max(target, rules.low), rules.high)


@pasted
def rescale(gross, rules, book):
    """Find the factor that brings targets of this gross exposure together within the limit."""
    scale = 1.0 if gross <= rules.max_gross * (1.0 + _SAME_WEIGHT) else rules.max_gross / gross
    if scale != book.scale:
        book.scale = scale
        book.rescaled = 1


@inner
def _goal(weight, price, may_add, rules, book, held):
    """Return the position that a target weight means, and whether adding to what is held was refused."""
    goal = weight * book.equity / price
    if rules.lot > 0.0:
        goal = np.trunc(goal / rules.lot * (1.0 + _SAME_WEIGHT)) * rules.lot
    turns = goal * held < 0.0
    refused = not may_add and (turns or abs(goal) > abs(held))
    if refused:
        goal = 0.0 if turns else held
    return goal, refused


@inner
def _order_targets(t, bar, closes, candidate, may_add, stop, take, rules, book, slots, terms, orders):
    """Order the difference between targets and positions, within the limits."""
    looks = rules.band > 0.0 or book.rescaled != 0.0 or book.unsettled > 0.0
    book.rescaled = 0
    book.unsettled = 0
    for s in range(len(slots)):
        slot, term = slots[s], terms[s]
        target, held = slot.target, slot.position
        fresh = candidate[t, s] and held == 0.0 and target != 0.0 and slot.order == 0.0  # after an exit
        asks = fresh or target != slot.asked
        if not asks and (not looks or (held == 0.0 and slot.order == 0.0)):
            continue
        weight = limited(target, rules) * book.scale
        wants = asks or abs(weight - slot.weight) > _SAME_WEIGHT
        price = closes[t, s]
        if price != price:
            book.unsettled += wants
            slot.asked = np.nan if fresh else slot.asked
            continue
        drifted = rules.band > 0.0 and abs(held * price / book.equity - weight) > rules.band
        if not asks and (held == 0.0 or not (wants or drifted)):
            continue
        slot.asked, slot.weight = target, weight
        if slot.order != 0.0 and term.order_reason != BY_TARGET and weight * held >= 0.0:
            continue  # an exit of this bar goes first, and uses the proposal up
        goal, refused = _goal(weight, price, may_add, rules, book, held)
        if refused and wants:
            slot.asked = np.nan
            book.unsettled += 1
        quantity = goal - held
        if goal != 0.0 and abs(quantity) * price < rules.min_order:
            quantity = 0.0
        term.order_stop = stop[t, s] if len(stop) > 0 else rules.stop
        term.order_take = take[t, s] if len(take) > 0 else rules.take
        _place(bar, s, quantity, price, weight if goal != 0.0 else 0.0, BY_TARGET, book, slot, term, orders)


@pasted
def close_bar(t, bar, closes, candidate, may_add, stop, take, looks, news, rules, book, slots, terms, orders, fills):
    """Turn the targets of bar `t` into orders; `looks` says that exits may be due, `news` that targets may be new."""
    if book.halted != 0.0:
        return
    if book.equity <= book.peak * (1.0 - rules.max_drawdown):
        _halt(bar, book, slots, terms, orders)
    else:
        if looks and book.open > 0.0:
            _close_exits(t, bar, closes, rules, book, slots, terms, orders)
        if news or book.unsettled > 0.0 or rules.band > 0.0:
            _order_targets(t, bar, closes, candidate, may_add, stop, take, rules, book, slots, terms, orders)
    if book.waiting > 0.0 and rules.fill == SAME_CLOSE and rules.outside == 0.0:
        _fill_waiting(t, bar, closes, rules, book, slots, terms, fills)
        _mark(t, closes, 0.0, book, slots, terms)
