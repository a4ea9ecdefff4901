from __future__ import annotations

import numpy as np
import pytest
from darwin_momentum.momentum import Momentum
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darwin_core import Bars, ConfigError, DataError, Market
from darwin_core.testing import daily_bars, fake_options

FIRST = np.datetime64("2020-01-01T21:00")
TOML = '[strategy]\nuse = "momentum"\nwindow = 20\nskip = 2\ntop = 2\nvolatility = 10\n'


def days_from_first(rows):
    return FIRST + np.arange(rows) * np.timedelta64(1, "D")


def market(values, strategy, symbols=3, zone="UTC"):
    """Return daily bars from 2020 on, whose columns are `values`, one (T, S) array for each."""
    time = days_from_first(values.shape[1]).astype("datetime64[ns]").astype(np.int64)
    bars = Bars(time, ("A", "B", "C")[:symbols], {"close": np.ones(values.shape[1:])}, {}, zone)
    return Market(bars, dict(zip(strategy.requires, values, strict=False)))


def recent(column, row, strategy):
    """Return each symbol's last value at `row`, at most `max_gap` rows old."""
    out = []
    for s in range(column.shape[1]):
        found = [column[r, s] for r in range(row, max(0, row - strategy.max_gap) - 1, -1) if not np.isnan(column[r, s])]
        out.append(found[0] if found else np.nan)
    return out


def portfolio(values, row, strategy):
    """Return the weights that are chosen at `row`, by the definition."""
    momentum, volatility = (recent(values[k], row, strategy) for k in range(2))
    ranked = [s for s in range(3) if not np.isnan(momentum[s])]
    if strategy.weighting != "equal":
        ranked = [s for s in ranked if volatility[s] > 0.0]
    held = sorted(ranked, key=lambda s: (-momentum[s], s))[: strategy.top]
    held = [s for s in held if momentum[s] > 0.0 or not strategy.absolute]
    weights = [0.0] * 3
    for s in held:
        weights[s] = strategy.gross / strategy.top
        if strategy.weighting != "equal":
            weights[s] *= len(held) / volatility[s] / sum(1.0 / volatility[k] for k in held)
    return weights


strategies = st.builds(
    Momentum,
    top=st.integers(1, 3),
    rebalance=st.sampled_from(["week", "day"]),
    every=st.integers(1, 2),
    weighting=st.sampled_from(["equal", "inverse-volatility"]),
    absolute=st.booleans(),
    gross=st.sampled_from([1.0, 0.5]),
    max_gap=st.integers(0, 3),
)
numbers = st.one_of(st.just(np.nan), st.sampled_from([-0.1, 0.0, 0.1, 0.2]), st.floats(-0.5, 0.5))
columns = st.integers(1, 40).flatmap(lambda rows: hnp.arrays(np.float64, (2, rows, 3), elements=numbers))


@given(strategies, columns)
def test_it_holds_the_portfolio_of_the_last_rebalance(strategy, values):
    values[1] = np.abs(values[1])
    values[1][values[1] < 1e-3] = 0.0
    proposal = strategy.propose(market(values, strategy))
    days = days_from_first(values.shape[1]).astype("datetime64[D]").astype(np.int64)
    number = (days if strategy.rebalance == "day" else (days + 3) // 7) // strategy.every
    weights = [0.0, 0.0, 0.0]
    for t in range(values.shape[1]):
        if t > 0 and number[t] != number[t - 1]:
            weights = portfolio(values, t, strategy)
        np.testing.assert_allclose(proposal.weight[t], weights, rtol=1e-12)
        assert proposal.side[t].tolist() == [int(weight > 0.0) for weight in weights]


@given(strategies, columns, st.data())
def test_a_row_is_the_same_in_every_window_that_holds_its_lookback(strategy, values, data):
    whole = strategy.propose(market(values, strategy))
    row = data.draw(st.integers(0, values.shape[1] - 1))
    first = data.draw(st.integers(0, max(0, row - strategy.lookback)))
    cut = market(values, strategy).bars[first : row + 1]
    columns_cut = dict(zip(strategy.requires, values[:, first : row + 1], strict=False))
    part = strategy.propose(Market(cut, columns_cut))
    for output in ("side", "weight", "confidence"):
        assert getattr(part, output)[-1].tolist() == getattr(whole, output)[row].tolist()


def test_a_month_begins_with_its_first_bar_in_the_feeds_zone():
    strategy = Momentum(top=1, max_gap=0)
    values = np.zeros((1, 70, 3))
    values[0, :, 0] = np.arange(70) + 1.0
    first = Momentum(top=1).propose(market(values, strategy)).side[:, 0]
    assert int(np.flatnonzero(first)[0]) == 31
    # 21:00 UTC on the 31st is the 1st of February in Tokyo
    first = strategy.propose(market(values, strategy, zone="Asia/Tokyo")).side[:, 0]
    assert int(np.flatnonzero(first)[0]) == 30


def test_the_best_has_confidence_one_and_those_not_ranked_none():
    strategy = Momentum(top=1, rebalance="day", max_gap=0)
    values = np.array([[[0.1, np.nan, 0.3]] * 2])
    assert strategy.propose(market(values, strategy)).confidence[1].tolist() == [0.5, 0.0, 1.0]


def test_of_equal_symbols_the_first_is_held():
    strategy = Momentum(top=2, rebalance="day")
    assert strategy.propose(market(np.full((1, 3, 3), 0.1), strategy)).side[1].tolist() == [1, 1, 0]


def test_more_places_than_symbols_are_refused():
    strategy = Momentum(top=4)
    with pytest.raises(DataError, match="top is 4, and the feed has 3 symbols"):
        strategy.propose(market(np.zeros((1, 3, 3)), strategy))


def test_more_bars_than_a_period_can_have_are_refused_not_guessed_at():
    strategy = Momentum(top=1, rebalance="month", bars_per_day=0.5)
    with pytest.raises(DataError, match=r"more than 16 bars in the 1 month.*bars_per_day"):
        strategy.propose(market(np.zeros((1, 40, 3)), strategy))


@pytest.mark.parametrize("weighting", ["equal", "inverse-volatility"])
def test_blocks_change_nothing(backtest, weighting):
    text = f'{TOML}weighting = "{weighting}"\n[run]\naudit = "full"\nblock = '
    results = [backtest(f'{text}"{unit}"\n') for unit in ("quarter", "whole")]
    assert len(results[0].fills) > 20
    assert results[0].digest == results[1].digest


def test_in_a_backtest_it_says_something_new_on_first_bars_of_months_only(backtest):
    result = backtest(TOML)
    said = np.unique(result.decisions["time"][result.decisions["stage"] == 0])
    months = daily_bars(700).local_time().astype("datetime64[M]")
    first = {int(time) for time in result.time[1:][months[1:] != months[:-1]]}
    assert len(said) > 10
    assert {int(time) for time in said} <= first


@pytest.mark.parametrize(
    ("options", "line", "what"),
    [
        ({"window": 10, "skip": 10}, "darwin.toml:1: plugin", r"skip \(10\) has to be less than window \(10\)"),
        ({"top": 0}, "darwin.toml:2: plugin.top", ">= 1"),
        ({"rebalance": "mont"}, "darwin.toml:2: plugin.rebalance", "did you mean 'month'"),
        ({"gross": 0.0}, "darwin.toml:2: plugin.gross", "> 0"),
        ({"top": 3, "absolut": False}, "darwin.toml:3: plugin.absolut", "did you mean 'absolute'"),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, line, what):
    with pytest.raises(ConfigError, match=what) as error:
        fake_options(options).into(Momentum)
    assert line in str(error.value)
