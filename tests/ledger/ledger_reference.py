"""The ledger once more, in plain Python: slow, without arrays of state, written from the rules and not from the kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from ledger_cases import Case

NAN = math.nan


@define
class Order:
    """An order that waits."""

    number: int
    quantity: float
    reason: str
    stop: float = 0.0
    take: float = 0.0


@define
class Symbol:
    """One symbol of the account."""

    position: float = 0.0
    value: float = 0.0
    entry: float = 0.0
    age: int = 0
    stop: float = 0.0
    take: float = 0.0
    order: Order | None = None
    target: float = 0.0
    settled: float = 0.0
    weight: float = 0.0
    again: bool = False


@define
class Account:
    """Cash and symbols, and everything that is worked out from them."""

    case: Case
    cash: float
    peak: float
    symbols: list[Symbol]
    halted: bool = False
    scale: float = 1.0
    orders: list[tuple] = field(factory=list)
    fills: list[tuple] = field(factory=list)

    def equity(self) -> float:
        return self.cash + sum(s.position * s.value for s in self.symbols)

    def gross(self) -> float:
        return sum(abs(s.position) * s.value for s in self.symbols)

    def place(self, bar: int, i: int, quantity: float, price: float, reason: str) -> Order:
        self.orders.append((bar, i, quantity, price, reason))
        return Order(len(self.orders) - 1, quantity, reason)

    def fill(self, bar: int, i: int, order: Order, price: float, slip: float) -> None:
        """Fill an order: close first, then open as much as the gross limit allows."""
        e, s = self.case.execution, self.symbols[i]
        sign = math.copysign(1.0, order.quantity)
        paid = price * (1.0 + sign * slip)
        closing = min(abs(order.quantity), abs(s.position)) if order.quantity * s.position < 0.0 else 0.0
        opening = abs(order.quantity) - closing
        s.value = price
        costs = price * slip + paid * e.fee + e.fee_per_unit  # of one unit
        kept = s.position + sign * closing
        if opening > 0.0:
            equity = self.equity() - closing * costs - e.fee_per_order
            gross = self.gross() - closing * price
            limit = self.case.limits.max_gross
            room = (limit * equity - gross) / (price + limit * costs) * (1.0 - 1e-12)
            if opening > room:
                opening = room if room > 1e-9 * opening else 0.0
                if e.lot:
                    opening = math.floor(opening / e.lot) * e.lot
        done = closing + opening
        if done == 0.0:
            return
        fee = done * (paid * e.fee + e.fee_per_unit) + e.fee_per_order
        self.cash -= sign * done * paid + fee
        if opening > 0.0:
            if kept == 0.0:
                s.entry, s.age = paid, 0
            else:
                s.entry = (abs(kept) * s.entry + opening * paid) / (abs(kept) + opening)
            s.stop, s.take = order.stop, order.take
        s.position = kept + sign * opening
        self.fills.append((bar, i, order.number, sign * done, paid, fee, order.reason))


def simulate(case: Case) -> tuple[list[tuple[float, ...]], list[tuple], list[tuple]]:
    """Return the curve, the orders and the fills of a case."""
    cash = case.execution.cash
    account = Account(case, cash, cash, [Symbol() for _ in range(case.shape[1])])
    curve = [_bar(account, case, t) for t in range(case.shape[0])]
    return curve, account.orders, account.fills


def _bar(account: Account, case: Case, t: int) -> tuple[float, ...]:
    when = case.execution.fill
    if when == "next_open":
        _fill_all(account, t, case.open[t])
    if case.has_range:
        for i in range(len(account.symbols)):
            _rest(account, case, t, i)
    if when != "next_open":
        _fill_all(account, t, case.close[t])
    _value(account, case.close[t], 1)
    for i, s in enumerate(account.symbols):
        s.target = float(case.signed[t, i])
    if not account.halted:
        _decide(account, case, t)
        if when == "same_close":
            _fill_all(account, t, case.close[t])
            _value(account, case.close[t], 0)
    net = sum(s.position * s.value for s in account.symbols)
    return account.equity(), account.cash, account.gross(), net


def _decide(account: Account, case: Case, t: int) -> None:
    if account.equity() <= account.peak * (1.0 - case.limits.max_drawdown):
        account.halted = True
        for i, s in enumerate(account.symbols):
            s.order = account.place(t, i, -s.position, s.value, "drawdown") if s.position else None
        return
    for i in range(len(account.symbols)):
        _look(account, case, t, i)
    _targets(account, case, t)


def _fill_all(account: Account, t: int, prices: Any) -> None:
    e = account.case.execution

    def stage(s: Symbol) -> int:
        if s.order.quantity * s.position >= 0.0:
            return 2
        return 1 if abs(s.order.quantity) > abs(s.position) else 0

    waiting = [i for i, s in enumerate(account.symbols) if s.order and not math.isnan(prices[i])]
    for i in sorted(waiting, key=lambda i: (stage(account.symbols[i]), i)):
        order, account.symbols[i].order = account.symbols[i].order, None
        account.fill(t, i, order, float(prices[i]), e.slippage + e.spread / 2)


def _exit(s: Symbol, first: float, high: float, low: float) -> tuple[str, float] | None:
    """Return which exit a bar reaches, and where: at the open beyond it, else the stop before the take-profit."""
    long = s.position > 0.0
    stop = (s.entry * (1.0 - s.stop) if long else s.entry * (1.0 + s.stop)) if s.stop else NAN
    take = (s.entry * (1.0 + s.take) if long else s.entry * (1.0 - s.take)) if s.take else NAN
    if (first >= take) if long else (first <= take):
        return "take_profit", first
    if (first <= stop) if long else (first >= stop):
        return "stop", first
    if (low <= stop) if long else (high >= stop):
        return "stop", stop
    if (high >= take) if long else (low <= take):
        return "take_profit", take
    return None


def _rest(account: Account, case: Case, t: int, i: int) -> None:
    s = account.symbols[i]
    if not s.position:
        return
    found = _exit(s, float(case.open[t, i]), float(case.high[t, i]), float(case.low[t, i]))
    if found is None:
        return
    reason, price = found
    held, e = s.position, case.execution
    slip = e.slippage + e.spread / 2 if reason == "stop" else 0.0
    account.fill(t, i, account.place(t, i, -held, price, reason), price, slip)
    s.settled, s.again = s.target, False
    if s.order:
        beyond = s.order.quantity + held
        if s.order.quantity * held < 0.0 and beyond * held < 0.0:
            s.order.quantity = beyond
        else:
            s.order = None


def _value(account: Account, closes: Any, age: int) -> None:
    for i, s in enumerate(account.symbols):
        if s.position and not math.isnan(closes[i]):
            s.value = float(closes[i])
            s.age += age
    account.peak = max(account.peak, account.equity())


def _look(account: Account, case: Case, t: int, i: int) -> None:
    s, price = account.symbols[i], float(case.close[t, i])
    if not s.position or math.isnan(price):
        return
    found = None if case.has_range else _exit(s, price, price, price)
    if found:
        s.order = account.place(t, i, -s.position, price, found[0])
    elif case.exits.horizon and s.age >= case.exits.horizon:
        s.order = account.place(t, i, -s.position, price, "horizon")


def _targets(account: Account, case: Case, t: int) -> None:
    limits = case.limits
    low = -limits.max_weight if limits.allow_short else 0.0
    cut = [min(max(s.target, low), limits.max_weight) for s in account.symbols]
    gross = sum(abs(weight) for weight in cut)
    account.scale = 1.0 if gross <= limits.max_gross * (1 + 1e-12) else limits.max_gross / gross
    equity = account.equity()
    for i in range(len(account.symbols)):
        _target(account, t, i, cut[i] * account.scale, equity)


def _target(account: Account, t: int, i: int, weight: float, equity: float) -> None:
    case, s = account.case, account.symbols[i]
    e, price = case.execution, float(case.close[t, i])
    fresh = bool(case.candidate[t, i]) and not s.position and s.target != 0.0 and s.order is None
    new = s.again or fresh or s.target != s.settled
    moved = s.position != 0.0 and abs(weight - s.weight) > 1e-12
    if math.isnan(price):
        s.again = s.again or fresh
        return
    drifted = e.band > 0.0 and s.position != 0.0 and abs(s.position * price / equity - weight) > e.band
    if not (new or moved or drifted):
        return
    s.settled, s.weight, s.again = s.target, weight, False
    if s.order and s.order.reason != "target" and weight * s.position >= 0.0:
        return
    goal = weight * equity / price
    if e.lot:
        goal = math.trunc(goal / e.lot * (1 + 1e-12)) * e.lot
    turns = goal * s.position < 0.0
    if not case.may_add[t] and (turns or abs(goal) > abs(s.position)):
        goal = 0.0 if turns else s.position
        s.again = new or moved
    quantity = goal - s.position
    if quantity == 0.0 or (goal != 0.0 and abs(quantity) * price < e.min_order):
        s.order = None
        return
    s.order = account.place(t, i, quantity, price, "target")
    s.order.stop = float(case.stop[t, i]) if len(case.stop) else case.exits.stop
    s.order.take = float(case.take[t, i]) if len(case.take) else case.exits.take_profit
