"""The data of the interactive charts: curves, prices and trades, thinned to what a screen can show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_html_report.packing import doubles, floats, nanoseconds, seconds
from darwin_html_report.thinning import kept, merged

if TYPE_CHECKING:
    from darwin_html_report.thinning import Floats

MOST_ROWS = 10_000
_MOST_TRADES = 10_000
_MOST_SYMBOLS = 60
_MOST_PRICES = 60_000


def curves(equity: Any, start: float) -> dict[str, Any]:
    """Return equity, buy and hold, both drawdowns and exposures; a share of an account without equity is NaN.

    Parameters
    ----------
    equity
        The run's equity table.
    start
        Money before the first bar.
    """
    own, held = (equity[name].to_numpy() for name in ("equity", "benchmark"))
    drawdown = equity["drawdown"].to_numpy()
    held_drawdown = 1.0 - held / np.maximum.accumulate(np.maximum(held, start))
    gross, net = (_share(equity[name].to_numpy(), own) for name in ("gross", "net"))
    rows = kept((own, held, drawdown, gross, net), MOST_ROWS)
    return {
        "bars": len(own),
        "time": seconds(equity["time"].take(rows)),
        "equity": floats(own[rows]),
        "benchmark": floats(held[rows]),
        "drawdown": floats(-drawdown[rows]),
        "benchmark_drawdown": floats(-held_drawdown[rows]),
        "gross": floats(gross[rows]),
        "net": floats(net[rows]) if (net[rows] < 0.0).any() else None,
    }


def _share(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0.0)
    return share


def trades(table: Any) -> dict[str, Any]:
    """Return the trades, the last ones if there are too many for a page."""
    shown = table.slice(max(0, len(table) - _MOST_TRADES))
    symbols, symbol = _codes(shown["symbol"].to_pylist())
    reasons, reason = _codes(shown["reason"].to_pylist())
    numbers = ("side", "quantity", "entry_price", "exit_price", "bars", "fees", "profit")
    return {
        "count": len(table),
        "shown": len(shown),
        "symbols": symbols,
        "reasons": reasons,
        "symbol": floats(symbol),
        "reason": floats(reason),
        "entry_time": seconds(shown["entry_time"]),
        "exit_time": seconds(shown["exit_time"]),
        **{name: doubles(shown[name].to_numpy()) for name in numbers},
    }


def _codes(words: list[str | None]) -> tuple[list[str], list[int]]:
    names = sorted({word or "" for word in words})
    code = {name: number for number, name in enumerate(names)}
    return names, [code[word or ""] for word in words]


def charted(trades_table: Any) -> list[str]:
    """Return the symbols that get a chart: those with most trades, in the order of their names."""
    most = Counter(trades_table["symbol"].to_pylist()).most_common(_MOST_SYMBOLS)
    return sorted(symbol for symbol, _ in most)


def prices(table: Any, symbols: list[str]) -> dict[str, Any] | None:
    """Return closes by symbol, thinned; None when the run stores no prices.

    Parameters
    ----------
    table
        time, symbol, low, high, close; every symbol has a row at every time.
    symbols
        Those that are wanted.
    """
    if table is None or not symbols:
        return None
    import pyarrow.compute as pc

    names = table["symbol"].cast("string")
    rows = {symbol: table.filter(pc.equal(names, symbol)) for symbol in symbols}
    length = max(1, *map(len, rows.values()))
    width = max(1, -(-length * len(symbols) // _MOST_PRICES))
    return {symbol: _price(each, width) for symbol, each in rows.items() if len(each)}


def _price(rows: Any, width: int) -> dict[str, Any]:
    low, high, close = merged(rows["low"].to_numpy(), rows["high"].to_numpy(), rows["close"].to_numpy(), width)
    times = nanoseconds(rows["time"])
    ends = np.minimum(np.arange(0, len(times), width) + width, len(times)) - 1
    known = ~np.isnan(low)
    flat = bool(((low == high) | ~known).all())
    return {
        "time": doubles(times[ends][known] / 1e9),
        "close": floats(close[known]),
        "low": None if flat else floats(low[known]),
        "high": None if flat else floats(high[known]),
    }
