"""Windows built by doubling equal their definitions."""

from __future__ import annotations

import doctest

import darwin_indicators.catalogue
import darwin_indicators.windows as w
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

values = arrays(np.float64, st.tuples(st.integers(1, 70), st.integers(1, 3)), elements=st.floats(-1e6, 1e6))


@given(x=values, n=st.integers(1, 80))
def test_mean_deviation_and_extremes_equal_numpy_on_each_full_window(x: np.ndarray, n: int) -> None:
    mean, (centre, spread) = w.mean(x, n), w.deviation(x, n, ddof=0)
    for t in range(n - 1, len(x)):
        window = x[t - n + 1 : t + 1]
        size = np.abs(window).max()
        np.testing.assert_allclose(mean[t], window.mean(axis=0), rtol=1e-13, atol=1e-14 * size)
        np.testing.assert_allclose(centre[t], window.mean(axis=0), rtol=1e-13, atol=1e-14 * size)
        np.testing.assert_allclose(spread[t], window.std(axis=0), rtol=1e-12, atol=1e-13 * size)
        np.testing.assert_array_equal(w.highest(x, n)[t], window.max(axis=0))
        np.testing.assert_array_equal(w.lowest(x, n)[t], window.min(axis=0))


@given(x=values, decay=st.sampled_from([0.0, 0.3, 0.5, 0.75, 0.9]))
def test_decayed_equals_the_weighted_mean_of_the_rows_there_are(x: np.ndarray, decay: float) -> None:
    ours, n = w.decayed(x, decay), w.depth(decay)
    for t in range(len(x)):
        window = x[max(0, t - n + 1) : t + 1][::-1]
        expected = np.average(window, axis=0, weights=np.maximum(decay ** np.arange(len(window)), 1e-300))
        np.testing.assert_allclose(ours[t], expected, rtol=1e-12, atol=1e-13 * np.abs(window).max())


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 50, 64, 199])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 123.456, 7e-300, 1e300])
def test_equal_values_give_exactly_that_value_and_no_spread(value: float, n: int) -> None:
    x = np.full((400, 2), value)
    with np.errstate(under="ignore"):
        assert (w.mean(x, n) == value).all()
        assert (w.decayed(x, 1 - 2 / (n + 1)) == value).all()
        assert (w.deviation(x, n, ddof=0)[1] == 0.0).all()


def test_the_spread_of_large_numbers_does_not_cancel() -> None:
    """The spread of 1e9 +- 1 must come out: sums of squares in double precision lose it."""
    x = 1e9 + np.tile([-1.0, 1.0], 100)[:, None]
    np.testing.assert_allclose(w.deviation(x, 20, ddof=0)[1][19:], 1.0, rtol=1e-9)


def test_weights_before_the_depth_are_less_than_what_may_be_forgotten() -> None:
    for n in (2, 14, 200):
        decay = 1 - 1 / n
        weights = decay ** np.arange(100 * n)
        assert weights[w.depth(decay) :].sum() / weights.sum() <= w.FORGOTTEN
        assert weights[w.depth(decay) - 1 :].sum() / weights.sum() > w.FORGOTTEN


@pytest.mark.parametrize("module", [w, darwin_indicators.catalogue])
def test_examples_in_the_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted
    assert not result.failed
