"""`darwin graduation`: what it says, what it refuses, what it writes down; on a stored run, a rehearsal and live rows."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "live"))
sys.path.insert(0, str(Path(__file__).parents[1] / "live" / "control"))
import parity_cases as cases
from graduation_cases import DAY, FIRST, gate

from darwin_core import config
from darwin_core.cli import COMMANDS, main
from darwin_core.graduation import record
from darwin_core.graduation.roles import deployed
from darwin_core.live.errors import JournalError
from darwin_core.state import FILE, Session, StateWriter
from darwin_core.types import Limits

ROOT = Path(__file__).parents[2]
WHO = ("--who", "Ada", "--reason", "it has shown it")
GATE = """
[[agents]]
use = "./agent.py"
name = "gate"
when = "candidate"
sees = "strategy.weight"
mode = "{mode}"
"""


@pytest.fixture
def graduation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setitem(COMMANDS, "graduation", "where an agent stands on the way to active")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("DARWIN_JOURNAL_KEY", raising=False)

    def run(*words: str, status: int = 0) -> str:
        capsys.readouterr()
        assert main(["graduation", *words]) == status
        said = capsys.readouterr()
        return said.out if status == 0 else said.err

    return run


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A deployment whose gate has been live; returns a function that adds days."""
    path = cases.deployment(tmp_path, text=GATE.format(mode="observe"))
    path.rename(tmp_path / "darwin.toml")
    monkeypatch.chdir(tmp_path)
    agent = deployed(config.load(Path("darwin.toml")), "gate")
    assert agent is not None
    state = tmp_path / "runs" / FILE

    def add(days: int, **more: Any) -> None:
        gate(state, days, **{"version": agent.version, "deployment": "tiny", "edge": 0.9, **more})

    return add


def test_a_gate_with_an_edge_is_promoted_as_its_evidence_carries_it(graduation: Any, live: Any) -> None:
    live(120)
    text = graduation("gate")
    assert "due: observe -> canary: evidence of " in text
    said = json.loads(graduation("gate", "promote", "--to", "canary", *WHO, "--json"))["step"]
    assert (said["before"], said["after"], said["override"], said["session"]) == ("observe", "canary", False, "")
    assert said["write"][1:] == ['mode = "canary"', "share = 0.1"]
    assert said["write"][0].startswith("darwin.toml:")
    (taken,) = record.steps(Path("artifacts/graduation/tiny.sqlite"))
    assert (taken.who, taken.why, taken.action, taken.after) == ("Ada", "it has shown it", "promote", "canary")
    assert taken.evidence["worth"] > taken.evidence["wanted"]
    assert "on record it is in canary since" in " ".join(graduation("gate").split())
    live(20, first=120, mode="canary", seed=1)
    text = graduation("gate", "promote", "--to", "active", *WHO)
    assert "gate: canary -> active, as the evidence carries it" in text
    assert 'mode = "active"' in text
    assert "share" not in text


def test_evidence_for_an_agent_that_makes_the_account_worse_is_shown_with_that(graduation: Any, live: Any) -> None:
    note = "yet the account is worse with it than without it"
    live(60)
    assert note not in " ".join(graduation("gate").split())
    version = json.loads(graduation("gate", "--json"))["version"]
    with StateWriter(
        Path("runs") / FILE, Session("demo-1", "live", "tiny", "", limits=Limits(max_weight=0.2))
    ) as state:
        for number in range(60):
            acting = 1000.0 * 0.999**number
            state.account((FIRST + number) * DAY + DAY // 2, "gate", version, acting, 1000.0)
    assert f"{note}, by 10.0" in " ".join(graduation("gate").split())
    assert note in " ".join(graduation("gate", "promote", *WHO, status=1).split())


def test_a_gate_without_an_edge_is_refused_with_what_is_missing_and_an_override_is_on_record(
    graduation: Any, live: Any
) -> None:
    live(60, edge=0.0)
    said = graduation("gate", "promote", "--to", "canary", *WHO, status=1)
    assert "gate is not promoted to canary: " in said
    assert "; evidence of " in said
    assert "With --override it is, on your name" in said
    place = Path("artifacts/graduation/tiny.sqlite")
    assert not place.exists()
    text = graduation("gate", "promote", "--to", "active", *WHO, "--override")
    assert "gate: observe -> active, by override" in text
    assert "against it: it becomes a canary first" in text
    (taken,) = record.steps(place)
    assert taken.override
    assert "it becomes a canary first" in taken.evidence["against"]


def test_stepping_back_takes_no_evidence_and_a_fresh_start_is_a_new_attempt(graduation: Any, live: Any) -> None:
    live(30, mode="canary")
    assert "gate: canary -> observe" in graduation("gate", "demote", *WHO)
    assert json.loads(graduation("gate", "--json"))["standing"]["attempt"] == 2
    assert "a new attempt begins" in graduation("gate", "demote", *WHO)
    assert json.loads(graduation("gate", "--json"))["standing"]["attempt"] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate", "promote", "--to", "observe", *WHO), "a promotion leads to a higher mode"),
        (("gate", "demote", "--to", "active", *WHO), "a demotion leads to a lower mode"),
        (("gate", "promote", "--to", "canary"), "--who NAME --reason TEXT"),
        (("gate", "promote", "--to", "canary", "--who", " ", "--reason", "x"), "--who NAME --reason TEXT"),
        (("gaet",), "did you mean 'gate'?"),
        (("gate", "promote", "a.toml", "b.toml"), "and the deployment file behind it"),
        (("gate", "other.toml"), "there is no deployment file other.toml"),
        (("gate", "--db", "other.sqlite"), "there is no state database other.sqlite"),
        (("gate", "--run", "nothing"), "has no decision in a session 'nothing'"),
    ],
)
def test_mistakes_are_answered_in_words(graduation: Any, live: Any, words: tuple[str, ...], said: str) -> None:
    live(30)
    assert said in graduation(*words, status=1)


