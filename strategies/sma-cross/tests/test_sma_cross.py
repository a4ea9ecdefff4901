from __future__ import annotations

import numpy as np
import pytest
from darwin_sma_cross.cross import SmaCross
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darwin_core import Bars, ConfigError, Market
from darwin_core.testing import daily_bars, fake_options

TOML = '[strategy]\nuse = "sma-cross"\nfast = 3\nslow = 8\n'


def market(fast, slow, strategy):
    shape = np.shape(fast)
    bars = Bars(np.arange(shape[0]), tuple(f"S{i}" for i in range(shape[1])), {"close": np.ones(shape)})
    return Market(bars, dict(zip(strategy.requires, (fast, slow), strict=True)))


def by_definition(fast, slow, strategy):
    """Return side and confidence of one symbol, row by row."""
    sides, confidences = [], []
    for t in range(len(fast)):
        side, confidence = 0, 0.0
        for back in range(min(t, strategy.slow) + 1):
            f, s = fast[t - back], slow[t - back]
            if not np.isnan(f) and not np.isnan(s):
                side = 1 if f > s else -1 if f < s and strategy.short else 0
                confidence = min(1.0, abs(f / s - 1.0) / strategy.full_gap) if back == 0 else 0.0
                break
        sides.append(side)
        confidences.append(confidence)
    return sides, confidences


prices = st.one_of(st.just(np.nan), st.floats(90.0, 110.0), st.sampled_from([99.0, 100.0]))
averages = st.integers(1, 30).flatmap(lambda rows: hnp.arrays(np.float64, (2, rows, 2), elements=prices))


@given(averages, st.booleans())
def test_it_says_what_its_definition_says(values, short):
    strategy = SmaCross(fast=2, slow=4, short=short)
    proposal = strategy.propose(market(*values, strategy))
    for s in range(2):
        side, confidence = by_definition(values[0, :, s], values[1, :, s], strategy)
        assert proposal.side[:, s].tolist() == side
        np.testing.assert_allclose(proposal.confidence[:, s], confidence, rtol=1e-12)


@given(averages, st.booleans(), st.data())
def test_a_row_is_the_same_in_every_window_that_holds_its_lookback(values, short, data):
    strategy = SmaCross(fast=2, slow=4, short=short)
    whole = strategy.propose(market(*values, strategy))
    row = data.draw(st.integers(0, values.shape[1] - 1))
    first = data.draw(st.integers(0, max(0, row - strategy.lookback)))
    part = strategy.propose(market(*values[:, first : row + 1], strategy))
    assert part.side[-1].tolist() == whole.side[row].tolist()
    assert part.confidence[-1].tolist() == whole.confidence[row].tolist()


def test_a_missing_bar_is_no_reason_to_sell_and_a_long_absence_is():
    strategy = SmaCross(fast=2, slow=3)
    slow = np.array([10.0, np.nan, 10.0, np.nan, np.nan, np.nan, np.nan])[:, None]
    assert strategy.propose(market(slow + 1.0, slow, strategy)).side[:, 0].tolist() == [1, 1, 1, 1, 1, 1, 0]


def test_the_weight_is_an_equal_share_unless_one_is_given():
    values = np.full((3, 4), 100.0)
    strategy = SmaCross()
    assert strategy.propose(market(values, values, strategy)).weight == 0.25
    strategy = SmaCross(weight=0.4)
    assert strategy.propose(market(values, values, strategy)).weight == 0.4


def test_without_a_gap_the_confidence_is_one():
    values = np.full((3, 4), 100.0)
    strategy = SmaCross(full_gap=0.0)
    assert strategy.propose(market(values, values, strategy)).confidence == 1.0


def test_it_asks_for_the_averages_of_its_options():
    assert SmaCross(fast=7, slow=90).requires == ("sma(7)", "sma(90)")


def test_blocks_and_tiers_change_nothing(backtest):
    digests = {
        backtest(f'{TOML}[run]\nblock = "{unit}"\naudit = "full"\n').digest for unit in ("quarter", "year", "whole")
    }
    assert len(digests) == 1


def test_in_a_backtest_positions_are_held_over_missing_bars(backtest):
    result = backtest(TOML)
    missing = np.isnan(daily_bars(700).close)
    row_of = {int(time): row for row, time in enumerate(result.time)}
    said = [(row_of[int(row["time"])], row["symbol"], row["value"]) for row in result.decisions if row["stage"] == 0]
    assert len(result.fills) > 50
    holes = [(row, s, value) for row, s, value in said if missing[row, s]]
    assert all(value == 0.0 and missing[row - 8 : row + 1, s].all() for row, s, value in holes)


def test_shorts_are_proposed_and_filled_where_the_deployment_allows_them(backtest):
    text = f"{TOML}short = true\n[safety]\nallow_short = true\n"
    result = backtest(text)
    assert result.orders["target"].min() == -0.25
    assert backtest(text.replace("allow_short = true", "")).orders["target"].min() == 0.0


@pytest.mark.parametrize(
    ("options", "line", "what"),
    [
        ({"fast": 50, "slow": 10}, "darwin.toml:1: plugin", r"fast \(50\) has to be less than slow \(10\)"),
        ({"slow": 40, "fast": 0}, "darwin.toml:3: plugin.fast", ">= 1"),
        ({"weight": -0.1}, "darwin.toml:2: plugin.weight", ">= 0"),
        ({"fast": 2.5}, "darwin.toml:2: plugin.fast", "a whole number is expected"),
        ({"fats": 5}, "darwin.toml:2: plugin.fats", "did you mean 'fast'"),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, line, what):
    with pytest.raises(ConfigError, match=what) as error:
        fake_options(options).into(SmaCross)
    assert line in str(error.value)
