"""`darwin evaluate AGENT --rows RUN`: what a policy was shown in service, against what training sees."""

from __future__ import annotations

import json
import sqlite3

import pytest

from darwin_core import cli
from darwin_core.remarks import row_hashes
from darwin_core.training.probing import look_again

AGENT = '[[agents]]\nuse = "{0}"\nbackend = {{ use = "onnx" }}\nmode = "{1}"\nin_sample = true\n'


@pytest.fixture
def evaluate(home, monkeypatch, capsys):
    monkeypatch.setitem(cli.COMMANDS, "evaluate", "how agents do")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words, status=0):
        capsys.readouterr()
        place = ("--db", str(home.folder / "runs" / "state.sqlite"), "--deployment", str(home.deployment))
        assert cli.main(["evaluate", "gate", *place, *words]) == status
        said = capsys.readouterr()
        return said.out or said.err

    return run


@pytest.fixture
def served(home, train):
    """A run of the market alone, and one with the gate that was trained on it, acting."""
    home.write()
    before = home.record()
    train("gate", "--trainer", "regression", columns="signal;account.cash;strategy.confidence")
    home.promote("gate")
    home.write(AGENT.format("gate", "observe"))
    return before, home.record()


def test_rows_in_service_are_those_of_training_to_the_bit(home, served, evaluate):
    before, run = served
    found = json.loads(evaluate("--rows", before.id, "--json"))
    assert found["run"] == before.id
    assert found["decisions"] >= found["hashed"] == found["compared"] == found["equal"] > 1000
    assert found["first"] is None
    assert "rows that training sees in that run are the same to the bit" in evaluate("--rows", "last")
    seen = look_again(before, home.deployment, ("signal", "account.cash", "strategy.confidence"), "gate")
    log = run.table("decisions").to_pylist()
    hashes = [row["observation_hash"] for row in log if row["stage"] == "gate" and row["observation_hash"]]
    assert hashes == row_hashes(("signal", "account.cash", "strategy.confidence"), seen.values)


def test_the_first_row_that_differs_is_named_with_what_training_sees(home, served, evaluate):
    place = home.folder / "runs" / "state.sqlite"
    with sqlite3.connect(place) as state:
        (time, symbol) = state.execute(
            "SELECT time, symbol FROM agent_decisions WHERE observation_hash IS NOT NULL ORDER BY time, symbol LIMIT 1 OFFSET 7"
        ).fetchone()
        state.execute(
            "UPDATE agent_decisions SET observation_hash = 'odd' WHERE time >= ? AND symbol = ?", (time, symbol)
        )
    found = json.loads(evaluate("--rows", "last", "--json", status=1))
    assert found["equal"] < found["compared"]
    assert (found["first"]["symbol"], found["first"]["served"]) == (symbol, "odd")
    assert set(found["first"]["values"]) == {"signal", "account.cash", "strategy.confidence"}
    said = evaluate("--rows", "last", status=1)
    assert f"the first that differs: {symbol} at {found['first']['time']}, odd served" in said
    assert "training sees signal " in said


def test_an_agent_that_acts_on_the_account_that_it_sees_is_told_so(home, served, evaluate):
    before, _ = served
    home.write(AGENT.format("gate", "active"))
    home.record()
    found = json.loads(evaluate("--rows", before.id, "--json", status=1))
    assert 0 < found["equal"] < found["compared"]  # its own skips changed the cash that it saw


def test_what_cannot_be_compared_is_refused_in_words(home, served, evaluate):
    before, _ = served
    home.write('[[agents]]\nuse = "volatility-gate"\nname = "gate"\ncap = 0.1\n[[features]]\nuse = "indicators"\n')
    assert "has learnt nothing" in evaluate("--rows", before.id, status=1)
    home.write('[[agents]]\nuse = "volatility-gate"\ncap = 0.1\n[[features]]\nuse = "indicators"\n')
    assert "has no agent 'gate'" in evaluate("--rows", before.id, status=1)
    with sqlite3.connect(home.folder / "runs" / "state.sqlite") as state:
        state.execute("UPDATE agent_decisions SET agent_version = 'v9'")
    home.write(AGENT.format("gate", "observe"))
    assert "serves gate v1, and the decisions are of v9" in evaluate("--rows", before.id, status=1)
