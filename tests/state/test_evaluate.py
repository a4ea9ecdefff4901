"""`darwin backtest`, then `darwin evaluate`: from the deployment to the screen."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from darwin_core.cli import COMMANDS, main
from darwin_core.state import FILE, record_run
from darwin_core.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo's last years were backtested and recorded."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(ROOT / "darwin.toml", folder)
    shutil.copytree(ROOT / "artifacts", folder / "artifacts")
    (folder / "data").symlink_to(ROOT / "data")
    store = folder / "runs"
    changes = ["--set", 'feed.start="2012-01-01"', "--set", f"run.store={json.dumps(str(store))}"]
    assert main(["backtest", str(folder / "darwin.toml"), "--json", *changes]) == 0
    record_run(store / FILE, Store(store).get("last"))
    return folder


@pytest.fixture
def evaluate(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setitem(COMMANDS, "evaluate", "how agents do")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(place)

    def run(*words: str, status: int = 0) -> str:
        assert main(["evaluate", *words]) == status
        said = capsys.readouterr()
        return said.out if status == 0 else said.err

    return run


def test_an_agent_s_health_is_that_of_the_run(evaluate: Any, place: Path) -> None:
    run = Store(place / "runs").get("last")
    found = json.loads(evaluate("volatility-gate", "--json"))
    info = run.info["agents"][0]
    assert found["sessions"] == [run.id]
    assert found["decisions"] == info["decisions"]
    assert found["overrides"] == info["differs_from_baseline"]
    rows = run.table("candidates").to_pylist()
    skipped = {
        (row["time"], row["symbol"])
        for row in run.table("decisions").to_pylist()
        if row["stage"] == "volatility-gate" and row["value"] == 0.0
    }
    known = [row["r_multiple"] for row in rows if row["reason"] is not None]
    saved = [-row["r_multiple"] for row in rows if row["reason"] and (row["time"], row["symbol"]) in skipped]
    assert len(saved) > 5
    assert found["resolved"] == len(known)
    assert found["impact_r"]["value"] == pytest.approx(sum(saved) / len(known))


@pytest.mark.parametrize("words", [["volatility-gate"], ["drawdown-scaler"], [], ["volatility-gate", "--days", "300"]])
def test_it_is_readable_at_80_columns(evaluate: Any, words: list[str]) -> None:
    text = evaluate(*words)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "nan" not in text.lower()
    assert "volatility-gate" in text or words == ["drawdown-scaler"]


def test_the_screen_says_what_the_json_says(evaluate: Any) -> None:
    found = json.loads(evaluate("volatility-gate", "--json"))
    text = evaluate("volatility-gate")
    interval = found["impact_r"]
    assert f"{interval['value']:+.3f} R a decision [{interval['low']:+.3f} to {interval['high']:+.3f}]" in text
    assert "against its baseline, applied or not" in text
    assert "the account: against one without the agent" in text
    assert f"{found['decisions']}, 0 applied; " in text
    assert f"blocks of a {interval['unit']}" in text
    assert found["days"][-1]["day"] in text


def test_without_an_agent_it_lists_them(evaluate: Any) -> None:
    found = json.loads(evaluate("--json"))
    names = ["drawdown-scaler", "gate", "portfolio", "volatility-gate"]
    assert [row["agent_name"] for row in found["agents"]] == names


def test_two_versions_of_an_agent_in_one_session_are_told_apart(
    evaluate: Any, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    assert "volatility-gate v9" not in evaluate()
    with sqlite3.connect(tmp_path / "runs" / FILE) as state:
        state.execute(
            "UPDATE agent_decisions SET agent_version = 'v9' WHERE agent_name = 'volatility-gate' AND time ="
            " (SELECT max(time) FROM agent_decisions WHERE agent_name = 'volatility-gate')"
        )
    assert "volatility-gate v9" in evaluate()


def test_mistakes_are_answered_in_words(evaluate: Any) -> None:
    assert "did you mean 'volatility-gate'?" in evaluate("volatility-gat", status=1)
    assert "there is no state database other.sqlite" in evaluate("--db", "other.sqlite", status=1)
    assert "write a number of days, 1 or more" in evaluate("volatility-gate", "--days", "0", status=2)
    assert "damaged, or no SQLite file" in evaluate("--db", "darwin.toml", status=1)


def test_a_run_whose_record_found_the_database_locked_can_be_recorded_later(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("darwin_core.state.database._BUSY_SECONDS", 0.01)
    store = tmp_path / "runs"
    shutil.copytree(place / "runs", store)
    changes = ["--set", 'feed.start="2020-01-01"', "--set", f"run.store={json.dumps(str(store))}"]
    other = sqlite3.connect(store / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert main(["backtest", str(place / "darwin.toml"), *changes]) == 1
    run = Store(store).get("last")
    assert f"the run is stored: `darwin runs record {run.id}`" in capsys.readouterr().err
    other.rollback()
    known = "SELECT count(*) FROM sessions WHERE session_id = ?"
    for said in ("recorded", "it is there already"):
        assert main(["runs", "record", run.id, "--store", str(store)]) == 0
        assert said in capsys.readouterr().out
    assert other.execute(known, (run.id,)).fetchone() == (1,)
    other.close()
