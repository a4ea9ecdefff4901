from __future__ import annotations

import numpy as np
import pytest
from darwin_volatility_gate.gate import VolatilityGate

from darwin_core import ConfigError, Observation, PluginError
from darwin_core.testing import fake_options

STRATEGY = """
from darwin_core import Proposal, hookimpl
import numpy as np

class EveryThirdBar:
    requires = ()
    lookback = 0

    def propose(self, market):
        days = market.bars.time // (86_400 * 10**9)
        return Proposal(np.repeat((days % 3 == 0)[:, None], 4, axis=1).astype(np.int8), 0.25)

@hookimpl
def make_strategy(options):
    return EveryThirdBar()
"""
CAP = '[[agents]]\nuse = "volatility-gate"\nwindow = 5\ncap = 0.02\n'
WITHOUT_COLUMN = '[[agents]]\nuse = "volatility-gate"\nwindow = 5\nquantile = 0.6\npast = 30\n'
QUANTILE = f'[[features]]\nuse = "volatility-gate"\n{WITHOUT_COLUMN}'


@pytest.fixture
def gated(backtest, tmp_path):
    """Return a function that backtests a restless strategy with this agent in it."""

    def run(agent, more='mode = "active"\n', tier="auto"):
        (tmp_path / "restless.py").write_text(STRATEGY)
        return backtest(f'{agent}{more}[strategy]\nuse = "./restless.py"\n', tier)

    return run


def observation(agent, values):
    rows = np.zeros(len(values), np.int64)
    return Observation(agent.requires, np.array(values)[:, None], rows[:1], rows, ("A",))


def test_candidates_pass_up_to_the_cap_and_are_skipped_above():
    agent = VolatilityGate(cap=0.02)
    assert agent.decide(observation(agent, [0.01, 0.02, np.nextafter(0.02, 1.0), 0.5])).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_they_are_halved_if_the_deployment_says_so():
    agent = VolatilityGate(quantile=0.8, otherwise=0.5)
    assert agent.decide(observation(agent, [0.0, 0.8, 0.9])).tolist() == [1.0, 1.0, 0.5]


def test_it_looks_at_the_volatility_or_at_its_place_in_the_past():
    assert VolatilityGate(cap=0.02).requires == ("volatility(20)",)
    assert VolatilityGate(quantile=0.5, past=99).requires == ("volatility_rank(20, 99)",)


def test_the_compiled_function_has_the_same_bits():
    agent = VolatilityGate(cap=0.02, otherwise=0.3)
    asked = observation(agent, np.random.default_rng(0).random(1000) / 25.0)
    actions = np.empty(len(asked))
    agent.compiled(asked.values, actions)
    assert actions.tobytes() == agent.decide(asked).tobytes()
    assert set(actions) == {1.0, 0.3}


@pytest.mark.parametrize("agent", [CAP, QUANTILE])
def test_every_tier_decides_the_same(gated, agent):
    results = [gated(agent, tier=tier) for tier in ("auto", "block", "compiled", "python")]
    assert len({result.digest for result in results}) == 1
    assert set(results[0].decisions["value"][results[0].decisions["stage"] == 1]) == {0.0, 1.0}


@pytest.mark.parametrize("agent", [CAP, QUANTILE])
def test_blocks_change_nothing(gated, agent):
    digests = {
        gated(agent, f'mode = "active"\n[run]\nblock = "{unit}"\naudit = "full"\n').digest
        for unit in ("quarter", "whole")
    }
    assert len(digests) == 1


def test_a_skipped_candidate_is_not_traded_and_an_observed_one_is(gated):
    active, observed = gated(CAP), gated(CAP, 'mode = "observe"\n')
    asked = active.decisions[active.decisions["stage"] == 1]
    skipped = {(int(row["time"]), int(row["symbol"])) for row in asked if row["value"] == 0.0}
    ordered = {
        (int(active.time[order["bar"]]), int(order["symbol"])) for order in active.orders if order["target"] > 0.0
    }
    assert skipped
    assert not skipped & ordered
    assert len(active.fills) < len(observed.fills)


@pytest.mark.parametrize(
    ("options", "line", "what"),
    [
        ({"window": 10}, "darwin.toml:1: plugin", "set either `cap`"),
        ({"cap": 0.1, "quantile": 0.5}, "darwin.toml:1: plugin", "set either `cap`"),
        ({"window": 10, "cap": -1.0}, "darwin.toml:3: plugin.cap", "> 0"),
        ({"quantile": 80}, "darwin.toml:2: plugin.quantile", "< 1"),
        ({"cap": 0.1, "otherwise": 2.0}, "darwin.toml:3: plugin.otherwise", "<= 1"),
        ({"cap": "low"}, "darwin.toml:2: plugin.cap", "a number is expected"),
        ({"capp": 0.1}, "darwin.toml:2: plugin.capp", "did you mean 'cap'"),
    ],
)
def test_wrong_options_are_refused_with_their_place(options, line, what):
    with pytest.raises(ConfigError, match=what) as error:
        fake_options(options).into(VolatilityGate)
    assert line in str(error.value)


def test_a_quantile_without_its_column_is_refused_before_the_run(gated):
    with pytest.raises(PluginError, match=r"requires 'volatility_rank\(5, 30\)', and no feature library offers"):
        gated(WITHOUT_COLUMN)
