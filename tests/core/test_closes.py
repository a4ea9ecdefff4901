from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import closes as thinned


@given(
    st.integers(1, 60),
    st.integers(1, 3),
    st.integers(1, 20),
    st.lists(st.integers(0, 60), max_size=4),
    st.integers(0, 99),
)
def test_stretches_hold_the_extremes_and_the_last_close_however_the_run_is_cut(bars, symbols, most, cuts, seed):
    rng = np.random.default_rng(seed)
    closes = rng.normal(size=(bars, symbols))
    closes[rng.random(closes.shape) < 0.2] = np.nan
    kept, thinned._MOST_STRETCHES = thinned._MOST_STRETCHES, most
    try:
        found = thinned.Closes(bars, symbols)
    finally:
        thinned._MOST_STRETCHES = kept
    edges = sorted({0, bars, *(cut for cut in cuts if cut < bars)})
    for start, stop in pairwise(edges):
        part = SimpleNamespace(bars=SimpleNamespace(close=closes[start:stop]))
        found.block(SimpleNamespace(start=start, stop=stop), part, None, None)
    assert len(found.low) <= most
    ends = found.ends(np.arange(bars))
    for row, begin in enumerate(range(0, bars, found.width)):
        stretch = closes[begin : begin + found.width]
        np.testing.assert_array_equal(found.low[row], np.fmin.reduce(stretch))
        np.testing.assert_array_equal(found.high[row], np.fmax.reduce(stretch))
        np.testing.assert_array_equal(found.last[row], stretch[-1])
        assert ends[row] == begin + len(stretch) - 1
