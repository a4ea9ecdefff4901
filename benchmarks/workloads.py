"""The work that every contender of the benchmarks does: seeded data and the rules in plain NumPy.

The rules, the same for all:

* A decision is made at the close of bar ``t`` and sees bars up to ``t`` (and, in W4, the account).
* A symbol is either held at its target weight or not at all. An order is sent only when that
  state changes; a position is not rebalanced while it is held.
* Entering buys ``weight * equity`` worth of shares (fractional), never for more than the cash
  there is, fee included; leaving sells all. Sales of a bar come before its purchases, and every
  purchase of a bar is sized on the equity before the bar's first fill.
* Each fill pays ``fee * price * shares``.
* A decision at the last close is not filled (except under `Convention.SAME_CLOSE`). What is still
  held at the end is valued at the last close and not sold.

When a decision is filled, and at which price it is turned into shares, is a `Convention`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

CASH = 1e8
"""Initial cash; large, so that engines which trade whole shares lose little by rounding."""
FEE = 1e-5
"""Fee on the value of each fill; small, so that a million bars do not eat the account."""

_MINUTE = 60_000_000_000
_DAY = 86_400_000_000_000
_START = 1_262_304_000_000_000_000  # 2010-01-01 in nanoseconds


class Convention(Enum):
    """When a decision made at close ``t`` is filled, and how it becomes shares."""

    NEXT_OPEN = "next open, sized at the fill"
    """Filled at open ``t+1``; equity and shares at the prices of open ``t+1``."""
    NEXT_OPEN_SIZED_AT_CLOSE = "next open, sized at the close"
    """Filled at open ``t+1``; equity and shares at the prices of close ``t``."""
    SAME_CLOSE = "same close"
    """Filled at close ``t``, the price that was decided on."""
    SEPARATE_ACCOUNTS = "next open, one account a symbol"
    """As `NEXT_OPEN`, but each symbol trades its own share of the cash."""
    FREE_CASH = "next open, a part of the free cash"
    """As `NEXT_OPEN`, but a purchase gets the free cash over the number of symbols not held."""
    OWN = "its own"
    """No counterpart among the references; the difference is shown, not judged."""


@dataclass(frozen=True, slots=True)
class Bars:
    """OHLCV bars.

    Attributes
    ----------
    time
        Nanoseconds since 1970, one a row.
    open, high, low, close, volume
        C-contiguous, one row a bar and one column a symbol.
    """

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @property
    def n_symbols(self) -> int:
        """Number of columns."""
        return int(self.close.shape[1])


@dataclass(frozen=True, slots=True)
class Crosses:
    """W1 and W2: hold a symbol while its fast average is above its slow one."""

    bars: Bars
    fast: int = 10
    slow: int = 50
    cash: float = CASH
    fee: float = FEE


@dataclass(frozen=True, slots=True)
class Grid:
    """W3: W1's rule on one symbol for each row ``(fast, slow)`` of `pairs`, an account each."""

    bars: Bars
    pairs: Ints
    cash: float = CASH
    fee: float = FEE


@dataclass(frozen=True, slots=True)
class Account:
    """W4: hold a symbol while its feature is positive and the account's drawdown is small."""

    bars: Bars
    feature: Floats
    max_drawdown: float = 0.20
    cash: float = CASH
    fee: float = FEE


def _bars(returns: Floats, seed: int, step: int) -> Bars:
    """Bars whose close-to-close log returns are `returns`."""
    rng = np.random.default_rng(seed)
    scale = returns.std()
    log_close = np.log(100.0) + np.cumsum(returns, axis=0)
    previous = np.vstack([np.full((1, returns.shape[1]), np.log(100.0)), log_close[:-1]])
    open_ = np.exp(previous + rng.normal(0.0, 0.2 * scale, returns.shape))
    close = np.exp(log_close)
    wick = np.abs(rng.normal(0.0, 0.3 * scale, (2, *returns.shape)))
    high = np.maximum(open_, close) * np.exp(wick[0])
    low = np.minimum(open_, close) * np.exp(-wick[1])
    volume = rng.uniform(1e6, 2e6, returns.shape)
    time = _START + step * np.arange(len(returns), dtype=np.int64)
    return Bars(time, open_, high, low, close, volume)


def _walk(n_bars: int, n_symbols: int, volatility: float, seed: int) -> Floats:
    """Log returns of a driftless walk."""
    rng = np.random.default_rng(seed)
    return rng.normal(-0.5 * volatility**2, volatility, (n_bars, n_symbols))


def w1(n_bars: int = 1_000_000) -> Crosses:
    """One symbol of minutes."""
    return Crosses(_bars(_walk(n_bars, 1, 0.001, 1), 11, _MINUTE))


def w2(n_bars: int = 2_520, n_symbols: int = 500) -> Crosses:
    """One portfolio of many symbols of days, cash shared, each at an equal target weight."""
    return Crosses(_bars(_walk(n_bars, n_symbols, 0.02, 2), 12, _DAY))


def w3(n_bars: int = 10_000) -> Grid:
    """A grid of 20 fast by 50 slow windows on one symbol of minutes."""
    fast, slow = np.meshgrid(np.arange(5, 45, 2), np.arange(50, 300, 5), indexing="ij")
    pairs = np.stack([fast.ravel(), slow.ravel()], axis=1).astype(np.int64)
    return Grid(_bars(_walk(n_bars, 1, 0.005, 3), 13, _MINUTE), pairs)


