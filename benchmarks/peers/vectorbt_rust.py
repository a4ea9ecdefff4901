"""vectorbt with its Rust engine; W4 by a Numba order function, which is all it has for that.

The moving averages come from vectorbt's array functions and not from `vbt.MA`, which takes 1.5 to
15 times as long.
"""

# Compiled functions take their arguments one by one.

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import vectorbt as vbt
from numba import njit
from vectorbt.indicators.dispatch import ma
from vectorbt.portfolio.enums import (
    Direction,
    FlexOrderContext,
    Order,
    OrderContext,
    SegmentContext,
    SizeType,
)
from vectorbt.portfolio.nb import order_nb, order_nothing_nb

if TYPE_CHECKING:
    from workloads import Account, Bools, Crosses, Floats, Grid, Ints

DISTRIBUTIONS = ("vectorbt", "vectorbt-rust")

_ENGINE = "rust"


def w1(data: Crosses) -> float:
    """Signals moved by one bar, filled at that bar's open."""
    close = data.bars.close
    want = ma(close, data.fast, False, engine=_ENGINE) > ma(close, data.slow, False, engine=_ENGINE)
    portfolio = vbt.Portfolio.from_signals(
        close[1:, 0],
        want[:-1, 0],
        ~want[:-1, 0],
        price=data.bars.open[1:, 0],
        fees=data.fee,
        init_cash=data.cash,
        engine=_ENGINE,
    )
    return float(portfolio.final_value())


def w2(data: Crosses) -> float:
    """Target percentages where the signal changes, in one group that shares its cash.

    Without ``call_seq="auto"``, which would put sales first and takes three times as long: the cash
    suffices here in any order.
    """
    close = data.bars.close
    want = ma(close, data.fast, False, engine=_ENGINE) > ma(close, data.slow, False, engine=_ENGINE)
    edges = np.diff(want[:-1].astype(np.int8), axis=0, prepend=0)
    portfolio = vbt.Portfolio.from_orders(
        close[1:],
        size=np.where(edges == 0, np.nan, np.where(edges > 0, 1.0 / data.bars.n_symbols, 0.0)),
        size_type="targetpercent",
        direction="longonly",
        price=data.bars.open[1:],
        fees=data.fee,
        init_cash=data.cash,
        cash_sharing=True,
        group_by=True,
        engine=_ENGINE,
    )
    return float(portfolio.final_value())


def w3(data: Grid) -> float:
    """A column for each pair; averages once a window."""
    close = data.bars.close
    windows, index = np.unique(data.pairs, return_inverse=True)
    averages = np.hstack([ma(close, int(w), False, engine=_ENGINE) for w in windows])
    index = index.reshape(data.pairs.shape)
    want = averages[:-1, index[:, 0]] > averages[:-1, index[:, 1]]
    portfolio = vbt.Portfolio.from_signals(
        close[1:],
        want,
        ~want,
        price=data.bars.open[1:],
        fees=data.fee,
        init_cash=data.cash,
        engine=_ENGINE,
    )
    return float(portfolio.final_value().mean())


@njit(cache=True)
def _decide(
    c: SegmentContext,
    opens: Floats,
    feature: Floats,
    max_drawdown: float,
    peak: Floats,
    held: Bools,
    plan: Ints,
) -> tuple[int, float]:
    """Note which columns to trade, sales first; how many, and what to spend on each purchase.

    The last value of the group is its equity at the close before this bar.
    """
    equity = c.last_value[0]
    peak[0] = max(peak[0], equity)
    calm = equity > (1.0 - max_drawdown) * peak[0]
    n, value = 0, c.last_cash[0]
    for col in range(c.group_len):
        value += c.last_position[col] * opens[c.i, col]
        if held[col] and not (calm and feature[c.i, col] > 0.0):
            plan[n] = col
            n += 1
    for col in range(c.group_len):
        if not held[col] and calm and feature[c.i, col] > 0.0:
            plan[n] = col
            n += 1
    return n, value / c.group_len


@njit(cache=True)
def _order(
    c: FlexOrderContext,
    n: int,
    budget: float,
    opens: Floats,
    fee: float,
    held: Bools,
    plan: Ints,
) -> tuple[int, Order]:
    """The next order of the plan."""
    if c.call_idx >= n:
        return -1, order_nothing_nb()
    col = plan[c.call_idx]
    price = opens[c.i, col]
    size = -c.last_position[col] if held[col] else budget / price
    held[col] = not held[col]
    return col, order_nb(size, price, SizeType.Amount, Direction.LongOnly, fee)


def w4_wide(data: Account) -> float:
    """A flexible order function; the feature of a bar meets the open of the next."""
    n_bars, n_symbols = data.bars.close.shape
    held, plan = np.zeros(n_symbols, dtype=np.bool_), np.zeros(n_symbols, dtype=np.int64)
    opens = data.bars.open[1:]
    portfolio = vbt.Portfolio.from_order_func(
        data.bars.close[1:],
        _order,
        opens,
        data.fee,
        held,
        plan,
        flexible=True,
        pre_segment_func_nb=_decide,
        pre_segment_args=(
            opens,
            data.feature,
            data.max_drawdown,
            np.array([data.cash]),
            held,
            plan,
        ),
        fill_pos_record=False,
        max_orders=n_bars * n_symbols,
        init_cash=data.cash,
        cash_sharing=True,
        group_by=True,
    )
    return float(portfolio.final_value())


@njit(cache=True)
def _decide_one(
    c: SegmentContext, opens: Floats, feature: Floats, max_drawdown: float, peak: Floats
) -> tuple[bool, float]:
    """Whether the symbol is wanted, and what to spend on it."""
    peak[0] = max(peak[0], c.last_value[0])
    calm = c.last_value[0] > (1.0 - max_drawdown) * peak[0]
    value = c.last_cash[0] + c.last_position[0] * opens[c.i, 0]
    return calm and feature[c.i, 0] > 0.0, value


@njit(cache=True)
def _order_one(c: OrderContext, want: bool, budget: float, opens: Floats, fee: float) -> Order:
    """Buy or sell if that changes anything."""
    if want == (c.position_now > 0.0):
        return order_nothing_nb()
    price = opens[c.i, 0]
    size = budget / price if want else -c.position_now
    return order_nb(size, price, SizeType.Amount, Direction.LongOnly, fee)


def w4_long(data: Account) -> float:
    """A plain order function: for one symbol a little faster than a flexible one."""
    opens = data.bars.open[1:]
    peak = np.array([data.cash])
    portfolio = vbt.Portfolio.from_order_func(
        data.bars.close[1:],
        _order_one,
        opens,
        data.fee,
        pre_segment_func_nb=_decide_one,
        pre_segment_args=(opens, data.feature, data.max_drawdown, peak),
        fill_pos_record=False,
        init_cash=data.cash,
        cash_sharing=True,
        group_by=True,
    )
    return float(portfolio.final_value())
