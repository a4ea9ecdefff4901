"""Where blocks are cut, and the futures that never came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from darwin_core.law import cuts
from darwin_core.law.cuts import Reach, Terrain, Window
from darwin_core.types import Bars, Market

DAY = 86_400_000_000_000


def bars(close, start="2020-01-01", step=DAY):
    close = np.asarray(close, np.float64)
    close = close if close.ndim == 2 else close[:, None]
    time = np.datetime64(start, "ns").astype(np.int64) + np.arange(1, len(close) + 1) * step
    return Bars(time, tuple("ABC"[: close.shape[1]]), {"close": close, "volume": close * 10}, {"index": close[:, 0]})


@given(n=st.integers(1, 5000), least=st.integers(1, 600), most=st.integers(-600, 6000), seed=st.integers(0, 99))
def test_random_prefixes_leave_a_rest_and_have_the_look_back_if_they_can(n, least, most, seed):
    rng = np.random.default_rng(seed)
    for length in (cuts.short(Reach(least, most), n, rng), cuts.anywhere(Reach(least, most), n, rng)):
        assert min(least, max(1, n - 1)) <= length <= max(1, n - 1)
        assert length <= max(most, least, 1) + 1


@given(rows=st.lists(st.integers(0, 99), max_size=9), least=st.integers(1, 99), most=st.integers(-9, 99))
def test_a_drawn_prefix_ends_on_one_of_the_rows(rows, least, most):
    lengths = cuts.fitting(np.array(rows, np.int64), Reach(least, most), 80)
    fit = [row + 1 for row in rows if least <= row + 1 < 80]
    near = [length for length in fit if length <= most]
    assert lengths.tolist() == (near or sorted(fit)[:1])
    if fit:
        assert cuts.pick(lengths, np.random.default_rng(0)) in lengths


def test_changes_are_found_in_every_output_but_scalars():
    side = np.array([[0, 0], [1, 0], [1, 0], [0, 1]])
    weight = np.broadcast_to(np.array(0.5), side.shape)
    assert cuts.changes("on", [side, weight]).tolist() == [1, 3]
    assert cuts.changes("off", [side, weight]).tolist() == [3]


def test_changes_far_into_a_block_are_found():
    side = np.zeros((3000, 1))
    side[2500:] = 1.0
    assert cuts.changes("on", [side]).tolist() == [2500]


def test_gaps_are_cut_on_their_last_row_and_not_where_a_symbol_ends():
    nan = np.nan
    close = [[nan, 1], [nan, 1], [5, 1], [nan, 2], [6, nan], [6, nan]]
    assert set(Terrain(bars(close)).rows("gap").tolist()) == {1, 3}


def test_periods_are_cut_at_the_end_of_the_longest_that_ends_and_of_sessions():
    hours = Terrain(bars(np.ones(100), step=DAY // 24)).rows("period")
    assert hours.tolist() == [23, 47, 71, 95] or set(hours.tolist()) >= {23, 47}
    days = Terrain(bars(np.ones(100))).rows("period")
    assert 90 in days.tolist()  # the last day of March 2020


def test_a_future_that_never_came_leaves_the_past_as_it_was():
    window = Window(Market(bars(np.arange(1.0, 41.0).reshape(20, 2)), {"x": np.arange(20.0)[:, None]}))
    true = window.market.bars
    for kind, factor in (("boom", 2.0), ("crash", 0.5)):
        other = window.future(5, kind, 8)
        assert len(other) == 13
        assert other.bars.close[:5].tobytes() == true.close[:5].tobytes()
        assert np.array_equal(other.bars.close[5:], true.close[5:13] * factor)
        assert np.array_equal(other.bars.volume[5:], true.volume[5:13] / factor)
        assert np.array_equal(other.bars.reference["index"][5:], true.reference["index"][5:13] * factor)
        assert np.array_equal(other["x"][:5, 0], np.arange(5.0))
        assert (other["x"][5:] == (12.0 if kind == "boom" else 0.0)).all()


def test_a_prefix_shares_no_memory_with_the_rest():
    window = Market(bars(np.ones((20, 2))), {"x": np.ones((20, 1))})
    prefix = Window(window).own(5)
    assert not np.shares_memory(prefix.bars.close, window.bars.close)
    assert not np.shares_memory(prefix["x"], window["x"])
    assert not prefix.bars.close.flags.writeable