def test_evidence_about_another_version_carries_nobody(graduation: Any, live: Any) -> None:
    live(120, version="gate 0.9")
    assert "the evidence is about gate 0.9, and the deployment has" in " ".join(graduation("gate").split())
    said = graduation("gate", "promote", "--to", "canary", *WHO, status=1)
    assert "the evidence is about gate 0.9" in said


def test_the_record_finds_what_was_changed_and_cut_off(graduation: Any, live: Any) -> None:
    live(30, mode="canary")
    graduation("gate", "demote", *WHO)
    graduation("gate", "demote", *WHO)
    place = Path("artifacts/graduation/tiny.sqlite")
    assert len(record.steps(place)) == 2
    connection = sqlite3.connect(place)
    connection.execute("UPDATE records SET body = replace(body, 'Ada', 'Eve')")
    connection.commit()
    with pytest.raises(JournalError, match="is not as it was written"):
        record.steps(place)
    assert "is not as it was written" in graduation("gate", status=1)
    connection.execute("DELETE FROM records")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError):
        record.steps(place)
    place.unlink()
    with pytest.raises(JournalError):
        record.steps(place)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's last years, backtested, and a month of them rehearsed."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(ROOT / "darwin.toml", folder)
    shutil.copytree(ROOT / "artifacts", folder / "artifacts")
    (folder / "data").symlink_to(ROOT / "data")
    file = str(folder / "darwin.toml")
    changes = ["--set", 'feed.start="2012-01-01"', "--set", f"run.store={json.dumps(str(folder / 'runs'))}"]
    assert main(["backtest", file, "--json", *changes]) == 0
    return folder


def test_the_demo_s_stored_run_says_where_its_agents_stand(
    graduation: Any, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    for agent in ("volatility-gate", "drawdown-scaler"):
        text = graduation(agent)
        assert max(map(len, text.splitlines())) <= 80
        assert len(text.splitlines()) <= 26
        assert "a backtest is about days that were known before" in text
        assert "nan" not in text
        found = json.loads(graduation(agent, "--json"))
        assert found["kind"] == "backtest"
        assert found["problems"] == []
    said = graduation("volatility-gate", "promote", "--to", "canary", *WHO, status=1)
    assert "the evidence is that of a backtest" in said


def test_a_rehearsal_is_brought_in_and_read(graduation: Any, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    session = cases.sessions.begin(demo / "darwin.toml", {}, replay="2022-06-01:")
    cases.run(session)
    found = json.loads(graduation("volatility-gate", "--run", session.id, "--json"))
    assert found["kind"] == "replay"
    assert found["sessions"][0].startswith(f"{session.id}-20")
    assert found["standing"]["findings"][0]["measured"] > 100
    text = graduation("drawdown-scaler", "--run", session.id)
    assert "a replay is about days that were known before" in text
    assert "drawdown-scaler is in active" in text


@contextmanager
def running(folder: Path) -> Iterator[Any]:
    """A session of that folder whose control socket answers, and that does as it is asked."""
    from fake_desk import FakeDesk

    from darwin_core.live.control.server import Server

    folder.mkdir(parents=True, mode=0o700)
    desk = FakeDesk(folder)
    with desk.working(), Server(folder, desk, desk.record):
        yield desk


def test_a_running_session_is_changed_at_once_and_what_it_refuses_is_not_on_record(graduation: Any, live: Any) -> None:
    live(60, mode="canary")
    with running(Path("runs/live/tiny")) as desk:
        said = graduation("gate", "demote", "--who", "Ada", "--reason", "refuse me", status=1)
        assert "the running session tiny has not done it: the trader does not like it" in said
        assert record.steps(Path("artifacts/graduation/tiny.sqlite")) == ()
        text = graduation("gate", "demote", *WHO)
        assert "the running session: did override" in text
        (refused, action) = desk.heard
        assert (action.details["agent"], action.details["mode"], action.why) == ("gate", "observe", "it has shown it")
        assert "Ada" in action.who
    assert len(record.steps(Path("artifacts/graduation/tiny.sqlite"))) == 1
    assert refused.why == "refuse me"
