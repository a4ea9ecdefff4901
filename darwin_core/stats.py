"""What a curve and its trades amount to. Each figure states its formula and where it comes from.

A year's length in bars is measured, not assumed: bars per year = (T - 1) / (years between first and last bar), with
years of 365.25 days. Ratios are annualised with its square root. The risk-free rate is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import from_dtype, types

from darwin_core import ledger
from darwin_core.compiled import entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.types import Floats, Ints

_YEAR = 365.25 * 86_400e9

TRADE_DTYPE = np.dtype(
    [
        ("symbol", "<i8"), ("side", "<f8"), ("quantity", "<f8"), ("entry_bar", "<i8"), ("entry_price", "<f8"),
        ("exit_bar", "<i8"), ("exit_price", "<f8"), ("fees", "<f8"), ("profit", "<f8"), ("reason", "<i8"),
    ]
)  # fmt: skip
_FILLS = types.Array(from_dtype(ledger.FILL_DTYPE), 1, "C", readonly=True)


@entry(types.int64(_FILLS, types.float64[::1], types.float64[:, ::1], from_dtype(TRADE_DTYPE)[::1]), allocates=False)
def _pair(fills, held, open_trades, trades):  # type: ignore[no-untyped-def]
    """Pair fills into round trips by average cost; return how many were closed.

    Of each symbol it keeps what is held, and of the open trade: quantity, entry value, exit value, exit quantity, fees,
    entry bar.
    """
    n = 0
    for i in range(len(fills)):
        fill = fills[i]
        s = fill.symbol
        left, fee = fill.quantity, fill.fee
        if held[s] * left < 0.0:
            closing = min(abs(left), abs(held[s]))
            share = closing / abs(left)
            open_trades[s, 2] += closing * fill.price
            open_trades[s, 3] += closing
            open_trades[s, 4] += fee * share
            side = 1.0 if held[s] > 0.0 else -1.0
            emptied = closing == abs(held[s]) or abs(abs(held[s]) - closing) < 1e-12 * open_trades[s, 0]
            held[s] -= side * closing
            left += side * closing
            fee -= fee * share
            if emptied:
                held[s] = 0.0
                trade = trades[n]
                trade.symbol, trade.side, trade.quantity = s, side, open_trades[s, 0]
                trade.entry_bar, trade.exit_bar = int(open_trades[s, 5]), fill.bar
                trade.entry_price = open_trades[s, 1] / open_trades[s, 0]
                trade.exit_price = open_trades[s, 2] / open_trades[s, 3]
                trade.fees = open_trades[s, 4]
                trade.profit = side * (open_trades[s, 2] - open_trades[s, 1]) - open_trades[s, 4]
                trade.reason = fill.reason
                for place in range(6):
                    open_trades[s, place] = 0.0
                n += 1
        if left != 0.0:
            if held[s] == 0.0:
                open_trades[s, 5] = fill.bar
            held[s] += left
            open_trades[s, 0] += abs(left)
            open_trades[s, 1] += abs(left) * fill.price
            open_trades[s, 4] += fee
    return n


def round_trips(fills: NDArray[Any], n_symbols: int) -> NDArray[Any]:
    """Return the closed trades, in the order of their exits: from flat to flat, at average prices."""
    trades = np.zeros(len(fills), TRADE_DTYPE)
    return trades[: _pair(fills, np.zeros(n_symbols), np.zeros((n_symbols, 6)), trades)]


_FIVE: Any = types.UniTuple(types.float64, 5)  # type: ignore[no-untyped-call]


@entry(_FIVE(types.Array(types.float64, 1, "A", readonly=True), types.float64), allocates=False)
def _moments(equity, start):  # type: ignore[no-untyped-def]
    """Return mean, sample deviation and downside deviation of simple returns, max drawdown, bars under water."""
    n = len(equity)
    total = squares = below = 0.0
    before = start
    peak = start
    deepest = 0.0
    since = longest = 0
    for t in range(n):
        r = equity[t] / before - 1.0 if before > 0.0 else 0.0
        total += r
        below += min(r, 0.0) ** 2
        before = equity[t]
        if equity[t] >= peak:
            peak = equity[t]
            since = 0
        else:
            since += 1
            longest = max(longest, since)
            deepest = max(deepest, 1.0 - equity[t] / peak)
    mean = total / n
    before = start
    for t in range(n):
        r = equity[t] / before - 1.0 if before > 0.0 else 0.0
        squares += (r - mean) ** 2
        before = equity[t]
    return mean, np.sqrt(squares / max(1, n - 1)), np.sqrt(below / n), deepest, float(longest)


def years_of(time: Ints) -> float:
    """Return the years between the first and the last bar; at least a day's share, so that ratios exist."""
    return max(float(time[-1] - time[0]) / _YEAR, 1 / 365.25)


