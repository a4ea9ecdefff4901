"""An earlier agent's decision as the baseline of a later one: it stands in, and it is what departures are counted by."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darwin_core import ConfigError
from darwin_core.assembly import _refuse_fallbacks
from darwin_core.engine import run
from darwin_core.graduation.overrides import Overrides
from darwin_core.lockstep import APPLIED, FALLBACK, LIMITED
from darwin_core.standing import standing

MODES = ("observe", "active")


def noise(observation: Any, salt: int) -> np.ndarray:
    day = observation.time // 86_400_000_000_000
    return (day * 2_654_435_761 + observation.symbol * 40_503 + salt * 97_777) % 1000 / 1000


@attrs.frozen
class Steady:
    """Says one thing or another by a hash of bar and symbol; fails where another hash says so."""

    salt: int
    when: str = "candidate"
    effect: str = "scale"
    baseline: float = 1.0
    fails: float = 0.0
    values: tuple[float, float] = (0.25, 0.75)
    requires: tuple[str, ...] = ()

    def decide(self, observation: Any) -> np.ndarray:
        said = np.where(noise(observation, self.salt) < 0.5, *self.values)
        return np.where(noise(observation, self.salt + 50) < self.fails, np.nan, said)


@attrs.frozen
class Raising(Steady):
    """Raises on some days."""

    def decide(self, observation: Any) -> np.ndarray:
        if int(observation.time[0] // 86_400_000_000_000) % 3:
            raise RuntimeError
        return super().decide(observation)


def with_fallback(line: Any, first: Any, second: Any, *, modes: tuple[str, str] = ("observe", "active"), **more: Any):
    made = line(first, second, **more)
    a, b = made.agents
    one = attrs.evolve(a, trust=attrs.evolve(a.trust, mode=modes[0]))
    two = attrs.evolve(b, trust=attrs.evolve(b.trust, mode=modes[1], fallback="a0"))
    return attrs.evolve(made, agents=(one, two))


def stage(result: Any, number: int) -> np.ndarray:
    return result.decisions[result.decisions["stage"] == number]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", [Steady, Raising])
def test_a_candidate_s_fallback_stands_in_where_the_agent_fails_and_nowhere_else(line, kind, mode) -> None:
    made = with_fallback(line, Steady(1, values=(0.0, 0.5)), kind(2, fails=0.4), modes=(mode, "active"))
    result = run(made, tier="python", audit=False)
    first, second = stage(result, 1), stage(result, 2)
    assert len(first) == len(second) > 100
    fell = second["flags"] & FALLBACK != 0
    assert 20 < fell.sum() < len(second) - 20
    np.testing.assert_array_equal(second["value"][fell], first["value"][fell])
    assert set(second["value"][~fell]) == {0.25, 0.75}


def test_at_bars_it_takes_over_and_hands_back(line) -> None:
    first = Steady(1, when="bar", effect="target", baseline=0.0, values=(0.0, 0.1))
    second = Raising(2, when="bar", effect="target", baseline=0.0, values=(0.02, 0.05))
    result = run(with_fallback(line, first, second), tier="python", audit=False)
    targets = result.decisions[result.decisions["stage"] == 99]
    down = targets["time"] // 86_400_000_000_000 % 3 != 0
    assert set(targets["value"][down]) == {0.0, 0.1}
    assert set(targets["value"][~down]) >= {0.02, 0.05}
    alone = run(with_fallback(line, first, second, modes=("active", "observe")), tier="python", audit=False)
    mine = stage(alone, 1)
    day, symbol = mine["time"], mine["symbol"]
    said = {(t, s): v for t, s, v in zip(day.tolist(), symbol.tolist(), mine["value"].tolist(), strict=True)}
    for row in targets[down][::7]:
        if (row["time"], row["symbol"]) in said:
            assert row["value"] == said[row["time"], row["symbol"]]


def test_what_the_log_says_stood_in_is_what_stood_in(line) -> None:
    for when, effect in (("candidate", "scale"), ("bar", "target"), ("bar", "cap")):
        first = Steady(1, when=when, effect=effect, fails=0.2, values=(0.0, 0.125))
        made = with_fallback(line, first, Steady(2, when=when, effect=effect, fails=0.5))
        result = run(made, audit=False)
        second = stage(result, 2)
        fell = second["flags"] & FALLBACK != 0
        found = standing(made.agents, 1, result.decisions)
        np.testing.assert_array_equal(found[fell], second["value"][fell])
        assert fell.sum() > 20
        np.testing.assert_array_equal(standing(made.agents, 0, result.decisions), 1.0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.floats(0.0, 0.9), window=st.integers(1, 60), fails=st.floats(0.0, 1.0), seed=st.integers(0, 99))
def test_departures_are_counted_from_the_fallback_s_word(line, limit, window, fails, seed) -> None:
    first, second = Steady(seed, values=(0.0, 1.0)), Steady(seed + 1, values=(0.0, 1.0), fails=fails)
    made = with_fallback(line, first, second, bars=300, symbols=3, trust={"override_window": window})
    one, two = made.agents
    made = attrs.evolve(made, agents=(one, attrs.evolve(two, trust=attrs.evolve(two.trust, max_overrides=limit))))
    result = run(made, audit=False)
    mine, word = stage(result, 2), stage(result, 1)["value"]
    departs = mine["value"] != word
    applied, _ = Overrides(limit, window).admit(departs)
    np.testing.assert_array_equal(mine["flags"] & LIMITED != 0, departs & ~applied)
    assert (mine["flags"][applied] & APPLIED != 0).all()


def test_without_a_fallback_nothing_changes_and_with_one_that_is_never_needed_neither(line) -> None:
    plain = run(line(Steady(1), Steady(2)), audit=False)
    needed = run(with_fallback(line, Steady(1), Steady(2), modes=("active", "active")), audit=False)
    assert plain.digest == needed.digest
    failing = with_fallback(line, Steady(1), Steady(2, fails=0.3), modes=("active", "active"))
    assert run(failing, audit=False).digest != run(line(Steady(1), Steady(2, fails=0.3)), audit=False).digest


def test_a_chain_ends_at_the_first_one_s_constant_baseline(line) -> None:
    made = line(Steady(1, baseline=0.125, fails=1.0), Steady(2, fails=1.0), Steady(3, fails=1.0))
    names = ("", "a0", "a1")
    parts = [attrs.evolve(p, trust=attrs.evolve(p.trust, fallback=n)) for p, n in zip(made.agents, names, strict=True)]
    result = run(attrs.evolve(made, agents=tuple(parts)), audit=False)
    assert set(stage(result, 3)["value"]) == {0.125}


def test_the_agent_s_own_word_holds_where_the_deployment_says_nothing(line) -> None:
    @attrs.frozen
    class Follows(Steady):
        fallback: str = "a0"

    result = run(line(Steady(1, values=(0.0, 0.5)), Follows(2, fails=1.0)), audit=False)
    np.testing.assert_array_equal(stage(result, 1)["value"], stage(result, 2)["value"])


def test_every_tier_and_every_cut_gives_the_same_bytes(line) -> None:
    digests = {
        run(with_fallback(line, Steady(1, when="bar", fails=0.1), Steady(2, fails=0.5),
            text=f'[run]\nblock = "{block}"\n'), tier=tier).digest
        for block in ("whole", "month", "day")
        for tier in ("auto", "block", "python")
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("first", "second", "fallback", "words"),
    [
        (Steady(1), Steady(2), "a7", "no agent 'a7' decides before 'a1': known: a0"),
        (Steady(1), Steady(2), "a1", "no agent 'a1' decides before 'a1'"),
        (Steady(1, effect="cap"), Steady(2), "a0", "'a1' is a scale at each candidate, and 'a0' a cap"),
        (Steady(1), Steady(2, when="bar"), "a0", "'a0' a scale at each candidate: its decisions cannot stand in"),
    ],
)
def test_a_fallback_that_could_not_stand_in_is_refused(line, first, second, fallback, words) -> None:
    made = line(first, second)
    one, two = made.agents
    two = attrs.evolve(two, trust=attrs.evolve(two.trust, fallback=fallback))
    tables = '[[agents]]\nuse = "x"\nname = "a0"\n[[agents]]\nuse = "x"\nname = "a1"\n'
    from darwin_core.config import settings as settings_of
    from darwin_core.source import Source

    text = f'[feed]\nuse = "x"\n[strategy]\nuse = "x"\n{tables}'
    with pytest.raises(ConfigError, match=words):
        _refuse_fallbacks((one, two), settings_of(Source.parse(text, made.settings.source.path), {}))
