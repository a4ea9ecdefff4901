"""What a session does with an agent that keeps failing, is slow, or departs from its baseline too often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from darwin_core.assembly import AgentPart
from darwin_core.config import CircuitTable, Trust
from darwin_core.live.circuits import Circuits
from darwin_core.live.stepping import Given, Step
from darwin_core.lockstep import DECISION_DTYPE
from darwin_core.plugins import Owner

MINUTE = 60_000_000_000
TABLE = CircuitTable(failures=3, window=10, latency_ms=100.0, slow_calls=2, cooldown_s=600.0)


def circuits(limit: float | None = None) -> Circuits:
    agent = SimpleNamespace(baseline=1.0, effect="scale", when="candidate")
    trust = Trust("gate", mode="active", max_overrides=limit, override_window=4)
    part = AgentPart(agent, Owner("agent", "gate", "a test"), trust)  # type: ignore[arg-type]
    return Circuits(SimpleNamespace(agents=(part,)), TABLE)  # type: ignore[arg-type]


def step(minute: int, values: list[float], *, failed: bool = False, seconds: float = 0.001) -> Step:
    rows = np.zeros(len(values), DECISION_DTYPE)
    rows["stage"], rows["value"] = 1, values
    silent = frozenset({"gate"}) if failed else frozenset()
    none: Any = np.empty(0)
    return Step(minute * MINUTE, 0, Given(silent), rows, none, 0, (), (), (), {"agent gate": seconds}, np.ones((1, 1)))


def test_it_is_closed_at_the_start_and_opens_after_failures() -> None:
    made = circuits()
    said: list[str] = []
    for minute in range(3):
        assert made.silent(minute * MINUTE) == set()
        said += made.note(step(minute, [1.0], failed=True), set())
    assert made.state("gate") == "open"
    assert made.silent(4 * MINUTE) == {"gate"}
    assert len(said) == 1
    assert "3 of the latest 10 calls failed" in said[0]


def test_one_call_is_tried_after_the_cool_down_and_closes_or_opens_it() -> None:
    made = circuits()
    for minute in range(3):
        made.note(step(minute, [1.0], failed=True), set())
    assert made.silent(12 * MINUTE + 1) == set()
    assert made.state("gate") == "half-open"
    made.note(step(12, [1.0], failed=True), set())
    assert made.silent(13 * MINUTE) == {"gate"}
    assert made.silent(23 * MINUTE) == set()
    assert any("closed again" in said for said in made.note(step(23, [1.0]), set()))
    assert made.state("gate") == "closed"


def test_slow_calls_in_a_row_open_it() -> None:
    made = circuits()
    made.note(step(0, [1.0], seconds=0.2), set())
    made.note(step(1, [1.0], seconds=0.01), set())
    made.note(step(2, [1.0], seconds=0.2), set())
    assert made.state("gate") == "closed"
    made.note(step(3, [1.0], seconds=0.2), set())
    assert made.state("gate") == "open"


@pytest.mark.parametrize(("limit", "state"), [(0.2, "open"), (None, "closed")])
def test_departing_in_more_than_half_of_the_decisions_opens_that_of_an_agent_with_a_limit(
    limit: float | None, state: str
) -> None:
    made = circuits(limit)
    for minute in range(4):
        made.note(step(minute, [0.5 if minute else 1.0]), set())
    assert made.state("gate") == state


def test_bars_on_which_it_was_not_asked_say_nothing_of_it() -> None:
    made = circuits()
    for minute in range(3):
        made.note(step(minute, [1.0], failed=True), set())
    made.note(step(4, [1.0], failed=True), {"gate"})
    made.reset("gate")
    assert made.state("gate") == "closed"
    assert made.silent(5 * MINUTE) == set()
