from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest
from attrs import evolve
from numba import njit

from darwin_core import engine
from darwin_core.lockstep import DECIDE, FALLBACK

if TYPE_CHECKING:
    from collections.abc import Callable


@attrs.frozen
class Sober:
    """Halves what it sees once the account is down, and looks at nothing but its row."""

    when: str = "bar"
    requires: tuple[str, ...] = ("proposal.weight", "account.drawdown")
    effect: str = "scale"
    baseline: float = 1.0

    def decide(self, o: Any) -> Any:
        return np.where(o["account.drawdown"] > 0.05, 0.5, 1.0)


class Compiled(Sober):
    """The same as a compiled function."""

    @property
    def compiled(self) -> Any:
        return _sober


@njit(getattr(DECIDE, "signature", DECIDE))
def _sober(observation: Any, actions: Any) -> None:
    for i in range(len(observation)):
        actions[i] = 0.5 if observation[i, 1] > 0.05 else 1.0


class MarketOnly(Sober):
    """Decides at candidates by what the strategy said, so that a block can be asked about at once."""

    when = "candidate"  # type: ignore[assignment]
    requires = ("strategy.weight", "strategy.side")  # type: ignore[assignment]

    def decide(self, o: Any) -> Any:
        return np.where((o.time // 86_400_000_000_000 + o.symbol) % 3 == 0, 0.0, 1.0)


@pytest.mark.parametrize("agents", [(Compiled(),), (MarketOnly(),), (MarketOnly(), Compiled())])
def test_every_tier_gives_the_same_bytes(line: Any, agents: tuple[Any, ...]) -> None:
    results = [engine.run(line(*agents), tier=tier, audit=False) for tier in ("auto", "block", "compiled", "python")]
    first = results[0]
    assert len(first.decisions) > 100
    for other in results[1:]:
        assert other.digest == first.digest
        assert other.curve.tobytes() == first.curve.tobytes()
        assert other.fills.tobytes() == first.fills.tobytes()
        assert other.orders.tobytes() == first.orders.tobytes()


def failing(answer: Callable[[Any], Any]) -> Any:
    class Failing(Sober):
        def decide(self, o: Any) -> Any:
            return answer(o)

    return Failing()


def _raise(_o: Any) -> Any:
    raise ZeroDivisionError("no")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_raise, "exception"),
        (lambda o: ["a"] * len(o), "exception"),
        (lambda o: np.ones(len(o) + 1), "shape"),
        (lambda o: np.ones((len(o), 1)), "shape"),
        (lambda _o: 1.0, "shape"),
        (lambda o: np.full(len(o), np.nan), "value"),
        (lambda o: np.full(len(o), -1.0), "value"),
        (lambda _o: None, "shape"),
    ],
)
@pytest.mark.parametrize("tier", ["auto", "python"])
def test_whatever_an_agent_does_its_baseline_stands_in_and_the_run_goes_on(
    line: Any, answer: Any, kind: str, tier: Any
) -> None:
    result = engine.run(line(failing(answer)), tier=tier, audit=False)
    plain = engine.run(line(failing(lambda o: np.ones(len(o)))), tier=tier, audit=False)
    (incident,) = result.incidents
    assert (incident.agent, incident.kind) == ("a0", kind)
    assert incident.count > 100
    assert result.curve.tobytes() == plain.curve.tobytes()
    rows = result.decisions[result.decisions["stage"] == 1]
    assert len(rows)
    assert (rows["flags"] & FALLBACK != 0).all()


@pytest.mark.parametrize("kind", [np.int64, np.bool_, np.float32, list])
def test_actions_of_other_number_types_are_taken_as_they_are(line: Any, kind: Any) -> None:
    def cast(o: Any) -> Any:
        actions = o["account.drawdown"] < 0.05
        return actions.tolist() if kind is list else actions.astype(kind)

    given = engine.run(line(failing(cast)), audit=False)
    floats = engine.run(line(failing(lambda o: (o["account.drawdown"] < 0.05).astype(float))), audit=False)
    assert given.digest == floats.digest
    assert not given.incidents


def test_a_deadline_that_is_missed_is_counted_and_changes_nothing(line: Any) -> None:
    def slow(o: Any) -> Any:
        time.sleep(0.0002)
        return np.ones(len(o))

    made = line(failing(slow), bars=40)
    strict = evolve(made, agents=tuple(evolve(p, trust=evolve(p.trust, deadline_ms=0.1)) for p in made.agents))
    late, calm = (engine.run(each, audit=False) for each in (strict, made))
    assert [(i.kind, i.count) for i in late.incidents] == [("deadline", 40)]
    assert late.digest == calm.digest


def test_an_agent_sees_the_rows_the_moment_and_the_account_of_its_bar(line: Any) -> None:
    seen = []

    def watch(o: Any) -> Any:
        seen.append((o.time.copy(), o.symbol.copy(), o.values.copy(), o.names, len(o)))
        return np.ones(len(o))

    made = line(failing(watch), bars=300)
    result = engine.run(made, audit=False)
    close = made.feed.values["close"]
    assert len(seen) == sum((~np.isnan(row)).any() for row in close)
    drawdown = 1.0 - result.equity / np.maximum.accumulate(np.maximum(result.equity, 100_000.0))
    rows = iter(seen)
    for t in range(300):
        present = np.flatnonzero(~np.isnan(close[t]))
        if not len(present):
            continue
        time_, symbol, values, names, n = next(rows)
        assert time_.tolist() == [made.feed.time[t]]
        assert symbol.tolist() == present.tolist()
        assert n == len(present)
        assert names == ("proposal.weight", "account.drawdown")
        np.testing.assert_allclose(values[:, 1], drawdown[t], atol=1e-12)


def test_an_observation_cannot_be_written_to(line: Any) -> None:
    def write(o: Any) -> Any:
        o.values[0, 0] = 1.0
        return np.ones(len(o))

    (incident,) = engine.run(line(failing(write)), audit=False).incidents
    assert incident.kind == "exception"
    assert "read-only" in incident.first


def test_ctrl_c_inside_an_agent_ends_the_run(line: Any) -> None:
    def interrupt(_o: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(line(failing(interrupt)), audit=False)
