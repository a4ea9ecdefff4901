"""Every column against an independent computation: pandas, or the definition in plain Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from darwin_indicators.library import Indicators

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core import Bars

# A reach without an end: pandas has no such rule. What the reach does is tested in test_gaps.py.
LIBRARY = Indicators(span=1.0, slack=100_000)
Frame = pd.DataFrame


def wilder(values: pd.Series, n: int) -> pd.Series:
    return values.ewm(alpha=1 / n, min_periods=n).mean()


def true_range(f: Frame) -> pd.Series:
    before = f.close.shift()
    parts = [f.high - f.low, (f.high - before).abs(), (f.low - before).abs()]
    return pd.concat(parts, axis=1).max(axis=1).where(before.notna())


def rsi(f: Frame, n: int) -> pd.Series:
    move = f.close.diff()
    strength = wilder(move.clip(lower=0), n) / wilder(-move.clip(upper=0), n)
    return 100 - 100 / (1 + strength)


def macd(f: Frame, fast: int, slow: int) -> pd.Series:
    return f.close.ewm(span=fast, min_periods=fast).mean() - f.close.ewm(span=slow, min_periods=slow).mean()


def signal(f: Frame, fast: int, slow: int, n: int) -> pd.Series:
    return macd(f, fast, slow).ewm(span=n, min_periods=n).mean()


def z(values: pd.Series, n: int) -> pd.Series:
    window = values.rolling(n)
    return (values - window.mean()) / window.std(ddof=0)


def percent_b(f: Frame, n: int, k: float) -> pd.Series:
    middle, width = f.close.rolling(n).mean(), k * f.close.rolling(n).std(ddof=0)
    return (f.close - (middle - width)) / (2 * width)


def position(close: pd.Series, low: pd.Series, high: pd.Series, n: int) -> pd.Series:
    bottom, top = low.rolling(n).min(), high.rolling(n).max()
    return (close - bottom) / (top - bottom)


ORACLES: dict[str, tuple[tuple[float, ...], Callable[[Frame], pd.Series]]] = {
    "level": ((), lambda f: f.close),
    "return": ((5,), lambda f: f.close.pct_change(5)),
    "log_return": ((3,), lambda f: np.log(f.close).diff(3)),
    "momentum": ((60, 10), lambda f: f.close.shift(10) / f.close.shift(60) - 1),
    "sma": ((50,), lambda f: f.close.rolling(50).mean()),
    "ema": ((13,), lambda f: f.close.ewm(span=13, min_periods=13).mean()),
    "macd": ((5, 11, 4), lambda f: macd(f, 5, 11)),
    "macd_signal": ((5, 11, 4), lambda f: signal(f, 5, 11, 4)),
    "macd_hist": ((5, 11, 4), lambda f: macd(f, 5, 11) - signal(f, 5, 11, 4)),
    "rsi": ((14,), lambda f: rsi(f, 14)),
    "volatility": ((21,), lambda f: f.close.pct_change().rolling(21).std(ddof=1)),
    "zscore": ((30,), lambda f: z(f.close, 30)),
    "bollinger": ((20, 2.5), lambda f: percent_b(f, 20, 2.5)),
    "drawdown": ((100,), lambda f: f.close / f.close.rolling(100).max() - 1),
    "close_channel": ((17,), lambda f: position(f.close, f.close, f.close, 17)),
    "channel": ((17,), lambda f: position(f.close, f.low, f.high, 17)),
    "atr": ((14,), lambda f: wilder(true_range(f), 14)),
    "atr_ratio": ((14,), lambda f: wilder(true_range(f), 14) / f.close),
    "volume_z": ((20,), lambda f: z(f.volume, 20)),
}


def by_symbol(bars: Bars, oracle: Callable[[Frame], pd.Series]) -> np.ndarray:
    """Compute over each symbol's own bars, and put the values back where the bars were."""
    columns = []
    for s in range(len(bars.symbols)):
        frame = pd.DataFrame({name: values[:, s] for name, values in bars.fields.items()}).dropna()
        columns.append(oracle(frame).reindex(range(len(bars))))
    return pd.concat(columns, axis=1).to_numpy()


