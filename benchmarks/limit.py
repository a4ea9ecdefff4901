"""The limit: what a hand-written compiled pass with exact accounting costs, one kernel a workload.

Nothing general is in here; that is the point. W1, W2 and W4 keep the equity of each bar, W3 only
the final equity of each pair. All run on one thread, without fast-math.
"""

# Compiled functions take their arguments one by one.

from __future__ import annotations

import numpy as np
from numba import njit
from workloads import (
    Account,
    Bools,
    Convention,
    Crosses,
    Floats,
    Grid,
    Ints,
    prices,
    replay_free_cash,
)


@njit(cache=True)
def _one_symbol(
    close: Floats, fill: Floats, size: Floats, fast: int, slow: int, cash: float, fee: float
) -> tuple[Floats, float]:
    """W1: rolling sums, decision and accounting in one loop; the equity curve.

    The highest fill price is no use to anyone, but reading every price in order halves the time:
    the few that are needed would each come from far memory otherwise.
    """
    equity = np.full(len(close), cash)
    sum_fast, sum_slow = close[slow - fast : slow - 1].sum(), close[: slow - 1].sum()
    gone_fast, gone_slow, shares, held, highest = 0.0, 0.0, 0.0, False, 0.0
    for t in range(slow - 1, len(fill)):
        sum_fast += close[t] - gone_fast
        sum_slow += close[t] - gone_slow
        gone_fast, gone_slow = close[t - fast + 1], close[t - slow + 1]
        equity[t] = cash + shares * close[t]
        highest = max(highest, fill[t])
        want = sum_fast * slow > sum_slow * fast
        if want and not held:
            shares = min(cash / size[t], cash / (fill[t] * (1.0 + fee)))
            cash = max(0.0, cash - shares * fill[t] * (1.0 + fee))
        elif held and not want:
            cash += shares * fill[t] * (1.0 - fee)
            shares = 0.0
        held = want
    equity[-1] = cash + shares * close[-1]
    return equity, highest


@njit(inline="always")
def _dot(shares: Floats, price: Floats) -> float:
    """Value of the positions, in four independent sums."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    n = len(shares) // 4 * 4
    for i in range(0, n, 4):
        a += shares[i] * price[i]
        b += shares[i + 1] * price[i + 1]
        c += shares[i + 2] * price[i + 2]
        d += shares[i + 3] * price[i + 3]
    for i in range(n, len(shares)):
        a += shares[i] * price[i]
    return (a + b) + (c + d)


@njit(inline="always")
def _trade(
    want: Bools,
    held: Bools,
    shares: Floats,
    fill: Floats,
    size: Floats,
    changes: Ints,
    cash: float,
    fee: float,
) -> float:
    """Fill one bar's changes, sales first, and return the cash."""
    n = 0
    for i in range(len(want)):
        changes[n] = i
        n += want[i] != held[i]
    if n == 0:
        return cash
    budget = (cash + _dot(shares, size)) / len(want)
    for i in changes[:n]:
        if held[i]:
            cash += shares[i] * fill[i] * (1.0 - fee)
            shares[i] = 0.0
    for i in changes[:n]:
        if want[i]:
            shares[i] = min(budget / size[i], cash / (fill[i] * (1.0 + fee)))
            cash = max(0.0, cash - shares[i] * fill[i] * (1.0 + fee))
        held[i] = want[i]
    return cash


@njit(cache=True)
def _portfolio(close: Floats, fill: Floats, size: Floats, fast: int, slow: int, cash: float, fee: float) -> Floats:
    """W2: one row of all symbols after another; the equity curve."""
    n_bars, n_symbols = close.shape
    equity = np.empty(n_bars)
    sum_fast, sum_slow, shares = np.zeros(n_symbols), np.zeros(n_symbols), np.zeros(n_symbols)
    want, held = np.zeros(n_symbols, np.bool_), np.zeros(n_symbols, np.bool_)
    changes = np.empty(n_symbols + 1, np.int64)
    for t in range(n_bars):
        if t < slow:
            for i in range(n_symbols):
                sum_slow[i] += close[t, i]
                sum_fast[i] += close[t, i] - (close[t - fast, i] if t >= fast else 0.0)
        else:
            for i in range(n_symbols):
                sum_fast[i] += close[t, i] - close[t - fast, i]
                sum_slow[i] += close[t, i] - close[t - slow, i]
        equity[t] = cash + _dot(shares, close[t])
        if t < slow - 1 or t >= len(fill):
            continue
        for i in range(n_symbols):
            want[i] = sum_fast[i] * slow > sum_slow[i] * fast
        cash = _trade(want, held, shares, fill[t], size[t], changes, cash, fee)
    equity[-1] = cash + _dot(shares, close[-1])
    return equity


@njit(cache=True)
def _averages(close: Floats, windows: Ints) -> Floats:
    """Moving averages of one symbol, a row for each window."""
    out = np.full((len(windows), len(close)), np.nan)
    for k in range(len(windows)):
        window, total = windows[k], 0.0
        for t in range(len(close)):
            total += close[t]
            if t >= window:
                total -= close[t - window]
            if t >= window - 1:
                out[k, t] = total / window
    return out