def _account(n_bars: int, n_symbols: int, volatility: float, seed: int, step: int) -> Account:
    """Quiet growth, then a crash at 85 % of the bars that must trip the drawdown rule."""
    rng = np.random.default_rng(seed + 100)
    returns = _walk(n_bars, n_symbols, volatility, seed)
    crash = int(0.85 * n_bars)
    returns[:crash] += 0.3 / crash
    returns[crash:] -= 3.0 / (n_bars - crash)
    feature = rng.normal(size=returns.shape)
    for t in range(1, n_bars):
        feature[t] = 0.9 * feature[t - 1] + 0.436 * feature[t]
    return Account(_bars(returns, seed + 10, step), feature)


def w4_wide(n_bars: int = 1_000, n_symbols: int = 100) -> Account:
    """Many symbols of days, a decision a bar."""
    return _account(n_bars, n_symbols, 0.01, 4, _DAY)


def w4_long(n_bars: int = 100_000) -> Account:
    """One symbol of minutes, a decision a bar."""
    return _account(n_bars, 1, 0.0003, 5, _MINUTE)


def sma(close: Floats, window: int) -> Floats:
    """Simple moving average down the rows; not a number until the window is full."""
    sums = np.cumsum(np.vstack([np.zeros((1, close.shape[1])), close]), axis=0)
    out = np.full(close.shape, np.nan)
    out[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return out


def crosses(close: Floats, fast: int, slow: int) -> Bools:
    """W1 to W3: where a symbol is wanted."""
    return sma(close, fast) > sma(close, slow)


def wanted(feature: Floats, equity: float, peak: float, max_drawdown: float) -> Bools:
    """W4: where a symbol is wanted at one bar, given the account's equity and its peak so far."""
    return (feature > 0.0) & (equity > (1.0 - max_drawdown) * peak)


def prices(bars: Bars, convention: Convention) -> tuple[Floats, Floats]:
    """Prices of the fills and of the sizing; row ``t`` belongs to the decision at close ``t``."""
    if convention is Convention.SAME_CLOSE:
        return bars.close, bars.close
    if convention is Convention.NEXT_OPEN_SIZED_AT_CLOSE:
        return bars.open[1:], bars.close[:-1]
    return bars.open[1:], bars.open[1:]


Rule = Callable[[int, float, float], Bools]
"""``(t, equity, peak)`` to the symbols wanted at close ``t``."""


def replay(rule: Rule, bars: Bars, cash: float, fee: float, convention: Convention) -> float:
    """Replay a rule, one NumPy step a bar: the reference the fast passes are held to.

    Parameters
    ----------
    rule
        What is wanted at each close.
    bars
        The market; the weight of a symbol is one over their number.
    cash, fee
        Initial cash, and fee on the value of each fill.
    convention
        When the fills are, and how they are sized.

    Returns
    -------
    float
        Final equity.
    """
    fills, sizing = prices(bars, convention)
    weight = 1.0 / bars.n_symbols
    shares = np.zeros(bars.n_symbols)
    held = np.zeros(bars.n_symbols, dtype=np.bool_)
    peak = cash
    for t, (fill, size) in enumerate(zip(fills, sizing, strict=True)):
        equity = cash + float(shares @ bars.close[t])
        peak = max(peak, equity)
        want = rule(t, equity, peak)
        budget = weight * (cash + float(shares @ size))
        left = held & ~want
        cash += float(shares[left] @ fill[left]) * (1.0 - fee)
        shares[left] = 0.0
        for i in np.flatnonzero(want & ~held):
            price = float(fill[i]) * (1.0 + fee)
            shares[i] = min(budget / float(size[i]), cash / price)
            cash = max(0.0, cash - float(shares[i]) * price)
        held = want
    return cash + float(shares @ bars.close[-1])


def replay_free_cash(data: Crosses) -> float:
    """W2 where a purchase gets the free cash, fee included, over the number of free symbols."""
    want = crosses(data.bars.close, data.fast, data.slow)
    shares = np.zeros(data.bars.n_symbols)
    held = np.zeros(data.bars.n_symbols, dtype=np.bool_)
    cash = data.cash
    for now, fill in zip(want[:-1], data.bars.open[1:], strict=True):
        left, entered = held & ~now, np.flatnonzero(now & ~held)
        cash += float(shares[left] @ fill[left]) * (1.0 - data.fee)
        shares[left] = 0.0
        part = cash / max(1, int(np.count_nonzero(~held | left)))
        shares[entered] = part / (fill[entered] * (1.0 + data.fee))
        cash -= part * len(entered)
        held = now
    return cash + float(shares @ data.bars.close[-1])


def replay_crosses(data: Crosses, convention: Convention) -> float:
    """W1 and W2 by `replay`."""
    want = crosses(data.bars.close, data.fast, data.slow)
    return replay(lambda t, _equity, _peak: want[t], data.bars, data.cash, data.fee, convention)


def replay_account(data: Account, convention: Convention) -> float:
    """W4 by `replay`."""

    def rule(t: int, equity: float, peak: float) -> Bools:
        return wanted(data.feature[t], equity, peak, data.max_drawdown)

    return replay(rule, data.bars, data.cash, data.fee, convention)


def all_in(want: Bools, bars: Bars, cash: float, fee: float) -> float:
    """Final equity of one symbol held with everything while wanted, filled at the next open.

    A closed form, hence an answer independent of `replay`: the product of the round trips.
    """
    edges = np.diff(want[:-1].astype(np.int8), prepend=0)
    bought = bars.open[1:, 0][edges == 1] * (1.0 + fee)
    sold = bars.open[1:, 0][edges == -1] * (1.0 - fee)
    if len(sold) < len(bought):
        sold = np.append(sold, bars.close[-1, 0])
    return cash * float(np.prod(sold / bought))