def curve_stats(time: Ints, equity: Floats, start: float) -> dict[str, float]:
    """Describe an equity curve.

    Parameters
    ----------
    time
        (T,) ns.
    equity
        (T,) money at each close.
    start
        Money before the first bar.

    Returns
    -------
    dict
        total_return = E_T / E_0 - 1; cagr = (E_T / E_0)^(1 / years) - 1; volatility = s * sqrt(B), s the sample
        deviation of bar returns and B the bars per year; sharpe = mean / s * sqrt(B) (Sharpe 1994, zero rate);
        sortino = mean / d * sqrt(B), d = sqrt(mean(min(r, 0)^2)) (Sortino and Price 1994); max_drawdown = max(1 - E /
        running max E); calmar = cagr / max_drawdown (Young 1991); underwater_bars = most bars in a row below a
        former high. A ratio without a denominator is NaN.
    """
    years = years_of(time)
    per_year = max(len(time) - 1, 1) / years
    mean, deviation, downside, drawdown, underwater = _moments(equity, start)
    growth = max(float(equity[-1]) / start, 0.0)
    cagr = growth ** (1.0 / years) - 1.0
    return {
        "total_return": growth - 1.0,
        "cagr": cagr,
        "volatility": deviation * per_year**0.5,
        "sharpe": mean / deviation * per_year**0.5 if deviation > 0.0 else float("nan"),
        "sortino": mean / downside * per_year**0.5 if downside > 0.0 else float("nan"),
        "max_drawdown": drawdown,
        "calmar": cagr / drawdown if drawdown > 0.0 else float("nan"),
        "underwater_bars": underwater,
    }


def trade_stats(trades: NDArray[Any]) -> dict[str, float]:
    """Describe closed trades: their number, win_rate = wins / trades, profit_factor = gains / losses, ..."""
    profit = trades["profit"]
    n = len(trades)
    gains, losses = float(profit[profit > 0.0].sum()), float(-profit[profit < 0.0].sum())
    return {
        "trades": n,
        "win_rate": float((profit > 0.0).mean()) if n else float("nan"),
        "profit_factor": gains / losses if losses > 0.0 else float("nan"),
        "average_trade": float(profit.mean()) if n else float("nan"),
        "average_bars": float((trades["exit_bar"] - trades["entry_bar"]).mean()) if n else float("nan"),
    }


def account_stats(time: Ints, curve: Floats, book: Floats) -> dict[str, float]:
    """Describe what trading took: fees, all costs, turnover a year, and how much was invested.

    turnover = value traded / mean equity / years (both sides counted); exposure = mean of gross / equity;
    time_in_market = share of closes with a position.
    """
    equity, gross = curve[:, 0], curve[:, 2]
    mean = float(equity.mean())
    invested = np.divide(gross, equity, out=np.zeros(len(equity)), where=equity > 0.0)
    return {
        "fees": float(book[ledger.FEES]),
        "costs": float(book[ledger.COST]),
        "turnover": float(book[ledger.TRADED]) / mean / years_of(time) if mean > 0.0 else float("nan"),
        "exposure": float(invested.mean()),
        "time_in_market": float((gross > 0.0).mean()),
    }
