"""The formulas, over the bars of a symbol: (R, W) float64 in, (R, W) out, R own bars of W symbols.

Rows before the `minimum` of a column's recipe may hold anything; the caller blanks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darwin_indicators.windows import decayed, deviation, highest, lowest, mean

if TYPE_CHECKING:
    from darwin_indicators.windows import Floats


def ema_decay(n: int) -> float:
    """Return the decay of an n-bar exponential average, ``1 - 2 / (n + 1)``."""
    return 1.0 - 2.0 / (n + 1)


def wilder_decay(n: int) -> float:
    """Return the decay of Wilder's n-bar average, ``1 - 1 / n``."""
    return 1.0 - 1.0 / n


def _after(rows: int, values: Floats) -> Floats:
    """Return `values` with `rows` rows of NaN before them."""
    return np.concatenate((np.full((rows, values.shape[1]), np.nan), values))


def level(close: Floats) -> Floats:
    """Return the close itself."""
    return close


def change(close: Floats, n: int, skip: int = 0) -> Floats:
    """Return ``close[t - skip] / close[t - n] - 1``."""
    if len(close) <= n:
        return np.full_like(close, np.nan)
    out = close[n - skip : len(close) - skip] / close[:-n]
    out -= 1.0
    return _after(n, out)


def log_change(close: Floats, n: int) -> Floats:
    """Return ``ln(close[t] / close[t - n])``."""
    rows = min(n, len(close))
    return _after(rows, np.log(close[rows:] / close[: len(close) - rows]))


def ema(close: Floats, n: int) -> Floats:
    """Return the n-bar exponential average."""
    return decayed(close, ema_decay(n))


def volatility(close: Floats, n: int) -> Floats:
    """Return the sample standard deviation of the last `n` one-bar returns."""
    returns = close[1:] / close[:-1]
    returns -= 1.0
    return _after(1, deviation(returns, n, ddof=1)[1])


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """Return the range of each bar but the first, the gap from the close before included."""
    before = close[:-1]
    out: Floats = np.maximum(high[1:], before) - np.minimum(low[1:], before)
    return out


def atr(high: Floats, low: Floats, close: Floats, n: int) -> Floats:
    """Return Wilder's average of the true range."""
    return _after(1, decayed(true_range(high, low, close), wilder_decay(n)))


def atr_ratio(high: Floats, low: Floats, close: Floats, n: int) -> Floats:
    """Return the average true range as a share of the close."""
    return atr(high, low, close, n) / close


def rsi(close: Floats, n: int) -> Floats:
    """Return Wilder's relative strength index, 0 to 100; 50 when nothing moved."""
    moves = close[1:] - close[:-1]
    up = np.maximum(moves, 0.0)
    gain = decayed(up, wilder_decay(n))
    loss = decayed(up - moves, wilder_decay(n))
    both = gain + loss
    return _after(1, np.where(both > 0.0, 100.0 * (gain / both), np.where(both == 0.0, 50.0, np.nan)))


def macd(close: Floats, fast: int, slow: int) -> Floats:
    """Return the fast exponential average less the slow one."""
    return ema(close, fast) - ema(close, slow)


def macd_signal(close: Floats, fast: int, slow: int, signal: int) -> Floats:
    """Return the exponential average of MACD, from its first value on."""
    line = macd(close, fast, slow)
    rows = min(slow - 1, len(line))
    return _after(rows, ema(line[rows:], signal))


def macd_hist(close: Floats, fast: int, slow: int, signal: int) -> Floats:
    """Return MACD less its signal."""
    return macd(close, fast, slow) - macd_signal(close, fast, slow, signal)


def zscore(values: Floats, n: int) -> Floats:
    """Return the distance from the n-bar mean in standard deviations (over n); 0 where nothing varies."""
    centre, spread = deviation(values, n, ddof=0)
    return np.where(spread == 0.0, 0.0, (values - centre) / spread)


def bollinger(close: Floats, n: int, k: float) -> Floats:
    """Return %b: 0 on the lower band, 1 on the upper, 0.5 in the middle."""
    return 0.5 + zscore(close, n) / (2.0 * k)


def drawdown(close: Floats, n: int) -> Floats:
    """Return the distance from the highest of the last `n` closes, 0 or less; of all closes if `n` is 0."""
    top = highest(close, n) if n else np.maximum.accumulate(close, axis=0)
    return close / top - 1.0


def channel(high: Floats, low: Floats, close: Floats, n: int) -> Floats:
    """Return where the close is between the lowest low, 0, and the highest high, 1; 0.5 without a range."""
    bottom, top = lowest(low, n), highest(high, n)
    return np.where(top == bottom, 0.5, (close - bottom) / (top - bottom))


def close_channel(close: Floats, n: int) -> Floats:
    """Return where the close is between the lowest and the highest close; 0.5 without a range."""
    return channel(close, close, close, n)


__all__ = [
    "atr",
    "atr_ratio",
    "bollinger",
    "change",
    "channel",
    "close_channel",
    "drawdown",
    "ema",
    "ema_decay",
    "level",
    "log_change",
    "macd",
    "macd_hist",
    "macd_signal",
    "mean",
    "rsi",
    "volatility",
    "wilder_decay",
    "zscore",
]
