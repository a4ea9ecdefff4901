"""From fills and closes to a vectorbt portfolio."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_YEAR = 365.25 * 86_400e9
BUY, SELL = 0, 1


def of_result(result: Any) -> Any:
    """Return the portfolio of a `darwin_core` result: one account over all symbols.

    Raises
    ------
    DataError
        When the feed cannot be read again.
    """
    line = result.line
    closes = line.feed.read(0, len(result.time)).close
    cash = float(line.settings.execution.cash)
    return portfolio(result.time, result.symbols, closes, result.fills, cash, line.feed.interval)


def portfolio(
    time: NDArray[np.int64],
    symbols: Sequence[str],
    closes: NDArray[np.float64],
    fills: NDArray[Any],
    cash: float,
    interval: int,
) -> Any:
    """Return a `vectorbt.Portfolio` that holds the given fills.

    Parameters
    ----------
    time
        (T,) ns UTC.
    closes
        (T, S); NaN where there is no bar.
    fills
        Records with bar, symbol, quantity (signed), price and fee.
    cash
        Money at the start.
    interval
        Nominal time between bars, in ns.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of vectorbt's many imports
        import pandas as pd
        import vectorbt as vbt

    index = pd.DatetimeIndex(time.astype("datetime64[ns]"), tz="UTC")
    names = pd.Index(symbols, name="symbol")
    wrapper = vbt.ArrayWrapper(index, names, 2, freq=pd.Timedelta(interval, "ns"), group_by=np.zeros(len(names), int))
    return vbt.Portfolio(
        wrapper,
        pd.DataFrame(closes, index=index, columns=names),
        _orders(fills, vbt.portfolio.enums.order_dt),
        np.empty(0, vbt.portfolio.enums.log_dt),
        np.array([cash]),
        cash_sharing=True,
        fillna_close=True,
    )


def _orders(fills: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return fills as vectorbt's order records: by symbol, then in the order in which they happened."""
    order = np.lexsort((np.arange(len(fills)), fills["symbol"]))
    sorted_fills = fills[order]
    records = np.zeros(len(fills), dtype)
    records["id"] = np.arange(len(fills))
    records["col"], records["idx"] = sorted_fills["symbol"], sorted_fills["bar"]
    records["size"], records["price"] = np.abs(sorted_fills["quantity"]), sorted_fills["price"]
    records["fees"] = sorted_fills["fee"]
    records["side"] = np.where(sorted_fills["quantity"] > 0, BUY, SELL)
    return records


def statistics(made: Any) -> dict[str, Any]:
    """Return vectorbt's statistics of a portfolio, annualized by the bars that a year of it has."""
    import pandas as pd

    index = made.wrapper.index
    years = (index[-1] - index[0]) / pd.Timedelta(_YEAR, "ns")
    year = made.wrapper.freq * ((len(index) - 1) / years) if years else pd.Timedelta(_YEAR, "ns")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, Any] = made.stats(settings={"year_freq": year}).to_dict()
    return found
