"""Agents that see what an earlier one has decided, and a limit on how often one may depart from its baseline."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darwin_core import PluginError
from darwin_core.assembly import required
from darwin_core.engine import run
from darwin_core.graduation.overrides import Overrides
from darwin_core.lockstep import APPLIED, LIMITED


@attrs.frozen
class Halving:
    """Halves where the confidence column of a hash of time and symbol says so."""

    when: str = "candidate"
    effect: str = "scale"
    baseline: float = 1.0
    requires: tuple[str, ...] = ("strategy.weight",)
    share: float = 0.5

    def decide(self, observation: Any) -> np.ndarray:
        noise = (observation.time // 86_400_000_000_000 * 2_654_435_761 + observation.symbol * 40_503) % 1000
        return np.where(noise < 1000 * self.share, 0.5, 1.0)


@attrs.frozen
class Following:
    """Does what the first agent did, which it reads; and keeps what it has seen."""

    when: str = "candidate"
    effect: str = "scale"
    baseline: float = 1.0
    requires: tuple[str, ...] = ("agent.a0",)
    seen: list[float] = attrs.field(factory=list)

    def decide(self, observation: Any) -> np.ndarray:
        self.seen.extend(observation["agent.a0"].tolist())
        return observation["agent.a0"].copy()


@pytest.mark.parametrize("mode", ["observe", "active"])
def test_an_agent_sees_what_the_one_before_it_has_decided_whether_or_not_it_is_applied(line: Any, mode: str) -> None:
    follower = Following()
    result = run(line(Halving(), follower, mode=mode), audit=False)
    first, second = (result.decisions[result.decisions["stage"] == stage] for stage in (1, 2))
    assert len(first) > 50
    assert set(first["value"]) == {0.5, 1.0}
    np.testing.assert_array_equal(first["value"], second["value"])
    np.testing.assert_array_equal(follower.seen, first["value"])


def test_before_its_first_decision_an_agent_is_seen_with_its_baseline(line: Any) -> None:
    class Never(Halving):
        when = "year"

    follower = Following(when="bar")
    run(line(Never(baseline=0.25, effect="cap", when="candidate"), follower, mode="observe"), audit=False)
    assert follower.seen[0] == 0.25


def test_a_column_of_an_agent_that_does_not_stand_before_is_refused(line: Any) -> None:
    made = line(Following())
    with pytest.raises(PluginError, match="no agent stands before it"):
        required(made.strategy, made.agents, made.monitors)
    made = line(Halving(), Following(requires=("agent.a7",)))
    with pytest.raises(PluginError, match=r"did you mean 'agent.a0'"):
        required(made.strategy, made.agents, made.monitors)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.floats(0.0, 0.99), window=st.integers(1, 60), share=st.floats(0.0, 1.0), seed=st.integers(0, 99))
def test_departures_beyond_the_limit_are_recorded_and_not_applied(
    line: Any, limit: float, window: int, share: float, seed: int
) -> None:
    made = line(
        Halving(share=share), bars=300, symbols=3, seed=seed, trust={"max_overrides": limit, "override_window": window}
    )
    rows = run(made, audit=False).decisions
    mine = rows[rows["stage"] == 1]
    departs = mine["value"] != 1.0
    applied, _ = Overrides(limit, window).admit(departs)
    np.testing.assert_array_equal(mine["flags"] & LIMITED != 0, departs & ~applied)
    assert (mine["flags"][applied] & APPLIED != 0).all()


def test_a_limited_agent_leaves_the_target_as_it_was(line: Any) -> None:
    free = run(line(Halving(share=1.0)), audit=False)
    none = run(line(Halving(share=1.0), trust={"max_overrides": 0.0}), audit=False)
    without = run(line(), audit=False)
    np.testing.assert_array_equal(none.equity, without.equity)
    assert (free.equity != without.equity).any()


def test_the_limit_of_the_agent_itself_holds_where_the_deployment_says_nothing(line: Any) -> None:
    @attrs.frozen
    class Careful(Halving):
        max_overrides: float = 0.0

    own = run(line(Careful(share=1.0)), audit=False)
    np.testing.assert_array_equal(own.equity, run(line(), audit=False).equity)
    lifted = run(line(Careful(share=1.0), trust={"max_overrides": 1.0}), audit=False)
    assert (lifted.equity != own.equity).any()


def test_blocks_and_bars_give_the_same_bytes(line: Any) -> None:
    digests = {
        run(line(Halving(), Following(), trust={"max_overrides": 0.3}, text=f'[run]\nblock = "{block}"\n'), tier=tier,
            audit=False).digest
        for block in ("whole", "month", "day")
        for tier in ("auto", "python")
    }  # fmt: skip
    assert len(digests) == 1
