"""The figures are those of a library, on random curves, and of their definitions, on trades."""

from __future__ import annotations

import numpy as np
import pytest

from darwin_core import ledger, stats

DAY = 86_400 * 10**9


@pytest.mark.parametrize("seed", range(5))
def test_curve_figures_are_those_of_vectorbt(seed: int) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("vectorbt")
    rng = np.random.default_rng(seed)
    n = 600
    equity = 1000.0 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, n)))
    time = (np.arange(n) * DAY).astype(np.int64)
    ours = stats.curve_stats(time, equity, 1000.0)
    years = (n - 1) * DAY / (365.25 * DAY)
    per_year = (n - 1) / years
    series = pd.Series(np.diff(equity, prepend=1000.0) / np.concatenate([[1000.0], equity[:-1]]))
    theirs = series.vbt.returns(freq="1D", year_freq=f"{per_year}D")
    assert ours["total_return"] == pytest.approx(theirs.total(), rel=1e-9)
    assert ours["max_drawdown"] == pytest.approx(-theirs.max_drawdown(), rel=1e-9)
    assert ours["volatility"] == pytest.approx(theirs.annualized_volatility(), rel=1e-6)
    assert ours["sharpe"] == pytest.approx(theirs.sharpe_ratio(), rel=1e-6)
    assert ours["sortino"] == pytest.approx(theirs.sortino_ratio(), rel=1e-6)
    assert ours["cagr"] == pytest.approx((equity[-1] / 1000.0) ** (1 / years) - 1, rel=1e-12)
    assert ours["calmar"] == pytest.approx(ours["cagr"] / ours["max_drawdown"])


def test_a_flat_curve_has_no_ratios() -> None:
    figures = stats.curve_stats(np.arange(3) * DAY, np.full(3, 5.0), 5.0)
    assert figures["total_return"] == 0.0
    assert np.isnan(figures["sharpe"])
    assert np.isnan(figures["calmar"])


def test_one_bar_has_figures() -> None:
    assert stats.curve_stats(np.array([DAY]), np.array([6.0]), 5.0)["total_return"] == pytest.approx(0.2)


def fills(*rows: tuple[int, int, float, float, float]) -> np.ndarray:
    out = np.zeros(len(rows), ledger.FILL_DTYPE)
    for i, (bar, symbol, quantity, price, fee) in enumerate(rows):
        out[i] = (bar, symbol, i, quantity, price, fee, 0)
    return out


def test_a_round_trip_is_paired_at_average_prices() -> None:
    trades = stats.round_trips(fills((0, 0, 10, 100, 1), (1, 0, 10, 110, 1), (5, 0, -5, 120, 1), (9, 0, -15, 90, 1)), 1)
    assert len(trades) == 1
    assert trades[0]["entry_price"] == pytest.approx(105)
    assert trades[0]["exit_price"] == pytest.approx((5 * 120 + 15 * 90) / 20)
    assert trades[0]["profit"] == pytest.approx(5 * 120 + 15 * 90 - 20 * 105 - 4)
    assert (trades[0]["entry_bar"], trades[0]["exit_bar"]) == (0, 9)


def test_a_flip_closes_one_trade_and_opens_another_with_the_fee_shared() -> None:
    trades = stats.round_trips(fills((0, 0, 10, 100, 2), (1, 0, -30, 110, 3), (2, 0, 20, 100, 2)), 1)
    assert trades["side"].tolist() == [1.0, -1.0]
    assert trades["profit"] == pytest.approx([100 - 2 - 1, 200 - 2 - 2])


@pytest.mark.parametrize("seed", range(3))
def test_profits_of_closed_trades_are_the_money_that_was_made(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, held = [], np.zeros(3)
    for bar in range(300):
        s = int(rng.integers(3))
        quantity = float(rng.integers(-5, 6)) or 1.0
        held[s] += quantity
        rows.append((bar, s, quantity, float(rng.uniform(50, 150)), 0.25))
    for s in np.flatnonzero(held):
        rows.append((300, int(s), -float(held[s]), 100.0, 0.25))
    table = fills(*rows)
    money = -(table["quantity"] * table["price"]).sum() - table["fee"].sum()
    trades = stats.round_trips(table, 3)
    assert trades["profit"].sum() == pytest.approx(money)
    figures = stats.trade_stats(trades)
    assert figures["trades"] == len(trades) > 5
    assert figures["win_rate"] == (trades["profit"] > 0).mean()
    gains, losses = trades["profit"][trades["profit"] > 0].sum(), -trades["profit"][trades["profit"] < 0].sum()
    assert figures["profit_factor"] == pytest.approx(gains / losses)
