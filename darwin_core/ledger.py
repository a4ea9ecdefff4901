"""The ledger kernel: one compiled account that a backtest scans and a paper broker steps.

Everything that moves money is here, once. `open_bar` fills the orders that wait and keeps the resting exits,
`close_bar` turns targets into orders. State is two float64 arrays, so it can be stored and restored as bytes.

Conventions
-----------
- A target is a signed share of equity. An order is made when the target changes (or the position has drifted
  further than `BAND`), sized at the close at which it is decided, and filled as `FILL` says.
- Sales come before purchases, each in the order of the symbols; a purchase is cut to what cash and the
  gross limit allow. Nothing is borrowed while the gross limit is at most 1.
- Stops and targets of bars with a range rest at the venue: a gap fills at the open, and when one bar touches
  both the stop counts. On close-only panels they are looked at on each close, and fill like any order.
- A symbol without a bar cannot be traded and keeps its last close as its value; its order waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from darwin_core.compiled import inner, small

if TYPE_CHECKING:
    from darwin_core.config import Execution, Exits
    from darwin_core.types import Floats, Limits

# The account, (BOOK,) float64.
CASH, EQUITY, PEAK, GROSS, NET, HALTED, OPEN, WAITING, ORDERS, N_ORDERS, N_FILLS, N_DECISIONS, FEES, TRADED, COST, UNSETTLED = range(16)
BOOK = 16
# One symbol, (SLOT, S) float64. SAID and PROPOSED are what the decision log last held.
POSITION, LAST, ENTRY, AGE, WANTED, SAID, PROPOSED, ORDER, ORDER_ID, REASON, STOP, TAKE = range(12)
SLOT = 12
# The rules, (RULES,) float64.
FILL, FEE, FEE_UNIT, FEE_ORDER, SLIP, LOT, MIN_ORDER, BAND, MAX_WEIGHT, MAX_GROSS, MAX_DRAWDOWN, SHORT, R_STOP, R_TAKE, HORIZON, RANGE, STOPS = range(17)  # fmt: skip
RULES = 17

NEXT_OPEN, NEXT_CLOSE, SAME_CLOSE = 0.0, 1.0, 2.0
FILLS = {"next_open": NEXT_OPEN, "next_close": NEXT_CLOSE, "same_close": SAME_CLOSE}
REASONS = ("target", "stop", "take_profit", "horizon", "drawdown")
BY_TARGET, BY_STOP, BY_TAKE, BY_HORIZON, BY_DRAWDOWN = range(5)

CURVE = ("equity", "cash", "gross", "net")

ORDER_DTYPE = np.dtype(
    [("bar", "<i8"), ("symbol", "<i8"), ("quantity", "<f8"), ("price", "<f8"), ("target", "<f8"), ("reason", "<i8")]
)
FILL_DTYPE = np.dtype(
    [("bar", "<i8"), ("symbol", "<i8"), ("order", "<i8"), ("quantity", "<f8"), ("price", "<f8"), ("fee", "<f8"), ("reason", "<i8")]
)  # fmt: skip


def new_book(cash: float) -> Floats:
    """Return an account that holds `cash` and nothing else."""
    book = np.zeros(BOOK)
    book[CASH] = book[EQUITY] = book[PEAK] = cash
    return book


def new_slots(n_symbols: int) -> Floats:
    """Return the state of symbols without positions, orders or targets."""
    return np.zeros((SLOT, n_symbols))


def rules(execution: Execution, exits: Exits, limits: Limits, *, has_range: bool, own_stops: bool) -> Floats:
    """Return the kernel's rules.

    `has_range` says that bars have open, high and low; `own_stops` that proposals bring their own exits.
    """
    values = np.zeros(RULES)
    values[FILL] = FILLS[execution.fill]
    values[FEE], values[FEE_UNIT], values[FEE_ORDER] = execution.fee, execution.fee_per_unit, execution.fee_per_order
    values[SLIP] = execution.slippage + execution.spread / 2
    values[LOT], values[MIN_ORDER], values[BAND] = execution.lot, execution.min_order, execution.band
    values[MAX_WEIGHT], values[MAX_GROSS] = limits.max_weight, limits.max_gross
    values[MAX_DRAWDOWN], values[SHORT] = limits.max_drawdown, limits.allow_short
    values[R_STOP], values[R_TAKE], values[HORIZON] = exits.stop, exits.take_profit, exits.horizon
    values[RANGE] = has_range
    values[STOPS] = own_stops or exits.stop > 0.0 or exits.take_profit > 0.0
    return values


@small
def _room(sign, paid, rules, book):  # type: ignore[no-untyped-def]
    """Return the quantity that may be opened at price `paid`."""
    room = max(0.0, rules[MAX_GROSS] * book[EQUITY] - book[GROSS]) / paid
    if sign > 0:
        credit = max(0.0, rules[MAX_GROSS] - 1.0) * book[EQUITY]
        money = max(0.0, book[CASH] + credit - rules[FEE_ORDER])
        room = min(room, money / (paid * (1.0 + rules[FEE]) + rules[FEE_UNIT]))
    return room


@inner
def execute(bar, s, quantity, price, slip, reason, rules, book, slots, fills):  # type: ignore[no-untyped-def]
    """Fill up to `quantity` of symbol `s` at `price`; what closes a position always fills."""
    held = slots[POSITION, s]
    sign = 1.0 if quantity > 0.0 else -1.0
    paid = price * (1.0 + sign * slip)
    closing = min(abs(quantity), abs(held)) if quantity * held < 0.0 else 0.0
    opening = abs(quantity) - closing
    if closing > 0.0:
        book[CASH] -= sign * closing * paid
        book[GROSS] -= closing * slots[LAST, s]
    if opening > 0.0:
        opening = min(opening, _room(sign, paid, rules, book))
        if rules[LOT] > 0.0:
            opening = np.floor(opening / rules[LOT] + 1e-9) * rules[LOT]
        book[CASH] -= sign * opening * paid
        book[GROSS] += opening * paid
    done = closing + opening
    order = slots[ORDER_ID, s]
    slots[ORDER, s] = 0.0
    if done == 0.0:
        return
    fee = done * (paid * rules[FEE] + rules[FEE_UNIT]) + rules[FEE_ORDER]
    book[CASH] -= fee
    book[EQUITY] -= fee
    book[FEES] += fee
    book[COST] += fee + done * abs(paid - price)
    book[TRADED] += done * paid
    now = held + sign * done
    if abs(done) >= abs(held) and quantity * held < 0.0 and opening == 0.0:
        now = 0.0
    if held == 0.0 or held * now < 0.0:
        slots[ENTRY, s] = paid
        slots[AGE, s] = 0.0
    elif opening > 0.0:
        slots[ENTRY, s] = (abs(held) * slots[ENTRY, s] + opening * paid) / abs(now)
    book[OPEN] += (now != 0.0) - (held != 0.0)
    slots[POSITION, s] = now
    slots[LAST, s] = paid
    row = int(book[N_FILLS])
    fills[row].bar = bar
    fills[row].symbol = s
    fills[row].order = int(order)
    fills[row].quantity = sign * done
    fills[row].price = paid
    fills[row].fee = fee
    fills[row].reason = int(reason)
    book[N_FILLS] += 1


@inner
def place(bar, s, quantity, price, target, reason, book, slots, orders):  # type: ignore[no-untyped-def]
    """Write an order down; it waits for its fill in the symbol's slot and replaces one that waits there."""
    book[WAITING] += (quantity != 0.0) - (slots[ORDER, s] != 0.0)
    slots[ORDER, s] = quantity
    if quantity == 0.0:
        return
    slots[ORDER_ID, s] = book[ORDERS]
    slots[REASON, s] = reason
    row = int(book[N_ORDERS])
    orders[row].bar = bar
    orders[row].symbol = s
    orders[row].quantity = quantity
    orders[row].price = price
    orders[row].target = target
    orders[row].reason = reason
    book[ORDERS] += 1
    book[N_ORDERS] += 1


