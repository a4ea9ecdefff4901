"""Agents in the compiled loop: asked in Python, compiled, or given for a block, they leave the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import Case, proposed, random_case
from numba import njit

from darwin_core import ledger, lockstep
from darwin_core.lockstep import APPLIED, EFFECTS, FALLBACK, GIVEN, IN_VAIN, LIVE_COLUMNS, WHENS

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("strategy.weight", "strategy.side")
ACCOUNT = ("account.drawdown", "account.weight", "account.age", "account.cash", "proposal.weight")


@njit
def rule(observation, actions):
    """Scale by a function of all columns."""
    for i in range(len(observation)):
        total = 0.0
        for f in range(observation.shape[1]):
            total += observation[i, f]
        actions[i] = abs(total) % 1.0


@njit
def fails(observation, actions):
    """Answer for one row, and fail."""
    actions[0] = 0.5
    raise ValueError("no")


@define(eq=False, slots=False)
class Panel:
    """Two agents over a case: one that sees the proposal and one that sees the account."""

    case: Case
    ways: tuple[str, str]
    effects: tuple[str, str] = ("scale", "cap")
    whens: tuple[str, str] = ("candidate", "bar")
    function: Any = rule
    answer: Callable[[int, np.ndarray], np.ndarray | None] | None = None
    asks: np.ndarray = field(default=None)
    decisions: list[np.ndarray] = field(factory=list)

    def run(self) -> Panel:
        case, (bars, symbols) = self.case, self.case.shape
        columns = (COLUMNS, ACCOUNT)
        agents = np.zeros(2, lockstep.AGENT_DTYPE)
        agents["width"] = [len(names) for names in columns]
        agents["effect"] = [EFFECTS[effect] for effect in self.effects]
        agents["when"] = [WHENS[when] for when in self.whens]
        agents["baseline"] = 1.0
        agents["stand_in"] = -1
        agents["compiled"] = [lockstep.address_of(self.function) if way == "compiled" else 0 for way in self.ways]
        agents["given"] = [GIVEN if way == "given" else IN_VAIN if way == "in vain" else 0 for way in self.ways]
        sources = np.zeros((2, 5), np.int64)
        for j, names in enumerate(columns):
            sources[j, : len(names)] = [-1 - LIVE_COLUMNS.index(name) for name in names]
        bar = ~np.isnan(case.close)
        moments = {"candidate": case.candidate, "bar": bar, "time": bar & (np.arange(bars) % 5 == 0)[:, None]}
        asks = np.array([moments[when] for when in self.whens]) if self.asks is None else self.asks
        actions_given = np.full((2, bars, symbols), np.nan)
        if self.ways[0] == "given":
            seen = np.stack([np.abs(case.signed), np.sign(case.signed)], axis=-1)[asks[0]]
            actions_given[0][asks[0]] = self._rule(0, seen)
        self.book, slots = ledger.new_book(case.execution.cash), ledger.new_slots(symbols)
        self.faults = np.zeros(2, np.int64)
        rows, actions, observation = np.zeros(symbols, np.int64), np.zeros(symbols), np.zeros(5 * symbols)
        self.curve = np.empty((bars, 4))
        buffers = [
            np.empty(64 * symbols, dtype) for dtype in (ledger.ORDER_DTYPE, ledger.FILL_DTYPE, lockstep.DECISION_DTYPE)
        ]

        def ask(agent: int, _row: int, n: int) -> bool:
            if agent == lockstep.DRAIN:
                self.decisions.append(buffers[2][: int(self.book[ledger.N_DECISIONS])].copy())
                self.book[[ledger.N_ORDERS, ledger.N_FILLS, ledger.N_DECISIONS]] = 0.0
                return True
            width = len(columns[agent])
            answer = self._rule(agent, observation[: n * width].reshape(n, width))
            if answer is None:
                return False
            actions[:n] = answer
            return True

        rules = ledger.rules(case.execution, case.exits, case.limits, has_range=case.has_range, own_stops=True)
        lockstep.walk(
            ask,
            (
                0, np.arange(bars), case.open, case.high, case.low, case.close,
                *proposed(case.signed, case.candidate), np.ones((1, 1)), case.stop, case.take, case.may_add,
            ),
            (rules, self.book, slots),
            (
                agents, asks, actions_given, np.empty((0, 0, 0)), sources, np.ones((2, symbols), np.bool_),
                np.full((2, symbols), np.nan), self.faults, np.zeros((2, 3), np.int64), rows, observation, actions, self.curve, *buffers,
            ),
        )  # fmt: skip
        return self

    def _rule(self, agent: int, seen: np.ndarray) -> np.ndarray | None:
        if self.answer:
            return self.answer(agent, seen)
        actions = np.empty(len(seen))
        self.function(np.ascontiguousarray(seen), actions)
        return actions

    @property
    def log(self) -> np.ndarray:
        return np.concatenate(self.decisions)


TIERS = [("given", "python"), ("python", "python"), ("compiled", "compiled"), ("given", "compiled")]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([("scale", "cap"), ("cap", "scale"), ("target", "target")]),
    st.sampled_from([("candidate", "bar"), ("time", "candidate"), ("bar", "time")]),
)
def test_all_tiers_leave_the_same_bytes(seed: int, effects: tuple[str, str], whens: tuple[str, str]) -> None:
    runs = [Panel(random_case(seed), ways, effects, whens).run() for ways in TIERS]
    assert len(runs[0].log) > 0
    for run in runs[1:]:
        assert run.log.tobytes() == runs[0].log.tobytes()
        assert run.curve.tobytes() == runs[0].curve.tobytes()


def test_many_more_decisions_than_the_buffers_hold_are_kept_in_order() -> None:
    run = Panel(random_case(1, bars=2000), ("python", "python")).run()
    assert len(run.decisions) > 2
    assert np.all(np.diff(run.log["time"]) >= 0)


def test_what_an_agent_raises_comes_out_of_the_loop() -> None:
    class BrokenError(Exception):
        pass

    def answer(agent: int, _seen: np.ndarray) -> np.ndarray:
        raise BrokenError(agent)

    with pytest.raises(BrokenError, match="1"):
        Panel(
            random_case(3), ("given", "python"), answer=lambda j, s: np.ones(len(s)) if j == 0 else answer(j, s)
        ).run()


def test_an_interruption_stops_the_loop() -> None:
    asked = []

    def answer(_agent: int, seen: np.ndarray) -> np.ndarray:
        asked.append(seen)
        if len(asked) == 10:
            raise KeyboardInterrupt
        return np.ones(len(seen))

    with pytest.raises(KeyboardInterrupt):
        Panel(random_case(3), ("python", "python"), answer=answer).run()
    assert len(asked) == 10


@pytest.mark.parametrize("ways", [("python", "python"), ("in vain", "python")])
def test_the_baseline_stands_in_for_an_agent_that_does_not_answer(ways: tuple[str, str]) -> None:
    run = Panel(random_case(5), ways, answer=lambda j, s: None if j == 0 else np.ones(len(s))).run()
    first = run.log[run.log["stage"] == 1]
    assert len(first) > 0
    assert np.all(first["flags"] == APPLIED | FALLBACK)
    assert np.all(first["value"] == 1.0)
    assert run.faults.tolist() == [0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_an_action_that_makes_no_sense_is_replaced_and_counted(bad: float) -> None:
    run = Panel(random_case(5), ("python", "python"), answer=lambda j, s: np.full(len(s), bad if j else 1.0)).run()
    second = run.log[run.log["stage"] == 2]
    assert np.all(second["flags"] & FALLBACK)
    assert np.all(second["value"] == 1.0)
    assert run.faults[0] == 0
    assert run.faults[1] > 0


def test_a_compiled_agent_that_fails_leaves_the_baseline() -> None:
    run = Panel(random_case(5), ("compiled", "python"), function=fails, answer=lambda _j, s: np.ones(len(s))).run()
    first = run.log[run.log["stage"] == 1]
    assert run.faults[0] == len(first) > 0
    assert np.all(first["value"] == 1.0)
    assert np.all(first["flags"] == APPLIED | FALLBACK)


def test_a_decision_does_not_outlive_its_candidate() -> None:
    case = random_case(7, max_drawdown=1.0)
    asks = np.array([case.candidate, ~np.isnan(case.close)])
    last = {s: np.flatnonzero(case.candidate[:, s])[-1] for s in range(case.shape[1])}
    for s, row in last.items():
        asks[0, row, s] = False  # a feature is missing there
    run = Panel(
        case, ("python", "python"), asks=asks, answer=lambda j, s: np.full(len(s), 0.25 if j == 0 else 9.0)
    ).run()
    first = run.log[run.log["stage"] == 1]
    for s, row in last.items():
        final = first[first["symbol"] == s][-1]
        assert (final["time"], final["value"]) == (row, 1.0)
        assert final["flags"] == APPLIED | FALLBACK
