"""A reward is the money that the ledger itself makes of the decision and does not make of the baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from darwin_core import Bars, Proposal, config, engine
from darwin_core.assembly import AgentPart, Line, StrategyPart
from darwin_core.config import Trust
from darwin_core.outcomes import Outcomes, returns
from darwin_core.plugins import Owner
from darwin_core.source import Source
from darwin_core.state.rewards import reward, reward_r

DAY = 86_400 * 10**9
CLOSES = np.array([100.0, 101.0, 99.0, 100.0, 104.0, 107.0, 95.0, 97.0, 103.0, 103.0])


class Prices:
    timezone, interval, symbols, fields = "UTC", DAY, ("A",), ("close",)

    def times(self) -> Any:
        return np.arange(len(CLOSES)) * DAY + 10**18

    def read(self, start: int, stop: int) -> Bars:
        return Bars(self.times()[start:stop], self.symbols, {"close": CLOSES[start:stop, None]})

    def fingerprint(self) -> str:
        return "prices"

    def findings(self) -> tuple[str, ...]:
        return ()


@attrs.frozen
class Once:
    """One position, held over bars 3 to 7."""

    side: int
    weight: float
    requires: tuple[str, ...] = ()
    lookback: int = -1

    def propose(self, market: Any) -> Proposal:
        bar = (market.bars.time - 10**18) // DAY
        inside = (bar >= 3) & (bar < 8)
        return Proposal((self.side * inside)[:, None], self.weight)


@attrs.frozen
class Fixed:
    effect: str
    action: float
    when: str = "candidate"
    baseline: float = 1.0
    requires: tuple[str, ...] = ("strategy.weight",)

    def decide(self, observation: Any) -> Any:
        return np.full(len(observation), self.action)


def final(effect: str, action: float, side: int, weight: float, limit: float) -> tuple[float, Any]:
    """Return the final equity of the line in which an agent says `action`, and its candidates."""
    text = (
        '[feed]\nuse = "x"\n[strategy]\nuse = "y"\n[execution]\nfill = "same_close"\n'
        f"[safety]\nallow_short = true\nmax_gross = 100.0\nmax_weight = {limit!r}\n"
    )
    made = config.settings(Source.parse(text, Path("d.toml")), {})
    agent = AgentPart(Fixed(effect, action), Owner("agent", "a", "t"), Trust("a", mode="active"))
    strategy = StrategyPart(Once(side, weight), Owner("strategy", "s", "t"))
    outcomes = Outcomes()
    line = Line(made, Prices(), (), strategy, (agent,), (), made.safety.limits)  # type: ignore[arg-type]
    result = engine.run(line, audit=False, watchers=(outcomes,))
    return float(result.equity[-1]), outcomes.all()


@given(
    effect=st.sampled_from(["scale", "target", "cap"]),
    action=st.floats(0.0, 2.0),
    baseline=st.floats(0.0, 2.0),
    side=st.sampled_from([-1, 1]),
    weight=st.floats(0.01, 1.5),
    limit=st.floats(0.05, 2.0),
)
def test_a_reward_times_the_equity_is_what_the_ledger_makes_of_the_action_less_of_the_baseline(
    effect: str, action: float, baseline: float, side: int, weight: float, limit: float
) -> None:
    turn = side if effect == "target" else 1  # a target is signed
    acting, candidates = final(effect, turn * action, side, weight, limit)
    standing, _ = final(effect, turn * baseline, side, weight, limit)
    outcome = float(returns(candidates, 0.0)[0])
    worth = reward(effect, side * weight, turn * action, turn * baseline, side, limit, 1, outcome)
    assert worth is not None
    assert worth * 100_000.0 == pytest.approx(acting - standing, abs=1e-6)


@given(r=st.floats(-5.0, 20.0), weight=st.floats(0.01, 1.0), side=st.sampled_from([-1, 1]))
def test_a_gate_that_skips_earns_minus_r_and_one_that_passes_nothing(r: float, weight: float, side: int) -> None:
    found = side * weight
    assert reward_r("scale", found, 0.0, 1.0, side, 1.0, 1, r, weight) == pytest.approx(-r)
    assert reward_r("scale", found, 1.0, 1.0, side, 1.0, 1, r, weight) == 0.0
    assert reward_r("scale", found, 1.5, 1.0, side, 9.0, 1, r, weight) == pytest.approx(r / 2)


@given(action=st.floats(-2.0, 2.0), baseline=st.floats(-2.0, 2.0), r=st.floats(-5.0, 5.0))
def test_two_actions_change_sides_when_they_are_exchanged(action: float, baseline: float, r: float) -> None:
    one = reward("target", 0.5, action, baseline, 1, 1.0, 1, r)
    other = reward("target", 0.5, baseline, action, 1, 1.0, 1, r)
    assume(one is not None)
    assert other == pytest.approx(-one)  # type: ignore[operator]


def test_there_is_no_reward_where_the_outcome_does_not_tell() -> None:
    assert reward("target", 0.5, -0.5, 0.5, 1, 1.0, 1, 0.1) is None  # what the short would have earned
    assert reward("scale", 0.5, 0.0, 1.0, 1, 1.0, 1, None) is None  # still open
    assert reward("scale", None, 0.0, 1.0, 1, 1.0, 1, 0.1) is None
    assert reward_r("scale", 0.5, 0.0, 1.0, 1, 1.0, 1, None, 0.5) is None  # no stop, no R


def test_a_decision_that_changes_nothing_is_worth_nothing() -> None:
    assert reward("scale", 0.0, 2.0, 1.0, 1, 1.0, 1, 0.3) == 0.0  # an earlier agent had skipped it
    assert reward("target", 0.0, 1.0, 0.5, 1, 1.0, 1, 0.3) == 0.0  # and its candidate is over: lockstep applies none
    assert reward("scale", 0.4, 0.5, 1.0, 1, 0.1, 1, 0.3) == 0.0  # both weights are over the limit
    assert reward_r("scale", -0.4, 0.0, 1.0, -1, 1.0, 0, 2.0, 0.4) == 0.0  # shorts are not allowed
