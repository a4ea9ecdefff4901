from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from darwin_turbulence_halt.halt import TurbulenceHalt, dispersion
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from darwin_core import Bars, ConfigError, DataError, Limits, Market
from darwin_core.testing import daily_bars, fake_options, lend

STRATEGY = """
from darwin_core import Proposal, hookimpl
import numpy as np

class EveryThirdBar:
    requires = ()
    lookback = 0

    def propose(self, market):
        days = market.bars.time // (86_400 * 10**9)
        return Proposal(np.repeat((days % 3 == 0)[:, None], 4, axis=1).astype(np.int8), 0.2)

@hookimpl
def make_strategy(options):
    return EveryThirdBar()
"""


def market(level):
    close = np.ones((len(level), 2))
    return Market(Bars(np.arange(len(level)), ("A", "B"), {"close": close}, {"VIX": np.array(level, np.float64)}), {})


def by_definition(level, monitor):
    """Walk over the bars with a state: halted since when, known since when."""
    answers, last_high, last_known = [], None, None
    for t, value in enumerate(level):
        if not np.isnan(value):
            last_known = t
            if value > monitor.halt_above:
                last_high = t
            elif value < (monitor.resume_below or monitor.halt_above):
                last_high = None
        halted = last_high is not None and t - last_high <= monitor.memory
        unknown = last_known is None or t - last_known > monitor.max_gap
        answers.append(not halted and not (unknown and monitor.missing == "halt"))
    return answers


monitors = st.builds(
    TurbulenceHalt,
    series=st.just("VIX"),
    halt_above=st.just(30.0),
    resume_below=st.sampled_from([0.0, 20.0, 30.0]),
    memory=st.integers(1, 6),
    max_gap=st.integers(0, 3),
    window=st.just(1),
    missing=st.sampled_from(["halt", "allow"]),
)
levels = st.lists(st.sampled_from([np.nan, 10.0, 20.0, 25.0, 30.0, 35.0]), min_size=1, max_size=30)


@given(monitors, levels)
def test_it_says_what_its_definition_says(monitor, level):
    assert monitor.allow(market(level)).tolist() == by_definition(level, monitor)


@given(monitors, levels, st.data())
def test_a_row_is_the_same_in_every_window_that_holds_its_lookback(monitor, level, data):
    row = data.draw(st.integers(0, len(level) - 1))
    first = data.draw(st.integers(0, max(0, row - monitor.lookback)))
    assert monitor.allow(market(level[first : row + 1]))[-1] == monitor.allow(market(level))[row]


def test_between_the_thresholds_the_last_word_holds():
    monitor = TurbulenceHalt(series="VIX", halt_above=30.0, resume_below=20.0, memory=3)
    answers = monitor.allow(market([25, 35, 25, 25, 15, 25, 35, 25, 25, 25, 25]))
    assert answers.tolist() == [True, False, False, False, True, True, False, False, False, False, True]


def by_hand(close, window):
    """Return the dispersion, row by row."""
    spread = []
    for t in range(len(close)):
        moves = [b / a - 1.0 for a, b in zip(close[t - 1], close[t], strict=True)] if t else []
        moves = [move for move in moves if not math.isnan(move)]
        spread.append(statistics.stdev(moves) if len(moves) > 1 else float("nan"))
    out = []
    for t, value in enumerate(spread):
        recent = [each for each in spread[max(0, t - window + 1) : t + 1] if not math.isnan(each)]
        out.append(statistics.fmean(recent) if not math.isnan(value) else float("nan"))
    return out


@pytest.mark.parametrize("window", [1, 5])
def test_without_a_series_it_watches_how_far_returns_lie_apart(window):
    bars = daily_bars(200)
    np.testing.assert_allclose(dispersion(bars, window), by_hand(bars.close.tolist(), window), rtol=1e-12)
    limit = 1.001 * float(np.nanmedian(dispersion(bars, window)))
    monitor = TurbulenceHalt(halt_above=limit, window=window, missing="allow")
    np.testing.assert_array_equal(monitor.allow(Market(bars, {})), ~(dispersion(bars, window) > limit))


def test_the_dispersion_of_a_row_is_the_same_in_every_window_that_holds_its_lookback():
    bars, monitor = daily_bars(300), TurbulenceHalt(halt_above=0.02, resume_below=0.015, memory=10)
    whole, answers = dispersion(bars, 5), monitor.allow(Market(bars, {}))
    for row in range(0, 300, 7):
        part = lend(bars, slice(max(0, row - monitor.lookback), row + 1))
        np.testing.assert_array_equal(dispersion(part, 5)[-1], whole[row])
        assert monitor.allow(Market(part, {}))[-1] == answers[row]


