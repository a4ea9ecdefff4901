"""bt: trees of strategies over tables of prices, fractional shares.

It fills at the prices it is given. For W1 and W2 these are the opens, each beside the decision of
the close before, and at last the last close: next-open fills. In W4 the account must be seen at
the close, so there it fills at the same close. An amount to buy for includes the fee.
"""

from __future__ import annotations

import bt
import numpy as np
import pandas as pd
from workloads import Account, Bools, Convention, Crosses, Floats, wanted

DISTRIBUTIONS = ("bt", "ffn")
CONVENTIONS = {"w4_wide": Convention.SAME_CLOSE, "w4_long": Convention.SAME_CLOSE}
SLOW = ("w1", "w2")
TOLERANCE = 1e-6


def _change(target: bt.Strategy, names: list[str], held: Bools, want: Bools, fee: float) -> None:
    """Bring the symbols that changed to their weights, sales first."""
    if (want == held).all():
        return
    base, weight = target.value, min(1.0, (1.0 + fee) / len(names))
    for i in np.flatnonzero(held & ~want):
        target.rebalance(0.0, child=names[i], base=base, update=False)
    for i in np.flatnonzero(want & ~held):
        target.rebalance(weight, child=names[i], base=base, update=False)
    target.root.update(target.now)


class _Cross(bt.Algo):
    """W1 and W2: follow a table of wanted symbols, a row less than there are prices."""

    def __init__(self, names: list[str], want: Bools, fee: float) -> None:
        super().__init__()
        self.names, self.want, self.fee = names, want, fee
        self.held, self.t = np.zeros(len(names), dtype=np.bool_), -1

    def __call__(self, target: bt.Strategy) -> bool:
        """Trade at the open after the decision."""
        self.t += 1
        if self.t < len(self.want):
            _change(target, self.names, self.held, self.want[self.t], self.fee)
            self.held = self.want[self.t]
        return True


class _Account(bt.Algo):
    """W4: decide from the account and trade at the same close."""

    def __init__(self, names: list[str], data: Account) -> None:
        super().__init__()
        self.names, self.data, self.peak = names, data, data.cash
        self.held, self.t = np.zeros(len(names), dtype=np.bool_), -1

    def __call__(self, target: bt.Strategy) -> bool:
        """Decide and trade."""
        self.t += 1
        equity = target.value
        self.peak = max(self.peak, equity)
        want = wanted(self.data.feature[self.t], equity, self.peak, self.data.max_drawdown)
        _change(target, self.names, self.held, want, self.data.fee)
        self.held = want
        return True


def _run(algo: bt.Algo, table: pd.DataFrame, data: Crosses | Account) -> float:
    """Final equity of one run."""
    fee = data.fee

    def commission(quantity: float, price: float) -> float:
        return abs(quantity) * price * fee

    test = bt.Backtest(
        bt.Strategy("s", [algo], list(table.columns)),
        table,
        initial_capital=data.cash,
        commissions=commission,
        integer_positions=False,
        progress_bar=False,
    )
    test.run()
    return float(test.strategy.value)


def _table(values: Floats, data: Crosses | Account) -> pd.DataFrame:
    """Prices as bt wants them."""
    names = [str(i) for i in range(data.bars.n_symbols)]
    return pd.DataFrame(values, index=pd.to_datetime(data.bars.time), columns=names)


def w1(data: Crosses) -> float:
    """One child, all in or out."""
    close = pd.DataFrame(data.bars.close)
    want = (close.rolling(data.fast).mean() > close.rolling(data.slow).mean()).to_numpy()
    table = _table(np.vstack([data.bars.open[1:], data.bars.close[-1:]]), data)
    return _run(_Cross(list(table.columns), want[:-1], data.fee), table, data)


def w2(data: Crosses) -> float:
    """A child for each symbol."""
    return w1(data)


def w4_wide(data: Account) -> float:
    """A child for each symbol."""
    table = _table(data.bars.close, data)
    return _run(_Account(list(table.columns), data), table, data)


def w4_long(data: Account) -> float:
    """One child."""
    return w4_wide(data)
