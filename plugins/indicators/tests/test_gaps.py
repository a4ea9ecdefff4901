"""What missing bars do, and flat prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from darwin_indicators.library import Indicators

from darwin_core import Bars

if TYPE_CHECKING:
    from collections.abc import Sequence

NAN = np.nan


def closes(*columns: Sequence[float]) -> Bars:
    close = np.array(columns, np.float64).T
    time = np.arange(1, len(close) + 1) * 86_400_000_000_000
    return Bars(time, tuple(f"S{i}" for i in range(close.shape[1])), {"close": close})


def test_a_window_counts_the_symbols_own_bars() -> None:
    bars = closes([1, 2, NAN, 3, 4], [1, 2, 3, 4, 5], [NAN, NAN, 7, 8, 9])
    means = Indicators().column("sma", (2,)).compute(bars)
    expected = [[NAN, 1.5, NAN, 2.5, 3.5], [NAN, 1.5, 2.5, 3.5, 4.5], [NAN, NAN, NAN, 7.5, 8.5]]
    np.testing.assert_array_equal(means.T, expected)


def test_with_span_1_and_slack_0_a_missing_bar_blanks_its_windows() -> None:
    bars = closes([1, 2, NAN, 3, 4, 5])
    means = Indicators(span=1.0, slack=0).column("sma", (2,)).compute(bars)
    np.testing.assert_array_equal(means[:, 0], [NAN, 1.5, NAN, NAN, 3.5, 4.5])


def test_bars_from_before_the_reach_are_not_looked_for() -> None:
    bars = closes([1, 2, *[NAN] * 5, 3, 4])
    assert Indicators(span=1.0, slack=5).column("sma", (2,)).lookback == 6
    near = Indicators(span=1.0, slack=5).column("sma", (2,)).compute(bars)[:, 0]
    far = Indicators(span=1.0, slack=4).column("sma", (2,)).compute(bars)[:, 0]
    np.testing.assert_array_equal(near[-2:], [2.5, 3.5])
    np.testing.assert_array_equal(far[-2:], [NAN, 3.5])


def test_an_exponential_average_uses_the_bars_within_its_reach() -> None:
    prices = np.concatenate((np.full(30, 500.0), np.full(60, NAN), [10.0, 11.0, 12.0, 13.0]))
    column = Indicators(span=1.0, slack=0).column("ema", (3,))
    assert column.lookback < 60
    after = column.compute(closes(prices))[-4:, 0]
    alone = column.compute(closes(prices[-4:]))[:, 0]
    np.testing.assert_array_equal(after, alone)
    np.testing.assert_array_equal(np.isnan(alone), [True, True, False, False])


def test_a_symbols_values_do_not_depend_on_who_else_is_in_the_panel() -> None:
    prices = 100.0 + np.random.default_rng(0).normal(size=100).cumsum()
    stretched = np.full(140, NAN)
    days = np.sort(np.random.default_rng(1).permutation(140)[:100])
    stretched[days] = prices
    for name in ("sma", "ema", "rsi", "volatility", "bollinger"):
        column = Indicators(span=3.0).column(name, (5,))
        alone = column.compute(closes(prices))[:, 0]
        beside = column.compute(closes(stretched, np.arange(1, 141)))[days, 0]
        np.testing.assert_array_equal(alone, beside)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("return(1)", 0.0),
        ("sma(10)", 0.1),
        ("ema(10)", 0.1),
        ("macd(3,7,3)", 0.0),
        ("macd_hist(3,7,3)", 0.0),
        ("rsi(5)", 50.0),
        ("volatility(10)", 0.0),
        ("zscore(10)", 0.0),
        ("bollinger(10)", 0.5),
        ("drawdown(10)", 0.0),
        ("close_channel(10)", 0.5),
        ("breadth(10)", 0.0),
    ],
)
def test_a_price_that_never_moves_gives_exactly_the_neutral_value(name: str, expected: float) -> None:
    function, numbers = name.removesuffix(")").split("(")
    values = Indicators().column(function, tuple(map(float, numbers.split(",")))).compute(closes([0.1] * 60))
    assert (values[20:] == expected).all()


def test_rsi_is_100_without_a_loss_and_0_without_a_gain() -> None:
    values = Indicators().column("rsi", (5,)).compute(closes(range(1, 60), range(60, 1, -1)))
    assert (values[5:] == [100.0, 0.0]).all()


def test_prices_that_have_no_logarithm_or_ratio_give_nan_and_no_warning() -> None:
    bars = closes([1.0, -2.0, 3.0, 0.0, 5.0])
    np.testing.assert_array_equal(Indicators().column("log_return", (1,)).compute(bars)[:, 0], [NAN] * 5)
    returns = Indicators().column("return", (1,)).compute(bars)[:, 0]
    np.testing.assert_array_equal(returns, [NAN, -3.0, -2.5, -1.0, NAN])
