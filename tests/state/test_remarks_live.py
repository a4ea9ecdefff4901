"""The remarks of a live session: the journal keeps them with each bar, and they are those of the backtest."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "live"))
import parity_cases as cases

from darwin_core import backtest
from darwin_core.live.parity import parity
from darwin_core.live.replaying import replay
from darwin_core.state import record_run
from darwin_core.state.sessions import record_session

SPEAKER = """
import time
import numpy as np
from attrs import field, frozen
from darwin_core import Observation, hookimpl


@frozen
class Names:
    names: tuple = ("strategy.weight", "account.drawdown")


@frozen
class Policy:
    schema: Names = field(factory=Names)


@frozen
class Speaker:
    mute: str = ""
    effect = "scale"
    when = "candidate"
    baseline = 1.0
    requires = ("account.drawdown", "strategy.weight")
    policy = Policy()

    def decide(self, observation):
        return np.where(observation.symbol % 2 == 0, 0.5, 1.0)

    def explain(self, observation):
        if self.mute == "hangs":
            time.sleep(0.3)
        if self.mute == "raises":
            raise RuntimeError("lost for words")
        return [(0.25, f"{o[0]!r} {o[1]!r}") for o in observation.values.tolist()]


@hookimpl
def make_agent(options):
    return options.into(Speaker)
"""
TABLE = '\n[exits]\nstop = 0.04\nhorizon = 15\n[[agents]]\nuse = "./speaker.py"\nmode = "active"\ndeadline_ms = {deadline}\nmute = "{mute}"\n'
QUERY = (
    "SELECT time, symbol, action, observation_hash, confidence, words FROM agent_decisions"
    " WHERE agent_name = 'speaker' ORDER BY time, symbol"
)


def deployed(folder: Path, mute: str = "", deadline: float = 10_000.0) -> Path:
    (folder / "speaker.py").write_text(SPEAKER)
    return cases.deployment(folder, text=TABLE.format(mute=mute, deadline=deadline))


def rows(path: Path, query: str = QUERY) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_session_keeps_the_words_and_the_hashes_of_the_backtest_of_its_bars(tmp_path: Path) -> None:
    path = deployed(tmp_path)
    session = cases.trade(path, known=0, stop=40)  # taken up again half way
    assert parity(session).equal
    record_session(tmp_path / "live.sqlite", session)
    run, _ = backtest.backtest(path)
    record_run(tmp_path / "run.sqlite", run)
    live = rows(tmp_path / "live.sqlite")
    assert len(live) > 20
    assert live == rows(tmp_path / "run.sqlite")
    assert all(digest and words and confidence == 0.25 for *_, digest, confidence, words in live)
    assert replay(session).equal


@pytest.mark.parametrize(
    ("mute", "what"), [("raises", "explain: it failed"), ("hangs", "explain: took longer than 100 ms")]
)
def test_an_agent_that_cannot_say_why_live_has_decided_all_the_same(tmp_path: Path, mute: str, what: str) -> None:
    path = deployed(tmp_path, mute, 100.0)
    session = cases.trade(path, known=0, stop=None)
    record_session(tmp_path / "live.sqlite", session)
    live = rows(tmp_path / "live.sqlite")
    assert len(live) > 20
    assert all(row[3] for row in live)
    assert not any(row[5] for row in live)
    assert rows(tmp_path / "live.sqlite", "SELECT DISTINCT fallback FROM agent_decisions") == [(0,)]
    (first, *_) = rows(tmp_path / "live.sqlite", "SELECT kind, what FROM incidents WHERE kind = 'explain'")
    assert first == ("explain", what)
    assert replay(session).equal