@njit(cache=True)
def _grid(close: Floats, fill: Floats, size: Floats, pairs: Ints, cash: float, fee: float) -> Floats:
    """W3: averages once a window, then one pass a pair; the final equities."""
    windows = np.unique(pairs)
    averages = _averages(close, windows)
    finals = np.empty(len(pairs))
    edges = np.empty(len(fill), np.int64)
    for p in range(len(pairs)):
        fast = averages[np.searchsorted(windows, pairs[p, 0])]
        slow = averages[np.searchsorted(windows, pairs[p, 1])]
        n, held = 0, False
        for t in range(len(fill)):
            want = fast[t] > slow[t]
            edges[n] = t
            n += want != held
            held = want
        money, shares = cash, 0.0
        for k in range(n):
            t = edges[k]
            if k % 2 == 0:
                shares = min(money / size[t], money / (fill[t] * (1.0 + fee)))
                money = max(0.0, money - shares * fill[t] * (1.0 + fee))
            else:
                money += shares * fill[t] * (1.0 - fee)
                shares = 0.0
        finals[p] = money + shares * close[-1]
    return finals


@njit(cache=True)
def _account(
    close: Floats,
    fill: Floats,
    size: Floats,
    feature: Floats,
    max_drawdown: float,
    cash: float,
    fee: float,
) -> Floats:
    """W4: the decision of each bar sees the equity of that bar; the equity curve."""
    n_bars, n_symbols = close.shape
    equity = np.empty(n_bars)
    shares = np.zeros(n_symbols)
    want, held = np.zeros(n_symbols, np.bool_), np.zeros(n_symbols, np.bool_)
    changes = np.empty(n_symbols + 1, np.int64)
    peak = cash
    for t in range(n_bars):
        equity[t] = cash + _dot(shares, close[t])
        if t >= len(fill):
            continue
        peak = max(peak, equity[t])
        calm = equity[t] > (1.0 - max_drawdown) * peak
        for i in range(n_symbols):
            want[i] = calm and feature[t, i] > 0.0
        cash = _trade(want, held, shares, fill[t], size[t], changes, cash, fee)
    equity[-1] = cash + _dot(shares, close[-1])
    return equity


@njit(cache=True)
def _account_of_one(
    close: Floats,
    fill: Floats,
    size: Floats,
    feature: Floats,
    max_drawdown: float,
    cash: float,
    fee: float,
) -> Floats:
    """W4 on one symbol: `_account` in scalars; the equity curve."""
    equity = np.empty(len(close))
    shares, held, peak = 0.0, False, cash
    for t in range(len(fill)):
        equity[t] = cash + shares * close[t]
        peak = max(peak, equity[t])
        want = feature[t] > 0.0 and equity[t] > (1.0 - max_drawdown) * peak
        if want and not held:
            shares = min(cash / size[t], cash / (fill[t] * (1.0 + fee)))
            cash = max(0.0, cash - shares * fill[t] * (1.0 + fee))
        elif held and not want:
            cash += shares * fill[t] * (1.0 - fee)
            shares = 0.0
        held = want
    equity[-1] = cash + shares * close[-1]
    return equity


def w1(data: Crosses, convention: Convention = Convention.NEXT_OPEN) -> float:
    """Final equity of W1."""
    fill, size = prices(data.bars, convention)
    close = data.bars.close[:, 0]
    sums = (data.fast, data.slow, data.cash, data.fee)
    return float(_one_symbol(close, fill[:, 0], size[:, 0], *sums)[0][-1])


def w2(data: Crosses, convention: Convention = Convention.NEXT_OPEN) -> float:
    """Final equity of W2."""
    if convention is Convention.SEPARATE_ACCOUNTS:
        return _separate(data)
    if convention is Convention.FREE_CASH:
        return replay_free_cash(data)
    fill, size = prices(data.bars, convention)
    sums = (data.fast, data.slow, data.cash, data.fee)
    return float(_portfolio(data.bars.close, fill, size, *sums)[-1])


def _separate(data: Crosses) -> float:
    """W2 with an account for each symbol instead of one for all."""
    cash = data.cash / data.bars.n_symbols
    columns = [np.ascontiguousarray(column) for column in data.bars.close.T]
    opens = [np.ascontiguousarray(column) for column in data.bars.open[1:].T]
    runs = (
        _one_symbol(close, fill, fill, data.fast, data.slow, cash, data.fee)
        for close, fill in zip(columns, opens, strict=True)
    )
    return float(sum(run[0][-1] for run in runs))


def w3(data: Grid, convention: Convention = Convention.NEXT_OPEN) -> float:
    """Mean final equity of W3's pairs."""
    fill, size = prices(data.bars, convention)
    close = data.bars.close[:, 0]
    return float(_grid(close, fill[:, 0], size[:, 0], data.pairs, data.cash, data.fee).mean())


def w4_wide(data: Account, convention: Convention = Convention.NEXT_OPEN) -> float:
    """Final equity of W4 on many symbols."""
    fill, size = prices(data.bars, convention)
    rule = (data.feature, data.max_drawdown, data.cash, data.fee)
    return float(_account(data.bars.close, fill, size, *rule)[-1])


def w4_long(data: Account, convention: Convention = Convention.NEXT_OPEN) -> float:
    """Final equity of W4 on one symbol."""
    fill, size = (price[:, 0] for price in prices(data.bars, convention))
    rule = (data.feature[:, 0], data.max_drawdown, data.cash, data.fee)
    return float(_account_of_one(data.bars.close[:, 0], fill, size, *rule)[-1])
