from __future__ import annotations

import itertools

import numpy as np
import pytest
from darwin_html_report import series
from darwin_html_report.months import heat, returns
from darwin_html_report.texts import count, fixed, money, percent
from darwin_html_report.thinning import kept, merged
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

CURVES = arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(CURVES, st.integers(1, 20))
def test_thinning_keeps_the_ends_and_the_extremes_of_each_stretch_in_order(curve, stretches):
    rows = kept([curve], most=0, stretches=stretches)
    assert (np.diff(rows) > 0).all()
    assert rows[0] == 0
    assert rows[-1] == len(curve) - 1
    cuts = np.unique(np.linspace(0, len(curve), stretches + 1).astype(int))
    for a, b in itertools.pairwise(cuts):
        part, drawn = curve[a:b], curve[rows[(rows >= a) & (rows < b)]]
        if not np.isnan(part).all():
            assert np.nanmin(drawn) == np.nanmin(part)
            assert np.nanmax(drawn) == np.nanmax(part)


@given(CURVES)
def test_a_short_curve_is_not_thinned(curve):
    assert kept([curve], most=len(curve)).tolist() == list(range(len(curve)))


def test_merging_keeps_lowest_highest_and_last():
    low, high, close = merged(np.array([3.0, 1.0, 2.0]), np.array([4.0, 5.0, 6.0]), np.array([3.5, 1.5, 2.5]), 2)
    assert (low.tolist(), high.tolist(), close.tolist()) == ([1.0, 2.0], [5.0, 6.0], [1.5, 2.5])


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=60), st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_monthly_returns_multiply_to_the_whole(growth, steps):
    equity = 100.0 * np.cumprod(growth)
    months = np.cumsum(steps)[: len(equity)].astype(np.int64)
    gains = returns(months, equity, 100.0)
    assert list(gains) == sorted(set(months.tolist()))
    assert np.prod([1.0 + gain for gain in gains.values()]) == pytest.approx(equity[-1] / 100.0)


def test_a_month_after_all_is_lost_has_no_return():
    assert np.isnan(returns(np.array([0, 1]), np.array([0.0, 0.0]), 100.0)[1])


@pytest.mark.parametrize(
    ("gain", "css"),
    [(0.0, "even"), (0.004, "even"), (0.005, "gain1"), (-0.02, "loss2"), (0.3, "gain4"), (np.nan, "")],
)
def test_heat_has_steps_each_way(gain, css):
    assert heat(gain) == css


def test_only_so_many_trades_and_symbols_are_in_a_page_and_the_last_ones_stay(build, monkeypatch):
    monkeypatch.setattr(series, "_MOST_TRADES", 2)
    monkeypatch.setattr(series, "_MOST_SYMBOLS", 1)
    table = build.trades(["A", "B", "B"])
    found = series.trades(table)
    assert (found["count"], found["shown"], found["symbols"]) == (3, 2, ["B"])
    assert series.charted(table) == ["B"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (money(-1234.5), "\N{MINUS SIGN}1,234.50"),
        (money(0.000123456), "0.0001235"),
        (money(None), "\N{EN DASH}"),
        (percent(-0.00001), "0.00\N{NO-BREAK SPACE}%"),
        (percent(float("nan")), "\N{EN DASH}"),
        (count(1234567.0), "1,234,567"),
        (fixed(0.5, 1, sign=True), "+0.5"),
    ],
)
def test_numbers_are_written_for_people(text, wanted):
    assert text == wanted
