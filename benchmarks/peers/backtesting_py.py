"""backtesting.py: one symbol, one account, a Python call at each bar; whole shares.

It has no portfolios: W2 runs each symbol on its own share of the cash, W4 on many symbols is left
out. Its statistics are part of every run and cannot be switched off.
"""

from __future__ import annotations

from typing import Any

import backtesting
import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from workloads import Account, Bars, Convention, Crosses, Floats, Grid

DISTRIBUTIONS = ("backtesting",)
CONVENTIONS = {"w2": Convention.SEPARATE_ACCOUNTS}
SLOW = ("w1", "w2", "w3")
TOLERANCE = 5e-5
"""Whole shares: in W2 an account of 200,000 rounds each purchase by up to 1 in 2,000."""

backtesting.backtesting._tqdm = lambda steps, **_: steps  # noqa: SLF001 - no bars


def _frame(bars: Bars, i: int) -> pd.DataFrame:
    """One symbol as backtesting.py wants it."""
    columns = {
        "Open": bars.open[:, i],
        "High": bars.high[:, i],
        "Low": bars.low[:, i],
        "Close": bars.close[:, i],
        "Volume": bars.volume[:, i],
    }
    return pd.DataFrame(columns, index=pd.to_datetime(bars.time))


def _sma(close: Any, window: int, early: float) -> Floats:
    """Moving average, `early` until the window is full.

    Left as not a number, backtesting.py would let the first bar that has an average pass by.
    """
    average: Floats = pd.Series(close).rolling(window).mean().fillna(early).to_numpy()
    return average


class _Cross(Strategy):
    """W1 to W3."""

    fast = 10
    slow = 50

    def init(self) -> None:
        """Prepare both averages."""
        close = self.data.Close
        self.fast_average = self.I(_sma, close, self.fast, 0.0)
        self.slow_average = self.I(_sma, close, self.slow, np.inf)

    def next(self) -> None:
        """Decide at the close."""
        want = self.fast_average[-1] > self.slow_average[-1]
        if want and not self.position:
            self.buy()
        elif self.position and not want:
            self.position.close()


def _run(frame: pd.DataFrame, rule: type[Strategy], cash: float, fee: float, **kw: Any) -> float:
    """Final equity of one run."""
    test = Backtest(frame, rule, cash=cash, commission=fee)
    return float(test.run(**kw)["Equity Final [$]"])


def w1(data: Crosses) -> float:
    """One run."""
    frame = _frame(data.bars, 0)
    return _run(frame, _Cross, data.cash, data.fee, fast=data.fast, slow=data.slow)


def w2(data: Crosses) -> float:
    """A run for each symbol."""
    cash = data.cash / data.bars.n_symbols
    windows = {"fast": data.fast, "slow": data.slow}
    frames = (_frame(data.bars, i) for i in range(data.bars.n_symbols))
    return sum(_run(frame, _Cross, cash, data.fee, **windows) for frame in frames)


def w3(data: Grid) -> float:
    """A run for each pair."""
    frame = _frame(data.bars, 0)
    pairs = data.pairs.tolist()
    runs = [_run(frame, _Cross, data.cash, data.fee, fast=f, slow=s) for f, s in pairs]
    return float(np.mean(runs))


class _Account(Strategy):
    """W4 on one symbol."""

    feature: Floats = np.empty(0)
    max_drawdown = 0.2

    def init(self) -> None:
        """Start from the initial equity."""
        self.peak = self.equity

    def next(self) -> None:
        """Decide at the close, seeing the account."""
        equity = self.equity
        self.peak = max(self.peak, equity)
        calm = equity > (1.0 - self.max_drawdown) * self.peak
        want = calm and self.feature[len(self.data) - 1] > 0.0
        if want and not self.position:
            self.buy()
        elif self.position and not want:
            self.position.close()


def w4_long(data: Account) -> float:
    """One run."""
    rule = {"feature": data.feature[:, 0], "max_drawdown": data.max_drawdown}
    return _run(_frame(data.bars, 0), _Account, data.cash, data.fee, **rule)