@inner
def fill_waiting(t, bar, prices, rules, book, slots, fills):  # type: ignore[no-untyped-def]
    """Fill every waiting order that has a price in row `t`: first those that reduce, then the others."""
    for reducing in (True, False):
        for s in range(slots.shape[1]):
            quantity = slots[ORDER, s]
            if quantity == 0.0 or (quantity * slots[POSITION, s] < 0.0) != reducing:
                continue
            price = prices[t, s]
            if price == price:  # not NaN: there is a bar
                execute(bar, s, quantity, price, rules[SLIP], slots[REASON, s], rules, book, slots, fills)
                book[WAITING] -= 1


@inner
def _touch(t, s, opens, highs, lows, slots):  # type: ignore[no-untyped-def]
    """Return (reason, price) of the resting exit that the bar's range touches; reason -1 for none."""
    side = 1.0 if slots[POSITION, s] > 0.0 else -1.0
    worst, best = (lows[t, s], highs[t, s]) if side > 0.0 else (highs[t, s], lows[t, s])
    if slots[STOP, s] > 0.0:
        level = slots[ENTRY, s] * (1.0 - side * slots[STOP, s])
        if (level - worst) * side >= 0.0:
            return BY_STOP, side * min(side * opens[t, s], side * level)
    if slots[TAKE, s] > 0.0:
        level = slots[ENTRY, s] * (1.0 + side * slots[TAKE, s])
        if (best - level) * side >= 0.0:
            return BY_TAKE, side * max(side * opens[t, s], side * level)
    return -1, 0.0


