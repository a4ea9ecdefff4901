from __future__ import annotations

import math

import numpy as np
import pytest
from darwin_drawdown_scaler.scaler import DrawdownScaler
from hypothesis import given
from hypothesis import strategies as st

from darwin_core import ConfigError, Observation
from darwin_core.testing import fake_options

STRATEGY = """
from darwin_core import Proposal, hookimpl
import numpy as np

class Always:
    requires = ()
    lookback = 0

    def propose(self, market):
        return Proposal(np.ones((len(market), 4), np.int8), 0.25)

@hookimpl
def make_strategy(options):
    return Always()
"""
AGENT = '[[agents]]\nuse = "drawdown-scaler"\nstart = 0.01\nend = 0.1\nminimum = 0.2\n'


@pytest.fixture
def scaled(backtest, tmp_path):
    """Return a function that backtests an all-in strategy with this agent in it."""

    def run(more='mode = "active"\n', tier="auto"):
        (tmp_path / "always.py").write_text(STRATEGY)
        return backtest(f'[strategy]\nuse = "./always.py"\n{AGENT}{more}', tier)

    return run


def observation(drawdowns):
    values = np.array(drawdowns, np.float64)[:, None]
    rows = np.zeros(len(values), np.int64)
    return Observation(("account.drawdown",), values, rows[:1], rows, ("A",))


scalers = st.builds(
    DrawdownScaler,
    start=st.sampled_from([0.0, 0.05, 0.1]),
    end=st.sampled_from([0.11, 0.3, 1.0]),
    minimum=st.sampled_from([0.0, 0.25, 1.0]),
    steps=st.sampled_from([0, 1, 3, 10]),
)
drawdowns = st.lists(
    st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.05, 0.1, 0.3, 1.0])), min_size=1, max_size=20
)


@given(scalers, drawdowns)
def test_it_says_what_its_definition_says(agent, falls):
    for fall, action in zip(falls, agent.decide(observation(falls)), strict=True):
        if fall <= agent.start:
            assert action == 1.0
        elif fall >= agent.end:
            assert action == pytest.approx(agent.minimum)
        else:
            share = (fall - agent.start) / (agent.end - agent.start)
            share = math.ceil(share * agent.steps) / agent.steps if agent.steps else share
            assert action == pytest.approx(1.0 - (1.0 - agent.minimum) * share)


@given(scalers, drawdowns)
def test_a_deeper_drawdown_never_makes_positions_larger(agent, falls):
    actions = agent.decide(observation(sorted(falls)))
    assert (np.diff(actions) <= 0.0).all()
    assert agent.minimum - 1e-12 <= actions.min()


@pytest.mark.parametrize("steps", [0, 10])
def test_the_compiled_function_has_the_same_bits(steps):
    agent = DrawdownScaler(0.05, 0.3, 0.2, steps)
    asked = observation(np.concatenate((np.linspace(0.0, 1.0, 20_001), [0.05, 0.3, np.nextafter(0.05, 1.0)])))
    actions = np.empty(len(asked))
    agent.compiled(asked.values, actions)
    assert actions.tobytes() == agent.decide(asked).tobytes()


def test_one_function_is_compiled_for_equal_options():
    assert DrawdownScaler(0.1).compiled is DrawdownScaler(0.1).compiled


def test_every_tier_decides_the_same(scaled):
    digests = {scaled(tier=tier).digest for tier in ("auto", "block", "compiled", "python")}
    assert len(digests) == 1


def test_positions_become_smaller_in_a_drawdown_of_the_account(scaled):
    result = scaled()
    observed = scaled('mode = "observe"\n')
    exposure, full = result.curve[:, 2] / result.equity, observed.curve[:, 2] / observed.equity
    fallen = 1.0 - result.equity / np.maximum.accumulate(result.equity) > 0.1
    assert fallen.any()
    assert (exposure[1:][fallen[:-1] & fallen[1:]] < 0.5 * full.max()).all()
    assert len(observed.fills) == 4
    assert observed.incidents == () == result.incidents


@pytest.mark.parametrize(
    ("options", "line", "what"),
    [
        ({"start": 0.3, "end": 0.2}, "darwin.toml:1: plugin", r"start \(0.3\) has to be less than end \(0.2\)"),
        ({"start": 0.1, "end": 1.5}, "darwin.toml:3: plugin.end", "<= 1"),
        ({"minimum": -0.5}, "darwin.toml:2: plugin.minimum", ">= 0"),
        ({"steps": 2.5}, "darwin.toml:2: plugin.steps", "a whole number is expected"),
        ({"minimun": 0.5}, "darwin.toml:2: plugin.minimun", "did you mean 'minimum'"),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, line, what):
    with pytest.raises(ConfigError, match=what) as error:
        fake_options(options).into(DrawdownScaler)
    assert line in str(error.value)
