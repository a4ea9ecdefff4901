"""raptorbt: a Rust engine fed with signals (W1 to W3) or stepped by a Python strategy (W4).

Its portfolio runner knows no target weight: a purchase gets an equal part of the free cash, over
the symbols that are not held (`Convention.FREE_CASH`). With ``fill_timing="next_bar_open"`` that
runner of 0.13.4 loses every second entry, so W2 moves the signals by one bar itself and fills at
the open of the bar it gives them to. A strategy that is filled at the next open sees its account a
bar late, for it is called before the fills of its bar; so W4 fills at the same close. W3 runs on
all cores; CPU seconds count them all.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("RAPTORBT_NO_VERSION_CHECK", "1")

import numpy as np
import raptorbt
from raptorbt.strategy.orders.types import Market
from workloads import Account, Bars, Bools, Convention, Crosses, Floats, Grid, wanted

DISTRIBUTIONS = ("raptorbt",)
CONVENTIONS = {
    "w2": Convention.FREE_CASH,
    "w4_wide": Convention.SAME_CLOSE,
    "w4_long": Convention.SAME_CLOSE,
}

_Column = tuple[Floats, Floats, Floats, Floats, Floats]


def _config(data: Crosses | Grid | Account, timing: str) -> raptorbt.BacktestConfig:
    """Cash and fee of the workload."""
    return raptorbt.BacktestConfig(initial_capital=data.cash, fees=data.fee, apply_slippage=False, fill_timing=timing)


def _column(bars: Bars, i: int) -> _Column:
    """Open, high, low, close and volume of one symbol."""
    return (
        np.ascontiguousarray(bars.open[:, i]),
        np.ascontiguousarray(bars.high[:, i]),
        np.ascontiguousarray(bars.low[:, i]),
        np.ascontiguousarray(bars.close[:, i]),
        np.ascontiguousarray(bars.volume[:, i]),
    )


def w1(data: Crosses) -> float:
    """Boolean signals, filled by raptorbt at the next open."""
    column = _column(data.bars, 0)
    close = column[3]
    want = raptorbt.sma(close, data.fast) > raptorbt.sma(close, data.slow)
    config = _config(data, "next_bar_open")
    run = raptorbt.run_single_backtest(data.bars.time, *column, want, ~want, config=config)
    return float(run.metrics.end_value)


def w2(data: Crosses) -> float:
    """Boolean signals, moved by one bar, over one pool of cash."""
    instruments = []
    for i in range(data.bars.n_symbols):
        column = _column(data.bars, i)
        want = np.zeros(len(data.bars.time), dtype=np.bool_)
        fast, slow = raptorbt.sma(column[3], data.fast), raptorbt.sma(column[3], data.slow)
        want[1:] = fast[:-1] > slow[:-1]
        instruments.append((data.bars.time, *column, want, ~want, 1, 1.0, str(i)))
    config = _config(data, "same_bar_open_lookahead")
    return float(raptorbt.run_portfolio_backtest(instruments, config).metrics.end_value)


def w3(data: Grid) -> float:
    """The batch runner; averages once a window."""
    column = _column(data.bars, 0)
    averages = {int(w): raptorbt.sma(column[3], int(w)) for w in np.unique(data.pairs)}
    items = []
    for fast, slow in data.pairs.tolist():
        want = averages[fast] > averages[slow]
        items.append(raptorbt.BatchSingleItem("", want, ~want))
    config = _config(data, "next_bar_open")
    runs = raptorbt.batch_single_backtest(data.bars.time, *column, items, config=config)
    return float(np.mean([run.metrics.end_value for _, run in runs]))


class _One(raptorbt.Strategy):
    """W4 on one symbol: all in or out, sized by the engine."""

    def __init__(self, data: Account) -> None:
        super().__init__()
        self.feature, self.max_drawdown = data.feature[:, 0].tolist(), data.max_drawdown
        self.peak = data.cash

    def on_bar(self, ctx: raptorbt.StrategyContext) -> None:
        """Decide at the close of the bar."""
        position = ctx.position
        equity = ctx.cash + (position.size * ctx.bar.close if position else 0.0)
        self.peak = max(self.peak, equity)
        calm = equity > (1.0 - self.max_drawdown) * self.peak
        want = calm and self.feature[ctx.idx] > 0.0
        if want and not position:
            self.enter()
        elif position and not want:
            self.close_position()


def w4_long(data: Account) -> float:
    """The engine for one symbol calls Python at each bar."""
    run = raptorbt.run_strategy_backtest(
        _One(data), data.bars.time, *_column(data.bars, 0), config=_config(data, "same_bar_close")
    )
    return float(run.metrics.end_value)


class _Many(raptorbt.Strategy):
    """W4 on many symbols: decides for all at the event of the first, trades at each one's own."""

    def __init__(self, data: Account, symbols: list[str]) -> None:
        super().__init__()
        self.data, self.symbols, self.peak = data, symbols, data.cash
        self.held: Bools = np.zeros(len(symbols), dtype=np.bool_)
        self.want, self.budget = self.held, 0.0

    def on_bar(self, ctx: Any) -> None:
        """Trade the symbol whose bar this is."""
        i = int(ctx.symbol)
        if i == 0:
            self.decide(ctx)
        if self.want[i] and not self.held[i]:
            self.submit_order(Market(side="buy", units=self.budget / ctx.bar.close))
        elif self.held[i] and not self.want[i]:
            self.close_position()

    def decide(self, ctx: raptorbt.PortfolioContext) -> None:
        """Value the account at the closes of this bar, which all have the same time."""
        self.held = self.want
        close = self.data.bars.close[ctx.idx]
        shares = [(i, ctx.position_for(self.symbols[i])) for i in np.flatnonzero(self.held)]
        equity = ctx.cash + sum(position.size * close[i] for i, position in shares)
        self.peak = max(self.peak, equity)
        feature = self.data.feature[ctx.idx]
        self.want = wanted(feature, equity, self.peak, self.data.max_drawdown)
        self.budget = equity / len(self.symbols)


def w4_wide(data: Account) -> float:
    """The engine for many symbols calls Python at each bar of each symbol."""
    names = ("open", "high", "low", "close", "volume")
    tables = {
        str(i): {
            "timestamps": data.bars.time,
            **dict(zip(names, _column(data.bars, i), strict=True)),
        }
        for i in range(data.bars.n_symbols)
    }
    config = _config(data, "same_bar_close")
    strategy = _Many(data, list(tables))
    return float(raptorbt.run_portfolio_strategy(strategy, tables, config).metrics.end_value)