@pytest.mark.parametrize("panel", ["bars", "gappy"])
@pytest.mark.parametrize("name", sorted(ORACLES))
def test_it_equals_pandas_over_each_symbols_own_bars(name: str, panel: str, request: pytest.FixtureRequest) -> None:
    bars = request.getfixturevalue(panel)
    numbers, oracle = ORACLES[name]
    expected = by_symbol(bars, oracle)
    assert np.isfinite(expected).sum() > expected.size / 2
    # pandas keeps running sums, and an exponential average here forgets what weighs less than 1e-9.
    scale = {"rsi": 100.0} | dict.fromkeys(("ema", "macd", "macd_signal", "macd_hist", "atr"), np.nanmax(bars.close))
    tolerance = 2e-9 * scale.get(name, 5.0)
    np.testing.assert_allclose(LIBRARY.column(name, numbers).compute(bars), expected, rtol=1e-9, atol=tolerance)


def test_every_column_of_own_bars_has_an_oracle() -> None:
    from darwin_indicators.catalogue import ENTRIES

    assert set(ORACLES) == set(ENTRIES)


def test_drawdown_0_is_from_the_highest_close_ever(gappy: Bars) -> None:
    expected = by_symbol(gappy, lambda f: f.close / f.close.cummax() - 1)
    np.testing.assert_allclose(LIBRARY.column("drawdown", (0,)).compute(gappy), expected, rtol=1e-12)


def test_breadth_is_the_share_above_the_average_of_those_that_have_one(gappy: Bars) -> None:
    average = by_symbol(gappy, lambda f: f.close.rolling(50).mean())
    expected = []
    for close, mean in zip(gappy.close, average, strict=True):
        known = [c > m for c, m in zip(close, mean, strict=True) if not math.isnan(m)]
        expected.append(sum(known) / len(known) if known else math.nan)
    np.testing.assert_array_equal(LIBRARY.column("breadth", (50,)).compute(gappy), expected)


def test_rank_is_the_scaled_rank_of_momentum_among_those_that_have_one(gappy: Bars) -> None:
    momentum = pd.DataFrame(by_symbol(gappy, lambda f: f.close.shift(5) / f.close.shift(40) - 1))
    known = momentum.notna().sum(axis=1)
    expected = (momentum.rank(axis=1) - 1).div(known - 1, axis=0)
    expected[known == 1] = expected[known == 1].where(momentum.isna(), 0.5)
    np.testing.assert_allclose(LIBRARY.column("rank", (40, 5)).compute(gappy), expected, rtol=1e-12)


def test_equal_momenta_share_the_mean_of_their_ranks() -> None:
    from darwin_indicators.cross_section import ranks

    rows = np.array([[3.0, 1.0, 3.0, np.nan, 2.0], [7.0, np.nan, np.nan, np.nan, np.nan], [1.0] * 5])
    expected = [[5 / 6, 0.0, 5 / 6, np.nan, 1 / 3], [0.5, *[np.nan] * 4], [0.5] * 5]
    np.testing.assert_allclose(ranks(rows), expected, rtol=1e-15)


def test_wilders_own_start_is_forgotten_in_time(bars: Bars) -> None:
    """Wilder (1978) starts from the plain mean of the first n moves; here weights are scaled instead."""
    n, close = 14, bars.close[:, 0]
    moves = np.diff(close)
    up, down = np.maximum(moves[:n], 0).mean(), np.maximum(-moves[:n], 0).mean()
    expected = np.full(len(close), np.nan)
    for i in range(n, len(moves)):
        up = (up * (n - 1) + max(moves[i], 0)) / n
        down = (down * (n - 1) + max(-moves[i], 0)) / n
        expected[i + 1] = 100 - 100 / (1 + up / down)
    ours = LIBRARY.column("rsi", (n,)).compute(bars)[:, 0]
    late = slice(n * 21, None)
    np.testing.assert_allclose(ours[late], expected[late], atol=1e-6)


def test_the_calendar_is_that_of_the_day_that_ends(bars: Bars) -> None:
    stamps = pd.to_datetime(bars.time - 1, utc=True).tz_convert(bars.timezone)
    expected = {
        "day_of_week": stamps.day_of_week,
        "month": stamps.month,
        "day_of_month": stamps.day,
        "days_to_month_end": stamps.days_in_month - stamps.day,
        "minute_of_day": stamps.hour * 60 + stamps.minute + 1,
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(LIBRARY.column(name, ()).compute(bars), values, err_msg=name)
    for name, period in (("day_of_week", 7), ("month", 12), ("minute_of_day", 1440)):
        angle = 2 * np.pi * np.asarray(expected[name]) / period
        np.testing.assert_allclose(LIBRARY.column(f"{name}_sin", ()).compute(bars), np.sin(angle), atol=1e-12)
        np.testing.assert_allclose(LIBRARY.column(f"{name}_cos", ()).compute(bars), np.cos(angle), atol=1e-12)
