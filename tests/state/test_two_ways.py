"""A stored run and a live session write the same rows, in any order, and twice is once."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from state_cases import Measure, Says, dump

from darwin_core import backtest, lockstep
from darwin_core.outcomes import EXIT_REASONS, UNRESOLVED, r_multiples, returns
from darwin_core.state import Candidate, Decision, Outcome, Session, StateError, StateWriter, record_run
from darwin_core.types import Limits

AGENTS = {
    "gate": Says(),
    "size": (Says((0.5, 1.0, 1.5, 2.0)), "active"),
    "cap": (Says((0.05, 0.2, 1.0), "cap", baseline=1.0), "canary"),
    "bars": (Says((0.5, 1.0), when="bar"), "active"),
    "daily": Says((0.1, 0.3), "target", "week", 0.2),
}


def live(path: Path, session: Session, outcome: backtest.Outcome, order: random.Random | None = None) -> None:
    """Write a result through the live writer: from the log and the candidates in memory, bar by bar."""
    result, line = outcome.result, outcome.result.line
    log, found, time = result.decisions, outcome.candidates, result.time
    fee = line.settings.execution.fee
    gains, multiples = returns(found, fee).tolist(), r_multiples(found, fee).tolist()
    taken = backtest.taken(result, found)
    candidates = [
        Candidate(
            int(time[row["bar"]]), result.symbols[row["symbol"]], int(row["side"]), float(row["weight"]),
            float(row["confidence"]), bool(taken[i]),
        )
        for i, row in enumerate(found)
    ]  # fmt: skip
    ends = [(int(row["exit_bar"]), i) for i, row in enumerate(found) if row["reason"] != UNRESOLVED]
    if order:
        order.shuffle(ends)
    else:
        ends.sort()
    with StateWriter(path, session) as writer:
        for bar in range(len(time)):
            rows = [
                _decision(result, line.agents[row["stage"] - 1], row, float(result.equity[bar]))
                for row in log[log["time"] == time[bar]]
                if 0 < row["stage"] < lockstep.TARGET_STAGE
            ]
            new = [each for each in candidates if each.time == time[bar]]
            writer.decisions(int(time[bar]), rows, new)
            _accounts(writer, outcome, bar)
        for _, i in ends:
            row = found[i]
            writer.resolve(
                candidates[i],
                Outcome(
                    int(time[row["entry_bar"]]), float(row["entry_price"]), int(time[row["exit_bar"]]),
                    float(row["exit_price"]), EXIT_REASONS[row["reason"]], int(row["age"]), gains[i], multiples[i],
                ),
            )  # fmt: skip


def _accounts(writer: StateWriter, outcome: backtest.Outcome, bar: int) -> None:
    """Write the account with and without each agent, where the backtest has kept the other curves."""
    result = outcome.result
    others = getattr(outcome, "others", {})
    for part in result.line.agents:
        if part.name in others:
            own, other = float(result.equity[bar]), float(others[part.name][bar])
            both = (own, other) if part.trust.mode in ("canary", "active") else (other, own)
            writer.account(int(result.time[bar]), part.name, part.owner.origin, *both)


def _decision(result: Any, part: Any, row: Any, equity: float) -> Decision:
    return Decision(
        part.name, part.owner.origin, part.trust.mode, result.symbols[row["symbol"]], part.agent.effect,
        part.agent.when, float(row["value"]), part.agent.baseline, float(row["extra"]), equity,
        bool(row["flags"] & lockstep.APPLIED), bool(row["flags"] & lockstep.FALLBACK),
    )  # fmt: skip


def session_of(run: Any, kind: str = "backtest") -> Session:
    info = run.info
    return Session(run.id, kind, info["deployment"], info["created"], info["timezone"], info["digest"])


@pytest.mark.parametrize("seed", range(3))
def test_a_stored_run_and_a_live_session_write_the_same_rows(measured: Measure, tmp_path: Path, seed: int) -> None:
    outcome = measured(AGENTS, seed=seed)
    run = backtest.save(outcome)
    assert record_run(tmp_path / "run.sqlite", run)
    live(tmp_path / "live.sqlite", session_of(run), outcome)
    rows = dump(tmp_path / "run.sqlite")
    assert rows == dump(tmp_path / "live.sqlite")
    assert len(rows["candidates"]) == run.info["candidates"]["count"] > 50
    assert len(rows["agent_decisions"]) == sum(each["decisions"] for each in run.info["agents"])


def test_it_does_not_matter_in_which_order_candidates_resolve(measured: Measure, tmp_path: Path) -> None:
    outcome = measured(AGENTS)
    run = backtest.save(outcome)
    for number in range(3):
        live(tmp_path / f"{number}.sqlite", session_of(run), outcome, random.Random(number))  # noqa: S311
    first = dump(tmp_path / "0.sqlite")
    assert first == dump(tmp_path / "1.sqlite") == dump(tmp_path / "2.sqlite")


def test_recording_twice_equals_once(measured: Measure, tmp_path: Path) -> None:
    outcome = measured(AGENTS)
    run = backtest.save(outcome)
    path = tmp_path / "state.sqlite"
    assert record_run(path, run)
    once = dump(path)
    assert not record_run(path, run)
    live(path, session_of(run), outcome)  # and once more by the other way
    assert dump(path) == once


def test_another_run_of_the_same_name_is_refused(measured: Measure, tmp_path: Path) -> None:
    run = backtest.save(measured({"gate": Says()}))
    path = tmp_path / "state.sqlite"
    record_run(path, run)
    once = dump(path)
    with pytest.raises(StateError, match="knows the session .* with digest"):
        record_run(path, type(run)(run.folder, {**run.info, "digest": "0" * 64}))
    assert dump(path) == once


def test_a_run_that_cannot_be_recorded_leaves_nothing(measured: Measure, tmp_path: Path) -> None:
    run = backtest.save(measured({"gate": Says()}))
    path = tmp_path / "state.sqlite"
    old = [{k: v for k, v in each.items() if k != "baseline"} for each in run.info["agents"]]
    with pytest.raises(
        StateError, match="does not say what agent 'gate' falls back to; it was made by an older darwin"
    ):
        record_run(path, type(run)(run.folder, {**run.info, "agents": old}))
    assert not any(dump(path).values())
    assert record_run(path, run)


def test_an_agent_that_is_named_like_a_stage_of_the_log_is_refused(measured: Measure, tmp_path: Path) -> None:
    run = backtest.save(measured({"target": Says()}))
    with pytest.raises(StateError, match="an agent is named 'target', as the log names a stage"):
        record_run(tmp_path / "state.sqlite", run)


def test_every_decision_about_a_candidate_has_its_outcome_and_skipped_candidates_have_one_too(
    measured: Measure, tmp_path: Path
) -> None:
    run = backtest.save(measured({"gate": (Says(), "active"), "bars": Says(when="bar")}))
    path = tmp_path / "state.sqlite"
    record_run(path, run)
    connection = sqlite3.connect(path)
    resolved = [row for row in run.table("candidates").to_pylist() if row["reason"] is not None]
    skipped = [row for row in resolved if not row["taken"]]
    assert len(skipped) > 10
    found = connection.execute(
        'SELECT c."return", c.r_multiple FROM candidates AS c WHERE reason IS NOT NULL AND taken = 0 ORDER BY time, symbol'
    ).fetchall()
    assert found == [(row["return"], row["r_multiple"]) for row in skipped]
    gate = connection.execute(
        "SELECT action, outcome, outcome_r, reward_r FROM agent_decisions WHERE agent_name = 'gate' AND outcome"
        " IS NOT NULL ORDER BY time, symbol"
    ).fetchall()
    assert len(gate) == len(resolved)
    for (action, outcome, outcome_r, reward_r), row in zip(gate, resolved, strict=True):
        assert (outcome, outcome_r) == (row["return"], row["r_multiple"])
        assert reward_r == (pytest.approx(-row["r_multiple"]) if action == 0.0 else 0.0)
    at_bars = "SELECT count(*), count(outcome), count(reward) FROM agent_decisions WHERE agent_name = 'bars'"
    decisions, outcomes, rewards = connection.execute(at_bars).fetchone()
    assert decisions > 0
    assert outcomes == rewards == 0
    connection.close()


OUTCOME = Outcome(20, 100.0, 40, 110.0, "signal", 3, 0.09, 1.8)


def decision(agent: str = "gate", version: str = "1", action: float = 0.0) -> Decision:
    return Decision(agent, version, "observe", "A", "scale", "candidate", action, 1.0, 0.5, 1000.0)


@given(order=st.permutations(["decide", "resolve", "decide again", "resolve again"]))
def test_calls_may_come_in_any_order_and_twice(tmp_path_factory: Any, order: list[str]) -> None:
    path = tmp_path_factory.mktemp("live") / "state.sqlite"
    candidate = Candidate(10, "A", 1, 0.5, 0.7)
    with StateWriter(path, Session("s", "live", "d", "2024-01-01")) as writer:
        for step in order:
            if step.startswith("decide"):
                writer.decisions(10, [decision()], [candidate])
            else:
                writer.resolve(candidate, OUTCOME)
    (row,) = dump(path, "candidates")["candidates"]
    assert row[-3:] == (3, 0.09, 1.8)
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT outcome, outcome_r, reward, reward_r, resolved_time FROM agent_decisions")
    assert rows.fetchall() == [(0.09, 1.8, pytest.approx(-0.045), pytest.approx(-1.8), 40)]
    connection.close()


def test_what_was_decided_first_stands(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    session = Session("s", "live", "d", "2024-01-01")
    for action in (0.0, 1.0):  # the second one after a restart, which says something else
        with StateWriter(path, session) as writer:
            writer.decisions(10, [decision(action=action)])
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT action FROM agent_decisions").fetchall() == [(0.0,)]
    connection.close()


def _half(writer: StateWriter, candidate: Candidate) -> None:
    writer.decisions(10, [decision()], [candidate])
    writer.resolve(candidate, OUTCOME)
    writer.decisions(10, [decision(agent=None)])  # type: ignore[arg-type]


def test_a_bar_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    candidate = Candidate(10, "A", 1, 0.5)
    with StateWriter(path, Session("s", "live", "d", "2024-01-01")) as writer:
        with pytest.raises(StateError, match="cannot be written"), writer.bar():
            _half(writer, candidate)
        with pytest.raises(StateError, match="cannot be written"):
            writer.decisions(11, [decision(), decision(agent=None)])  # type: ignore[arg-type]
    assert not any(dump(path, "agent_decisions", "candidates").values())


def test_a_session_with_other_limits_needs_an_id_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    StateWriter(path, Session("s", "live", "d", "2024-01-01")).close()
    StateWriter(path, Session("s", "live", "d", "2024-02-02")).close()  # the same, begun again
    with pytest.raises(StateError, match="'s' with max_weight 1.0, and it is 0.2 now: give the new one an id"):
        StateWriter(path, Session("s", "live", "d", "2024-01-01", limits=Limits(max_weight=0.2)))


def test_of_a_day_s_accounts_the_last_bar_stays(tmp_path: Path) -> None:
    path, hour = tmp_path / "state.sqlite", 3600 * 10**9
    with StateWriter(path, Session("s", "live", "d", "2024-01-01")) as writer:
        for at in (1, 3, 2, 3, 30):
            writer.account(at * hour, "gate", "1", 100.0 + at, 100.0)
            writer.incident(at * hour, "gate", "exception", "it failed")
    days = dump(path)
    assert [row[3:] for row in days["agent_days"]] == [
        ("1970-01-01", 3 * hour, 103.0, 100.0), ("1970-01-02", 30 * hour, 130.0, 100.0),
    ]  # fmt: skip
    assert len(days["incidents"]) == 4
