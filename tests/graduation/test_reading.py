"""From the rows of the state database to a standing: versions, modes, blocks, and what an agent is judged as."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from graduation_cases import A_DAY, FIRST, days_of_account, gate

from darwin_core.graduation.eprocess import Evidence
from darwin_core.graduation.reading import plain, read
from darwin_core.graduation.record import Taken
from darwin_core.graduation.rule import share
from darwin_core.graduation.table import GraduationTable
from darwin_core.state import StateError
from darwin_core.store import to_json

EASY = GraduationTable(floor=1.0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def taken(after: str, before: str = "observe", day: int = FIRST + 10**5) -> Taken:
    return Taken(1, "gate", "v1", before, after, "Ada", "because", override=False, day=day)


def test_a_planted_edge_graduates_to_canary_and_then_to_active(state: Path) -> None:
    gate(state, 60, edge=0.6)
    early = read(state, "gate", table=EASY)
    assert early.standing.step is not None
    assert (early.standing.step.before, early.standing.step.after) == ("observe", "canary")
    assert (early.kind, early.role, early.declared, early.unit, early.block) == ("live", "gate", False, "R", 1)
    assert all(finding.met for finding in early.standing.findings)
    gate(state, 20, edge=0.6, first=60, mode="canary", seed=1)
    late = read(state, "gate", table=EASY)
    assert late.stage == "canary"
    assert late.standing.blocks == early.standing.blocks + 20
    assert late.standing.step is not None
    assert late.standing.step.after == "active"


@pytest.mark.parametrize("seed", range(4))
def test_without_an_edge_nobody_is_promoted(state: Path, seed: int) -> None:
    gate(state, 200, edge=0.0, seed=seed)
    found = read(state, "gate", table=EASY)
    assert found.standing.blocks == 199
    assert found.standing.step is None
    assert any("evidence of" in each for each in found.standing.missing)


def test_the_evidence_is_that_of_the_blocks_that_the_rows_make(state: Path) -> None:
    gate(state, 40, edge=0.3)
    import sqlite3

    connection = sqlite3.connect(state)
    means = [
        mean for (mean,) in connection.execute("SELECT avg(reward_r) FROM agent_decisions GROUP BY day ORDER BY day")
    ]
    found = read(state, "gate", table=EASY)
    again = Evidence.of(EASY.bounds, means[:-1])
    assert found.standing.e_value == pytest.approx(again.e_value)
    assert found.standing.mean == pytest.approx(np.mean(means[:-1]))


def test_each_version_is_an_attempt_with_evidence_of_its_own(state: Path) -> None:
    gate(state, 60, edge=0.6)
    gate(state, 30, edge=0.6, first=60, version="v2", seed=1)
    gate(state, 10, edge=0.6, first=90, version="v1", seed=2)
    found = read(state, "gate", table=EASY)
    assert (found.version, found.standing.attempt, found.standing.blocks) == ("v1", 3, 9)
    assert found.standing.wanted == pytest.approx(1.0 / (0.05 * share(3)))
    assert found.first == "2023-04-01"


def test_a_step_back_is_an_attempt_too_and_the_blocks_before_it_count_no_more(state: Path) -> None:
    gate(state, 30, edge=0.6, mode="canary")
    gate(state, 15, edge=0.6, first=30, mode="observe", seed=1)
    found = read(state, "gate", table=EASY)
    assert (found.stage, found.standing.attempt, found.standing.blocks) == ("observe", 2, 14)
    assert found.standing.findings[1].measured == 15 * A_DAY


def test_an_agent_that_acted_from_the_beginning_is_watched_from_the_beginning(state: Path) -> None:
    gate(state, 200, edge=-1.0, mode="active")
    found = read(state, "gate", table=GraduationTable(floor=2.0))
    assert found.stage == "active"
    assert found.standing.step is not None
    assert found.standing.step.after == "observe"
    assert "detector" in found.standing.step.why


def test_a_step_on_record_counts_until_there_are_decisions_of_a_later_day(state: Path) -> None:
    gate(state, 60, edge=0.6)
    last = FIRST + 59
    assert read(state, "gate", table=EASY, steps=[taken("canary", day=last)]).stage == "canary"
    both = [taken("canary", day=last), taken("observe", "canary", day=last)]
    back = read(state, "gate", table=EASY, steps=both)
    assert (back.stage, back.standing.attempt, back.standing.blocks) == ("observe", 2, 0)
    gate(state, 5, edge=0.6, first=60, seed=3)
    assert read(state, "gate", table=EASY, steps=[taken("canary", day=last)]).stage == "observe"


def test_a_fresh_start_of_an_observing_agent_outlasts_later_decisions(state: Path) -> None:
    gate(state, 60, edge=0.6)
    found = read(state, "gate", table=EASY, steps=[taken("observe", day=FIRST + 39)])
    assert (found.stage, found.standing.attempt, found.standing.blocks) == ("observe", 2, 19)
    found = read(state, "gate", table=EASY, steps=[taken("observe", day=FIRST + 59)])
    assert (found.standing.attempt, found.standing.blocks) == (2, 0)


def test_steps_of_other_agents_are_not_looked_at(state: Path) -> None:
    gate(state, 30)
    other = Taken(1, "other", "v1", "observe", "canary", "Ada", "because", override=False, day=FIRST + 99)
    found = read(state, "gate", steps=[other])
    assert found.stage == "observe"
    assert found.recorded is None


@pytest.mark.parametrize(("held", "block"), [(0, 1), (3, 7), (20, 28), (50, 91), (100, 364)])
def test_a_block_is_as_long_as_nine_of_ten_positions_are_held_or_as_declared(
    state: Path, held: int, block: int
) -> None:
    gate(state, 20, held=held)
    assert read(state, "gate").block == block
    assert read(state, "gate", table=GraduationTable(block=14)).block == 14


def test_blocks_stop_at_the_first_decision_that_is_open(state: Path) -> None:
    gate(state, 40, open_after=25)
    assert read(state, "gate").standing.blocks == 25


def test_live_sessions_are_one_history_and_other_deployments_another(state: Path) -> None:
    gate(state, 20, edge=0.6)
    gate(state, 20, edge=0.6, first=20, session="demo-2", seed=1)
    gate(state, 9, edge=0.6, session="other-1", deployment="other", seed=2)
    found = read(state, "gate", deployment="demo")
    assert found.sessions == ("demo-1", "demo-2")
    assert found.standing.blocks == 39
    with pytest.raises(StateError, match="only of demo, other, none of deployment 'third'"):
        read(state, "gate", deployment="third")


def test_the_past_is_read_as_it_was_run_and_its_versions_are_counted(state: Path) -> None:
    gate(state, 30, edge=0.6, kind="backtest", session="run-1", version="v1")
    gate(state, 30, edge=0.6, kind="backtest", session="run-2", version="v2", first=30)
    found = read(state, "gate", table=EASY, steps=[taken("canary")])
    assert (found.kind, found.sessions, found.standing.stage, found.stage) == (
        "backtest",
        ("run-2",),
        "observe",
        "canary",
    )
    assert (found.standing.attempt, found.standing.blocks) == (2, 29)
    first = read(state, "gate", table=EASY, session="run-1")
    assert (first.standing.attempt, first.stage) == (1, "observe")


def test_an_agent_is_judged_as_what_it_says_it_is(state: Path) -> None:
    gate(state, 30, edge=0.6)
    names = {role: [f.name for f in read(state, "gate", role=role).standing.findings] for role in ("meta", "portfolio")}  # type: ignore[arg-type]
    assert names["meta"][-2:] == ["agreement", "override accuracy"]
    assert names["portfolio"][-2:] == ["Sharpe over equal weight", "drawdown"]


def test_an_agent_that_does_not_decide_at_candidates_is_weighed_by_what_it_adds_to_the_account(state: Path) -> None:
    added = np.random.default_rng(1).normal(0.004, 0.004, 120)
    days_of_account(state, "scaler", added)
    found = read(state, "scaler")
    assert (found.unit, found.role, found.block) == ("% of the account", "any", 1)
    assert found.standing.blocks == 118  # the first day has no return, the last may not be over
    assert found.standing.mean == pytest.approx(np.minimum(100 * np.log1p(added[1:-1]), 1.0).mean())
    assert found.standing.step is not None
    portfolio = read(state, "scaler", role="portfolio")
    assert portfolio.standing.findings[-1].measured == pytest.approx(
        float((1 - np.cumprod(1 + added[1:]) / np.maximum.accumulate(np.cumprod(np.r_[1.0, 1 + added[1:]]))[1:]).max())
    )


def test_circuit_breaker_trips_of_this_attempt_are_counted(state: Path) -> None:
    from darwin_core.state import Session, StateWriter
    from darwin_core.types import Limits

    gate(state, 30, edge=0.6)
    gate(state, 30, edge=0.6, first=30, version="v2", seed=1)
    of = Session("demo-1", "live", "demo", "2023-01-01T00:00:00+00:00", "UTC", None, Limits(max_weight=0.2))
    with StateWriter(state, of) as writer:
        writer.incident((FIRST + 3) * 86_400 * 10**9 + 1, "gate", "circuit", "gate: its circuit is open")
    assert next(f for f in read(state, "gate").standing.findings if f.name == "breaker trips").met
    with StateWriter(state, of) as writer:
        writer.incident((FIRST + 40) * 86_400 * 10**9 + 1, "gate", "circuit", "gate: its circuit is open")
    assert not next(f for f in read(state, "gate").standing.findings if f.name == "breaker trips").met


def test_an_unknown_agent_and_an_agent_without_evidence_are_said_so(state: Path) -> None:
    gate(state, 3)
    with pytest.raises(StateError, match="did you mean 'gate'"):
        read(state, "gaet")
    days_of_account(state, "scaler", [0.01], session="demo-9")
    with pytest.raises(StateError, match="has no account with and without agent 'scaler'"):
        read(state, "scaler", session="demo-9")


def test_a_reading_is_plain_json(state: Path) -> None:
    gate(state, 30)
    text = to_json(plain(read(state, "gate", steps=[taken("canary")])))
    assert '"stage": "canary"' in text
    assert "nan" not in text.lower()


@settings(max_examples=25, deadline=None)
@given(
    runs=st.lists(
        st.tuples(st.sampled_from(["v1", "v2"]), st.sampled_from(["observe", "canary", "active"]), st.integers(1, 6)),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_attempts_are_changes_of_version_and_steps_back_whatever_the_order(
    tmp_path_factory: Any, runs: list[tuple[str, str, int]]
) -> None:
    state = tmp_path_factory.mktemp("live") / "state.sqlite"
    first, attempts, before = 0, 1, None
    for number, (version, mode, days) in enumerate(runs):
        gate(state, days, version=version, mode=mode, first=first, seed=number)
        if before is not None:
            attempts += version != before[0] or (mode == "observe" != before[1])
        before, first = (version, mode), first + days
    found = read(state, "gate", table=GraduationTable(floor=3.0))
    assert found.standing.attempt == attempts
    assert found.stage == runs[-1][1]
    assert found.mode == runs[-1][1]
