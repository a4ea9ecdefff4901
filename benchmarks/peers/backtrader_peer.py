"""backtrader: event-driven Python; fractional shares.

The strategy is called at the open (``cheat_on_open``), so that it sizes with the prices of the
fills. Its averages and its length still stand at the bar before: next-open fills.
"""

from __future__ import annotations

import backtrader as bt
import numpy as np
import pandas as pd
from workloads import Account, Bars, Crosses, wanted

DISTRIBUTIONS = ("backtrader",)
SLOW = ("w1", "w2", "w4_wide", "w4_long")
TOLERANCE = 1e-6

_SLACK = 1.0 - 1e-12
"""Keeps rounding from taking the cash below nothing, which would refuse the order."""


class _Rule(bt.Strategy):
    """Send what changed, sales first."""

    def start(self) -> None:
        """Begin flat."""
        self.held = [False] * len(self.datas)

    def trade(self, want: list[bool]) -> None:
        """Trade at the open, sized by it."""
        if want == self.held:
            return
        cash = self.broker.getcash()
        value = cash + sum(
            self.getposition(feed).size * feed.open[0] for feed, held in zip(self.datas, self.held, strict=True) if held
        )
        changes = list(zip(self.datas, self.held, want, strict=True))
        for feed, held, wanted_now in changes:
            if held and not wanted_now:
                self.sell(feed, size=self.getposition(feed).size)
        fee = self.broker.getcommissioninfo(self.datas[0]).p.commission
        most = _SLACK * value / (1.0 + fee)
        for feed, held, wanted_now in changes:
            if wanted_now and not held:
                self.buy(feed, size=min(value / len(want), most) / feed.open[0])
        self.held = want


class _Cross(_Rule):
    """W1 and W2."""

    params = (("fast", 10), ("slow", 50))

    def __init__(self) -> None:
        self.fast = [bt.ind.SMA(feed.close, period=self.p.fast) for feed in self.datas]
        self.slow = [bt.ind.SMA(feed.close, period=self.p.slow) for feed in self.datas]

    def next_open(self) -> None:
        """The averages of the close before."""
        pairs = zip(self.fast, self.slow, strict=True)
        self.trade([fast[0] > slow[0] for fast, slow in pairs])


class _Account(_Rule):
    """W4."""

    params = (("work", None),)

    def __init__(self) -> None:
        self.peak = self.p.work.cash

    def next_open(self) -> None:
        """The account and the feature of the close before."""
        t = len(self) - 1
        if t < 0:
            return
        shares = np.array([self.getposition(feed).size for feed in self.datas])
        equity = self.broker.getcash() + float(shares @ self.p.work.bars.close[t])
        self.peak = max(self.peak, equity)
        feature, limit = self.p.work.feature[t], self.p.work.max_drawdown
        self.trade(wanted(feature, equity, self.peak, limit).tolist())


def _feed(bars: Bars, i: int) -> bt.feeds.PandasData:
    """One symbol as backtrader wants it."""
    columns = {
        "open": bars.open[:, i],
        "high": bars.high[:, i],
        "low": bars.low[:, i],
        "close": bars.close[:, i],
        "volume": bars.volume[:, i],
    }
    frame = pd.DataFrame(columns, index=pd.to_datetime(bars.time))
    return bt.feeds.PandasData(dataname=frame)


def _run(data: Crosses | Account, rule: type[_Rule], **params: object) -> float:
    """Final equity of one run."""
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    for i in range(data.bars.n_symbols):
        cerebro.adddata(_feed(data.bars, i))
    cerebro.broker.setcash(data.cash)
    cerebro.broker.setcommission(commission=data.fee)
    cerebro.broker.set_coo(True)
    cerebro.addstrategy(rule, **params)
    cerebro.run()
    return float(cerebro.broker.getvalue())


def w1(data: Crosses) -> float:
    """One feed."""
    return _run(data, _Cross, fast=data.fast, slow=data.slow)


def w2(data: Crosses) -> float:
    """A feed for each symbol."""
    return w1(data)


def w4_wide(data: Account) -> float:
    """A feed for each symbol."""
    return _run(data, _Account, work=data)


def w4_long(data: Account) -> float:
    """One feed."""
    return w4_wide(data)