def test_the_layout_of_the_arrays_changes_nothing():
    close = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, (50, 100)), axis=0))
    names = tuple(f"S{i}" for i in range(100))
    one, other = (Bars(np.arange(50), names, {"close": np.array(close, order=order)}) for order in "CF")
    np.testing.assert_array_equal(dispersion(one, 3), dispersion(other, 3))


def test_limits_that_are_not_set_restrict_nothing():
    deployment = Limits(max_weight=3.0, max_gross=4.0, max_drawdown=1.0, allow_short=True)
    assert deployment.tighten(TurbulenceHalt(halt_above=1.0).limits) == deployment


def test_limits_that_are_set_hold():
    monitor = TurbulenceHalt(halt_above=1.0, max_weight=0.3, max_gross=0.8, max_drawdown=0.2, allow_short=False)
    assert Limits(0.5, 0.5, 0.5, allow_short=True).tighten(monitor.limits) == Limits(0.3, 0.5, 0.2, allow_short=False)


def test_in_a_backtest_no_risk_is_added_during_a_halt(backtest, tmp_path):
    (tmp_path / "restless.py").write_text(STRATEGY)
    low, high = np.nanquantile(daily_bars(700).reference["VIX"], [0.5, 0.7]).tolist()
    options = f'series = "VIX"\nhalt_above = {high}\nresume_below = {low}\nmax_weight = 0.1\n'
    text = f'[strategy]\nuse = "./restless.py"\n[[monitors]]\nuse = "turbulence-halt"\n{options}'
    digests = {backtest(f'{text}[run]\nblock = "{unit}"\naudit = "full"\n').digest for unit in ("quarter", "whole")}
    result = backtest(text)
    monitor = TurbulenceHalt(series="VIX", halt_above=high, resume_below=low)
    allowed = monitor.allow(Market(daily_bars(700), {}))
    assert 50 < allowed.sum() < 650
    bought = result.orders["bar"][result.orders["quantity"] > 0.0]
    assert len(bought) > 20
    assert allowed[bought].all()
    assert result.orders["target"].max() == 0.1
    assert digests == {result.digest}


def test_a_series_that_the_feed_does_not_have_is_refused_by_name():
    with pytest.raises(DataError, match=r"no reference series 'VXI': did you mean 'VIX'\?"):
        TurbulenceHalt(series="VXI", halt_above=30.0).allow(market([1.0]))


def test_one_symbol_alone_has_no_dispersion():
    bars = Bars(np.arange(3), ("A",), {"close": np.ones((3, 1))})
    with pytest.raises(DataError, match="the feed has one symbol"):
        TurbulenceHalt(halt_above=0.1).allow(Market(bars, {}))


rows = hnp.arrays(np.float64, (12, 3), elements=st.one_of(st.just(np.nan), st.floats(50.0, 150.0)))


@given(rows)
def test_a_dispersion_is_never_negative_and_missing_only_without_two_returns(close):
    bars = Bars(np.arange(12), ("A", "B", "C"), {"close": close})
    values = dispersion(bars, 4)
    both = ~np.isnan(close[1:]) & ~np.isnan(close[:-1])
    assert (~np.isnan(values)).tolist() == [False, *(both.sum(axis=1) >= 2)]
    assert (values[~np.isnan(values)] >= 0.0).all()


@pytest.mark.parametrize(
    ("options", "line", "what"),
    [
        ({"series": "VIX"}, "darwin.toml:1: plugin", "the key 'halt_above' is missing"),
        ({"halt_above": 20, "resume_below": 30}, "darwin.toml:1: plugin", r"resume_below \(30.0\) must not be more"),
        ({"halt_above": 0}, "darwin.toml:2: plugin.halt_above", "> 0"),
        ({"halt_above": 20, "max_drawdown": 20}, "darwin.toml:3: plugin.max_drawdown", "<= 1"),
        ({"halt_above": 20, "missing": "alow"}, "darwin.toml:3: plugin.missing", "did you mean 'allow'"),
        ({"halt_abov": 20}, "darwin.toml:2: plugin.halt_abov", "did you mean 'halt_above'"),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, line, what):
    with pytest.raises(ConfigError, match=what) as error:
        fake_options(options).into(TurbulenceHalt)
    assert line in str(error.value)