@inner
def resting_exits(t, bar, opens, highs, lows, rules, book, slots, orders, fills):  # type: ignore[no-untyped-def]
    """Fill the stops and take-profits that rest at the venue and that this bar touches."""
    for s in range(slots.shape[1]):
        if slots[POSITION, s] == 0.0 or (slots[STOP, s] == 0.0 and slots[TAKE, s] == 0.0):
            continue
        reason, price = _touch(t, s, opens, highs, lows, slots)
        if reason >= 0:
            place(bar, s, -slots[POSITION, s], price, 0.0, reason, book, slots, orders)
            slip = rules[SLIP] if reason == BY_STOP else 0.0  # a take-profit is a limit order
            execute(bar, s, -slots[POSITION, s], price, slip, reason, rules, book, slots, fills)
            book[WAITING] -= 1


@small
def mark(t, closes, age, book, slots):  # type: ignore[no-untyped-def]
    """Value the account at the closes of row `t`; `age` is 1.0 once a bar, 0.0 for a second look."""
    gross = 0.0
    net = 0.0
    for s in range(slots.shape[1]):
        held = slots[POSITION, s]
        if held != 0.0:
            price = closes[t, s]
            if price == price:
                slots[LAST, s] = price
                slots[AGE, s] += age
            value = held * slots[LAST, s]
            net += value
            gross += abs(value)
    book[NET] = net
    book[GROSS] = gross
    book[EQUITY] = book[CASH] + net
    book[PEAK] = max(book[PEAK], book[EQUITY])


@inner
def close_exits(t, bar, closes, rules, book, slots, orders):  # type: ignore[no-untyped-def]
    """Order the exits that are looked at on the close: the horizon, and on close-only panels all of them."""
    for s in range(slots.shape[1]):
        held = slots[POSITION, s]
        price = closes[t, s]
        if held == 0.0 or not price == price:
            continue
        reason = -1
        if rules[RANGE] == 0.0:
            gain = (price / slots[ENTRY, s] - 1.0) * (1.0 if held > 0.0 else -1.0)
            if slots[STOP, s] > 0.0 and gain <= -slots[STOP, s]:
                reason = BY_STOP
            elif slots[TAKE, s] > 0.0 and gain >= slots[TAKE, s]:
                reason = BY_TAKE
        if reason < 0 and rules[HORIZON] > 0.0 and slots[AGE, s] >= rules[HORIZON]:
            reason = BY_HORIZON
        if reason >= 0:
            place(bar, s, -held, price, 0.0, reason, book, slots, orders)


@inner
def halt(bar, book, slots, orders):  # type: ignore[no-untyped-def]
    """Stop trading for good and order every position closed."""
    book[HALTED] = 1.0
    for s in range(slots.shape[1]):
        place(bar, s, -slots[POSITION, s], slots[LAST, s], 0.0, BY_DRAWDOWN, book, slots, orders)


@small
def _clamp(weight, rules):  # type: ignore[no-untyped-def]
    if weight < 0.0:
        return max(weight, -rules[MAX_WEIGHT]) if rules[SHORT] > 0.0 else 0.0
    return min(weight, rules[MAX_WEIGHT])


@inner
def order_targets(t, bar, closes, target, candidate, may_add, stop, take, rules, book, slots, orders):  # type: ignore[no-untyped-def]
    """Order the difference between targets and positions, within the limits."""
    gross = 0.0
    for s in range(slots.shape[1]):
        gross += abs(_clamp(target[s], rules))
    scale = 1.0 if gross <= rules[MAX_GROSS] else rules[MAX_GROSS] / gross
    book[UNSETTLED] = 0.0
    for s in range(slots.shape[1]):
        held = slots[POSITION, s]
        price = closes[t, s]
        wants = target[s] != slots[WANTED, s]
        if candidate[t, s] and held == 0.0 and target[s] != 0.0 and slots[ORDER, s] == 0.0:
            wants = True  # a fresh entry after an exit, at the weight it had
        if not price == price:
            book[UNSETTLED] += wants
            continue
        weight = _clamp(target[s], rules) * scale
        if not wants:
            drift = abs(held * price / book[EQUITY] - weight)
            if held == 0.0 or rules[BAND] == 0.0 or drift <= rules[BAND]:
                continue
        if slots[ORDER, s] != 0.0 and slots[REASON, s] != BY_TARGET:
            slots[WANTED, s] = target[s]  # an exit of this bar goes first, and uses the proposal up
            continue
        goal = weight * book[EQUITY] / price
        if rules[LOT] > 0.0:
            goal = np.trunc(goal / rules[LOT]) * rules[LOT]
        if not may_add and abs(goal) > abs(held) and goal * held >= 0.0:
            book[UNSETTLED] += wants  # asked again at the next bar
            continue
        if not may_add and goal * held < 0.0:
            goal = 0.0
            book[UNSETTLED] += wants
        else:
            slots[WANTED, s] = target[s]
        quantity = goal - held
        if goal != 0.0 and abs(quantity) * price < rules[MIN_ORDER]:
            quantity = 0.0
        if goal != 0.0:
            slots[STOP, s] = stop[t, s] if stop.shape[0] > 0 else rules[R_STOP]
            slots[TAKE, s] = take[t, s] if take.shape[0] > 0 else rules[R_TAKE]
        place(bar, s, quantity, price, weight, BY_TARGET, book, slots, orders)
