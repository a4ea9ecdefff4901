from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
from darwin_volatility_gate.ranks import Ranks, VolatilityRank
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darwin_core import Bars
from darwin_core.testing import daily_bars, lend


def bars_of(close):
    return Bars(np.arange(len(close)), tuple(f"S{i}" for i in range(close.shape[1])), {"close": close})


def by_definition(close, column):
    """Return the ranks of one symbol from the bars that it has, row by row."""
    rows = [t for t in range(len(close)) if not np.isnan(close[t])]
    moves = [close[b] / close[a] - 1.0 for a, b in itertools.pairwise(rows)]
    volatility = {i: statistics.stdev(moves[i - column.window : i]) for i in range(column.window, len(rows))}
    out = [float("nan")] * len(close)
    for i in range(column.needed - 1, len(rows)):
        if rows[i] - rows[i - column.needed + 1] <= column.lookback:
            out[rows[i]] = sum(volatility[k] < volatility[i] for k in range(i - column.past, i)) / column.past
    return out


@pytest.mark.parametrize("column", [VolatilityRank(5, 20), VolatilityRank(2, 2), VolatilityRank(20, 60)])
def test_it_says_what_its_definition_says(column):
    bars = daily_bars(300)
    calm = bars.close.copy()
    calm[100:120] *= 1.0 + 0.2 * np.sin(np.arange(20))[:, None]
    ranks = column.compute(bars_of(calm))
    assert np.isfinite(ranks).sum() > 300
    moving = [0, 1, 2]  # the last symbol stands still for a month, where rounding decides between equal volatilities
    for s in moving:
        np.testing.assert_array_equal(ranks[:, s], by_definition(calm[:, s], column))


steps = st.integers(1, 60).flatmap(
    lambda rows: hnp.arrays(np.float64, (rows, 2), elements=st.sampled_from([np.nan, 99.0, 100.0, 101.0, 104.0, 90.0]))
)


@settings(max_examples=200)
@given(steps, st.data())
def test_a_row_is_the_same_in_every_window_that_holds_its_lookback(close, data):
    column = VolatilityRank(2, 3)
    row = data.draw(st.integers(0, len(close) - 1))
    first = data.draw(st.integers(0, max(0, row - column.lookback)))
    whole = column.compute(bars_of(close))[row]
    part = column.compute(lend(bars_of(close), slice(first, row + 1)))[-1]
    np.testing.assert_array_equal(part, whole)


def test_a_row_without_a_bar_and_one_after_too_many_missing_has_no_rank():
    close = np.cumprod(1.0 + 0.01 * np.sin(np.arange(80)))[:, None]
    column = VolatilityRank(2, 4)
    close[20] = np.nan
    close[40 : 40 + column.lookback] = np.nan
    ranks = column.compute(bars_of(close))[:, 0]
    assert np.isfinite(ranks[21])
    assert np.isnan(ranks[20])
    back = 40 + column.lookback
    assert np.isnan(ranks[back : back + column.needed - 1]).all()
    assert np.isfinite(ranks[back + column.needed - 1])


@pytest.mark.parametrize("arguments", [(), (20.0,), (20.0, 1.0), (2.5, 10.0), (20.0, 60.0, 1.0)])
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match=r"write volatility_rank\(window, past\)"):
        Ranks().column("volatility_rank", arguments)
