"""Remarks: agents' words and confidence, and the hashes of what policies were shown, from the walk to the database."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from state_cases import Measure, Says

from darwin_core import Observation, backtest, engine
from darwin_core.remarks import row_hashes
from darwin_core.state import StateError, StateWriter, connect, record_run
from darwin_core.state.rows import Session
from darwin_core.state.schema import SCHEMA, VERSION


@attrs.frozen
class Speaks(Says):
    """Says why: what it was shown, and where."""

    def explain(self, observation: Observation) -> list[tuple[float, str]]:
        rows = zip(observation.time.tolist(), observation.symbol.tolist(), observation.values.tolist(), strict=True)
        return [(symbol / 10.0, f"{time} {values}") for time, symbol, values in rows]


@attrs.frozen
class Sees(Says):
    """Has a policy, whose schema has the columns in another order than the observation."""

    requires: tuple[str, ...] = ("strategy.weight", "account.drawdown")
    policy: Any = None


@attrs.frozen
class Names:
    names: tuple[str, ...]


@attrs.frozen
class Schema:
    schema: Names


SEEN = ("account.drawdown", "strategy.weight")


def said(path: Path, agent: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        query = (
            "SELECT time, symbol, confidence, words, observation_hash, fallback FROM agent_decisions"
            " WHERE agent_name = ? ORDER BY time, symbol"
        )
        return connection.execute(query, (agent,)).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "columns", [("strategy.weight",), ("strategy.weight", "account.cash")]
)  # at once, and bar by bar
@pytest.mark.parametrize("when", ["candidate", "bar", "week"])
def test_what_an_agent_says_reaches_the_run_and_the_database_at_its_decision(
    measured: Measure, tmp_path: Path, when: str, columns: tuple[str, ...]
) -> None:
    outcome = measured({"talker": (Speaks((0.5, 1.0), when=when, requires=columns), "active"), "mute": Says()})
    run = backtest.save(outcome)
    record_run(tmp_path / "state.sqlite", run)
    rows = said(tmp_path / "state.sqlite", "talker")
    assert len(rows) > 20
    for time, symbol, confidence, words, digest, _ in rows:
        assert confidence == int(symbol[1:]) / 10.0
        assert words.startswith(f"{time} [")
        assert digest is None
    assert {row[2:5] for row in said(tmp_path / "state.sqlite", "mute")} == {(None, None, None)}
    stored = run.table("decisions").to_pylist()
    assert sorted(row["words"] for row in stored if row["words"]) == sorted(row[3] for row in rows)


def test_words_are_no_part_of_the_digest_and_nobody_who_does_not_ask_hears_them(measured: Measure) -> None:
    silent, spoken = (measured({"a": (kind((0.5, 1.0)), "active")}).result for kind in (Says, Speaks))
    assert silent.digest == spoken.digest
    assert any(spoken.remarks[1].words)
    assert not engine.run(spoken.line).remarks


def test_an_agent_is_asked_why_once_for_each_decision_whatever_the_audit_asks(measured: Measure) -> None:
    asked: list[tuple[int, int]] = []

    @attrs.frozen
    class Counts(Speaks):
        def explain(self, observation: Observation) -> list[tuple[float, str]]:
            asked.extend(zip(observation.time.tolist(), observation.symbol.tolist(), strict=True))
            return [(np.nan, "")] * len(observation)

    result = measured({"a": (Counts((0.5, 1.0), requires=("account.cash",)), "active")}).result
    log = result.decisions[result.decisions["stage"] == 1]
    assert result.audited
    assert sorted(asked) == sorted(zip(log["time"].tolist(), log["symbol"].tolist(), strict=True))


def _raises(_: Observation) -> Any:
    raise KeyError("lost for words")


@pytest.mark.parametrize(
    ("explain", "what"),
    [
        (_raises, "lost for words"),
        (lambda o: [], "0 explanations for"),
        (lambda o: [(2.0, "sure")] * len(o), "a confidence of 2.0: it is from 0 to 1, or NaN"),
        (lambda o: [(0.5, None)] * len(o), "encode"),
        (lambda o: None, "not iterable"),
    ],
)
def test_an_agent_that_cannot_say_why_is_an_incident_and_its_decision_stands(
    measured: Measure, explain: Any, what: str
) -> None:
    @attrs.frozen
    class Fails(Says):
        def explain(self, observation: Observation) -> Any:
            return explain(observation)

    good, bad = (measured({"a": (kind((0.5, 1.0)), "active")}).result for kind in (Says, Fails))
    assert bad.digest == good.digest
    assert not any(bad.remarks[1].words)
    (incident,) = bad.incidents
    assert (incident.agent, incident.kind) == ("a", "explain")
    assert what in incident.first


def test_words_that_no_file_could_hold_are_mended_and_long_ones_cut(measured: Measure, tmp_path: Path) -> None:
    @attrs.frozen
    class Odd(Says):
        def explain(self, observation: Observation) -> Any:
            return [(np.nan, "half \ud800 a character " + "x" * 5_000)] * len(observation)

    run = backtest.save(measured({"a": Odd()}))
    record_run(tmp_path / "state.sqlite", run)
    _, _, confidence, words, *_ = said(tmp_path / "state.sqlite", "a")[0]
    assert confidence is None
    assert words.startswith("half ? a character xxx")
    assert len(words) == 2_000


@pytest.mark.parametrize("when", ["candidate", "bar"])
def test_the_hash_is_of_the_row_that_the_policy_was_shown_in_the_order_of_its_schema(
    measured: Measure, tmp_path: Path, when: str
) -> None:
    seen: dict[tuple[int, int], list[float]] = {}

    @attrs.frozen
    class Looks(Sees):
        def decide(self, observation: Observation) -> Any:
            for time, symbol, row in zip(
                np.broadcast_to(observation.time, len(observation)).tolist(), observation.symbol.tolist(),
                observation.values.tolist(), strict=True,
            ):  # fmt: skip
                seen.setdefault((time, symbol), row[::-1])  # later ones are of the account without the agent
            return super().decide(observation)

    run = backtest.save(measured({"a": (Looks((0.5, 1.0), when=when, policy=Schema(Names(SEEN))), "active")}))
    record_run(tmp_path / "state.sqlite", run)
    rows = said(tmp_path / "state.sqlite", "a")
    assert len({row[4] for row in rows}) > 20
    for time, symbol, _, _, digest, _ in rows:
        assert [digest] == row_hashes(SEEN, np.array([seen[time, int(symbol[1:])]]))


@given(
    rows=st.lists(st.lists(st.floats(allow_nan=False, width=64), min_size=2, max_size=2), min_size=1, max_size=5),
    turn=st.integers(0, 3),
)
def test_equal_rows_have_equal_hashes_and_others_others(rows: list[list[float]], turn: int) -> None:
    values = np.array(rows)
    whole = row_hashes(("a", "b"), values)
    assert whole == [row_hashes(("a", "b"), values[i : i + 1])[0] for i in range(len(rows))]
    assert whole == row_hashes(("a", "b"), np.asfortranarray(values))
    assert len(set(whole)) == len({tuple((values + 0.0)[i].tolist()) for i in range(len(rows))})
    assert not set(whole) & set(row_hashes(("a", "c"), values))


_OLD = re.sub("    (words|experiment) TEXT, .*\n", "", SCHEMA).replace(f"user_version = {VERSION}", "user_version = 1")


def test_an_older_file_is_brought_up_by_who_writes_and_keeps_what_it_has(measured: Measure, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    old = sqlite3.connect(path)
    old.executescript(_OLD)
    old.execute("INSERT INTO sessions VALUES ('s', 'live', 'd', '2024', 'UTC', NULL, 1.0, 0)")
    old.commit()
    assert "words" not in [row[1] for row in old.execute("PRAGMA table_info(agent_decisions)")]
    connect(path).close()  # who reads leaves it as it is
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    record_run(path, backtest.save(measured({"a": Speaks()})))
    StateWriter(path, Session("s", "live", "d", "2024")).close()
    connection = connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (2,)
    connection.close()
    assert all(row[3] for row in said(path, "a"))


def test_an_older_file_that_is_not_what_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    odd = sqlite3.connect(path)
    odd.executescript(SCHEMA.replace(f"user_version = {VERSION}", "user_version = 1"))
    odd.close()
    with pytest.raises(StateError, match="duplicate column name: words"):
        StateWriter(path, Session("s", "live", "d", "2024"))
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (1,)
