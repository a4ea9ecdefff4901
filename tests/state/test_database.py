"""The file: the queries that people know, and what is refused in words."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from state_cases import Measure, Says

from darwin_core import backtest
from darwin_core.state import Session, StateError, StateWriter, connect, health, record_run

COUNTS = "SELECT agent_name, COUNT(*) FROM agent_decisions GROUP BY agent_name;"  # as the operators' checklist has it


@pytest.fixture
def state(measured: Measure, tmp_path: Path) -> Path:
    path = tmp_path / "agent_state.sqlite"
    record_run(path, backtest.save(measured({"gate": Says(), "portfolio": (Says((0.5, 1.5)), "active")})))
    return path


def test_the_checklist_s_query_works_as_written(state: Path) -> None:
    connection = sqlite3.connect(state)
    (first, n), (second, m) = connection.execute(COUNTS).fetchall()
    assert (first, second) == ("gate", "portfolio")
    assert n == m > 50
    connection.close()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3 command here")
@pytest.mark.parametrize(("query", "words"), [(COUNTS, ["gate|", "portfolio|"]), (".tables", ["agent_decisions"])])
def test_the_checklist_s_commands_work_as_written(state: Path, query: str, words: list[str]) -> None:
    done = subprocess.run(["sqlite3", str(state), query], capture_output=True, text=True, check=True, timeout=30)
    assert all(word in done.stdout for word in words)


def test_the_views_say_what_the_rows_say(state: Path) -> None:
    connection = sqlite3.connect(state)
    rows = connection.execute(
        "SELECT day, action, baseline_action, fallback, reward, reward_r, equity FROM agent_decisions"
        " WHERE agent_name = 'gate'"
    ).fetchall()
    overrides = [row for row in rows if row[1] != row[2] and not row[3]]
    judged = [row[4] > 0 for row in overrides if row[4]]
    said = connection.execute(
        "SELECT overrides, gained, lost, accuracy FROM override_accuracy WHERE agent_name = 'gate'"
    ).fetchone()
    assert said == (len(overrides), sum(judged), len(judged) - sum(judged), pytest.approx(sum(judged) / len(judged)))
    said = connection.execute(
        "SELECT decisions, overrides, agreement FROM agreement WHERE agent_name = 'gate'"
    ).fetchone()
    own = [row for row in rows if not row[3]]
    assert said == (len(rows), len(overrides), pytest.approx(sum(row[1] == row[2] for row in own) / len(own)))
    days = connection.execute(
        "SELECT day, decisions, reward_r, reward_money FROM daily_health WHERE agent_name = 'gate'"
    ).fetchall()
    assert sum(row[1] for row in days) == len(rows)
    for day, count, in_r, money in days:
        mine = [row for row in rows if row[0] == day]
        assert count == len(mine)
        known = [row for row in mine if row[5] is not None]
        assert in_r == (pytest.approx(sum(row[5] for row in known)) if known else None)
        assert money == (pytest.approx(sum(row[4] * row[6] for row in known)) if known else None)
    connection.close()


def test_the_file_is_a_wal_that_says_its_version(state: Path) -> None:
    connection = sqlite3.connect(state)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    writer = connect(state, write=True)
    assert writer.execute("PRAGMA synchronous").fetchone() == (1,)  # NORMAL
    writer.close()


@pytest.mark.parametrize("write", [False, True])
def test_a_newer_version_is_refused_and_left_alone(state: Path, write: bool) -> None:
    connection = sqlite3.connect(state)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    before = state.read_bytes()
    with pytest.raises(StateError, match="made by a newer darwin .version 9, and this darwin knows versions up to 2"):
        connect(state, write=write)
    assert state.read_bytes() == before


@pytest.mark.parametrize("write", [False, True])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, write: bool) -> None:
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE agent_decisions (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="no state database of darwin's"):
        connect(path, write=write)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_text("agent,decision\n" * 100)
    with pytest.raises(StateError, match="damaged, or no SQLite file"):
        connect(path)
    with pytest.raises(StateError, match="damaged, or no SQLite file"):
        StateWriter(path, Session("s", "live", "d", "2024-01-01"))


def test_a_file_with_overwritten_pages_is_said_to_be_damaged(state: Path) -> None:
    content = bytearray(state.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    state.write_bytes(content)
    with pytest.raises(StateError, match="cannot be (read|opened).*damaged"):
        health(state, "gate")


def test_a_missing_file_is_said_to_be_missing_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no state database"):
        connect(tmp_path / "state.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_waits_too_long_says_who_it_waits_for(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darwin_core.state.database._BUSY_SECONDS", 0.01)
    holder = sqlite3.connect(state, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(
        StateError, match="database is locked; another process has been .* let it end, then do this again"
    ):
        StateWriter(state, Session("s", "live", "d", "2024-01-01"))
    holder.execute("ROLLBACK")
    holder.close()
