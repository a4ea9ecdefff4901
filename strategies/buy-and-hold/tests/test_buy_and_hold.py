from __future__ import annotations

import numpy as np
import pytest
from darwin_buy_and_hold.hold import BuyAndHold
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darwin_core import Bars, ConfigError, DataError, Market
from darwin_core.testing import daily_bars, fake_options

TOML = '[strategy]\nuse = "buy-and-hold"\n'


def market(close):
    return Market(Bars(np.arange(len(close)), ("A", "B", "C")[: close.shape[1]], {"close": close}), {})


closes = st.integers(1, 25).flatmap(
    lambda rows: hnp.arrays(np.float64, (rows, 2), elements=st.sampled_from([np.nan, np.nan, 100.0, 101.0]))
)


@given(closes, st.integers(0, 4))
def test_a_symbol_is_held_while_it_has_had_a_bar_lately(close, most):
    side = np.broadcast_to(BuyAndHold(max_gap=most).propose(market(close)).side, close.shape)
    for t in range(len(close)):
        for s in range(2):
            recent = close[max(0, t - most) : t + 1, s]
            assert side[t, s] == (not np.isnan(recent).all())


@given(closes, st.integers(0, 4), st.data())
def test_a_row_is_the_same_in_every_window_that_holds_its_lookback(close, most, data):
    strategy = BuyAndHold(max_gap=most)
    row = data.draw(st.integers(0, len(close) - 1))
    first = data.draw(st.integers(0, max(0, row - strategy.lookback)))
    whole = np.broadcast_to(strategy.propose(market(close)).side, close.shape)
    part = strategy.propose(market(close[first : row + 1])).side
    assert part[-1].tolist() == whole[row].tolist()


def test_every_symbol_has_an_equal_share():
    assert BuyAndHold().propose(market(np.ones((4, 3)))).weight == 1.0 / 3.0


def test_a_table_of_weights_holds_the_symbols_that_it_names():
    proposal = BuyAndHold({"B": 0.7, "A": 0.1}).propose(market(np.ones((4, 3))))
    assert proposal.weight.tolist() == [0.1, 0.7, 0.0]
    assert np.unique(proposal.side, axis=0).tolist() == [[1, 1, 0]]


def test_a_symbol_that_the_feed_does_not_have_is_refused_by_name():
    with pytest.raises(DataError, match="'Q', which the feed does not have"):
        BuyAndHold({"Q": 0.5}).propose(market(np.ones((4, 3))))


def test_each_symbol_is_bought_once_after_its_first_bar_and_kept(backtest):
    result = backtest(TOML)
    close = daily_bars(700).close
    bought = {int(fill["symbol"]): int(fill["bar"]) for fill in result.fills}
    first = {s: int(np.flatnonzero(~np.isnan(close[:, s]))[0]) for s in range(4)}
    assert len(result.fills) == 4
    assert (result.fills["quantity"] > 0).all()
    assert all(bought[s] == first[s] + 1 for s in (0, 1, 2))
    assert bought[3] > first[3]


def test_blocks_change_nothing(backtest):
    digests = {backtest(f'{TOML}[run]\nblock = "{unit}"\naudit = "full"\n').digest for unit in ("month", "whole")}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("options", "line", "what"),
    [
        ({"weights": {"A": -0.5}}, "darwin.toml:2: plugin.weights", ">= 0"),
        ({"weights": {"A": 0.0}}, "darwin.toml:1: plugin", "all `weights` are 0"),
        ({"weights": {"A": "much"}}, "darwin.toml:2: plugin.weights.A", "a number is expected"),
        ({"weights": 0.5}, "darwin.toml:2: plugin.weights", "a table is expected"),
        ({"max_gap": -1}, "darwin.toml:2: plugin.max_gap", ">= 0"),
        ({"weight": 1.0}, "darwin.toml:2: plugin.weight", "did you mean 'weights'"),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, line, what):
    with pytest.raises(ConfigError, match=what) as error:
        fake_options(options).into(BuyAndHold)
    assert line in str(error.value)
