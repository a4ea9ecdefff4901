"""A session's journal and tape become the rows of a backtest, as often as one likes, and open candidates resolve later."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from state_cases import dump

sys.path.insert(0, str(Path(__file__).parents[1] / "live"))
import parity_cases as cases

from darwin_core import backtest, engine
from darwin_core.assembly import assemble
from darwin_core.errors import RunError
from darwin_core.live import session as sessions
from darwin_core.live.parity import parity
from darwin_core.outcomes import Outcomes
from darwin_core.state import FILE, health, record_run
from darwin_core.state.sessions import record_session, record_sessions
from darwin_core.state.told import id_of

EXITS = "[exits]\nstop = 0.04\ntake_profit = 0.06\nhorizon = 15\n"
ACTING = cases.AGENTS.format(gate="active", scaler="active", week="canary")
WATCHING = cases.AGENTS.format(gate="observe", scaler="observe", week="observe")


LATENCY = 15
"""Place of ``latency_ms`` in a row of ``agent_decisions`` without its session."""


def without_session(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Drop the session's name from all rows, and the sessions themselves: kind, name and time of making differ."""
    return {name: [row[1:] for row in each] for name, each in found.items() if name != "sessions"}


def untimed(rows: list[Any]) -> list[Any]:
    """Drop how long an agent took, which a backtest does not measure."""
    return [row[:LATENCY] + row[LATENCY + 1 :] for row in rows] if rows and len(rows[0]) > LATENCY + 5 else rows


def backtested(path: Path) -> Path:
    """Return a state database with the stored backtest of a deployment."""
    line = assemble(sessions.config.load(path))
    run = backtest.save(backtest.measure(line))
    record_run(path.parent / "backtest.sqlite", run)
    return path.parent / "backtest.sqlite"


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (EXITS + ACTING, {}),
        (ACTING, {"fill": "next_close", "ranges": False}),
        ("[exits]\nhorizon = 5\n" + cases.AGENTS.format(gate="canary", scaler="active", week="off"), {"seed": 4}),
    ],
)
def test_a_clean_session_writes_the_rows_of_the_backtest_of_its_bars(
    tmp_path: Path, text: str, more: dict[str, Any]
) -> None:
    path = cases.deployment(tmp_path, text=text, **more)
    session = cases.trade(path, known=0)
    assert parity(session).equal
    assert record_session(tmp_path / "live.sqlite", session)
    live, run = dump(tmp_path / "live.sqlite"), dump(backtested(path))
    assert len(live["agent_decisions"]) > 60
    assert len(live["candidates"]) > 40
    assert any(row[LATENCY] is not None for row in without_session(live)["agent_decisions"])
    for name in ("agent_decisions", "candidates", "incidents"):
        assert untimed(without_session(live)[name]) == untimed(without_session(run)[name]), name


def test_the_account_without_an_acting_agent_is_that_of_the_backtest(tmp_path: Path) -> None:
    # The gate sees the strategy alone, so that what it says does not depend on the account.
    text = EXITS + cases.AGENTS.split("[[agents]]\n", 2)[1].format(gate="active")
    path = cases.deployment(tmp_path, text="[[agents]]\n" + text.split("[exits]")[0] + text[len(EXITS) :] + EXITS)
    session = cases.trade(path, known=0)
    record_session(tmp_path / "live.sqlite", session)
    live, run = dump(tmp_path / "live.sqlite", "agent_days"), dump(backtested(path), "agent_days")
    rows = [row[1:] for row in live["agent_days"]]
    assert rows == [row[1:] for row in run["agent_days"]]
    assert any(row[-1] != row[-2] for row in rows)


def test_candidates_after_a_history_are_followed_as_the_reference_follows_them(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=EXITS + ACTING)
    session = cases.trade(path, known=30)
    record_session(tmp_path / "live.sqlite", session)
    line = assemble(sessions.config.load(path))
    outcomes = Outcomes()
    engine.run(line, audit=False, watchers=(outcomes,))
    found = outcomes.all()
    # A side that was held already when the session began is new to it; from its second candidate on all is as ever.
    times = line.feed.times()[found["bar"]]
    whole = {(int(t), f"S{s}", float(p)) for t, s, p in zip(times, found["symbol"], found["entry_price"], strict=True)}
    rows = sqlite3.connect(tmp_path / "live.sqlite").execute("SELECT time, symbol, entry_price FROM candidates")
    first = int(line.feed.times()[30])
    mine = {row for row in rows if row[0] > first and row[2] is not None}
    assert len(mine) > 20
    assert mine <= whole


def test_recording_twice_changes_nothing_and_a_session_that_goes_on_adds_rows(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=EXITS + ACTING)
    session = sessions.begin(path, {}, replay="2000-01-01:")
    cases.run(session, stop=40)
    session = sessions.load(session.folder)
    state = tmp_path / "state.sqlite"
    assert record_session(state, session)
    early = dump(state)
    assert not record_session(state, session)
    assert dump(state) == early
    cases.run(session)
    assert record_session(state, session)
    late = dump(state)
    afresh = tmp_path / "afresh.sqlite"
    record_session(afresh, session)
    assert late == dump(afresh)
    waiting = [row[:4] for row in early["candidates"] if row[-4] is None]
    resolved = {row[:4] for row in late["candidates"] if row[-4] is not None}
    assert waiting
    assert set(waiting) <= resolved
    assert len(late["agent_decisions"]) > len(early["agent_decisions"])


def test_every_session_beside_a_database_is_brought_in_once(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=EXITS + WATCHING)
    session = cases.trade(path)
    damaged = sessions.home(session.settings) / "tiny-replay-9"
    damaged.mkdir()
    (damaged / "session.json").write_text("{}")
    state = tmp_path / "runs" / FILE
    (problem,) = record_sessions(state)
    assert problem.startswith("session tiny-replay-9 is not counted: ")
    once = dump(state)
    assert {row[0] for row in once["sessions"]} == {id_of(session)}
    record_sessions(state)
    assert dump(state) == once
    found = health(state, "gate")
    assert (found.kind, found.sessions) == ("replay", (id_of(session),))


def test_a_session_that_has_decided_nothing_is_said_so_and_one_beside_others_is_passed_over(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=EXITS)
    session = sessions.begin(path, {}, replay="2000-02-01:")
    with pytest.raises(RunError, match="has not begun"):
        record_session(tmp_path / "state.sqlite", session)
    assert record_sessions(tmp_path / "runs" / FILE) == []
    assert not (tmp_path / "runs" / FILE).exists()


def test_rehearsals_are_not_added_up_with_live_sessions_nor_with_one_another(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=EXITS + WATCHING)
    first, second = cases.trade(path), cases.trade(path)
    state = tmp_path / "runs" / FILE
    record_sessions(state)
    alone = health(state, "gate", session=id_of(second)[: len(second.id)])
    assert first.id != second.id
    assert alone.sessions == (id_of(second),)
    assert health(state, "gate").decisions == alone.decisions


def test_faults_are_incidents_of_their_bars_and_the_mode_is_that_of_each_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = EXITS + WATCHING.replace('name = "gate"', 'name = "gate"\nraises = 0.3\nnans = 0.2')
    path = cases.deployment(tmp_path, text=text)
    monkeypatch.setenv(cases.REHEARSE, "1")
    bars = []

    def during(runtime: Any) -> None:
        bars.append(1)
        if len(bars) == 25:
            runtime.stance.modes["scaler"] = "active"
        if len(bars) == 45:
            runtime.stance.modes["scaler"] = "off"

    session = cases.trade(path, during=during)
    monkeypatch.delenv(cases.REHEARSE)
    state = tmp_path / "state.sqlite"
    record_session(state, session)
    connection = sqlite3.connect(state)
    fallbacks = connection.execute(
        "SELECT count(*), sum(action = baseline_action) FROM agent_decisions WHERE agent_name = 'gate' AND fallback"
    ).fetchone()
    assert fallbacks[0] == fallbacks[1] > 5
    kinds = dict(
        connection.execute("SELECT kind, sum(count) FROM incidents WHERE agent_name = 'gate' GROUP BY kind").fetchall()
    )
    assert kinds.keys() == {"circuit", "fault"}
    assert kinds["fault"] > 5
    assert kinds["circuit"] >= 1
    modes = connection.execute(
        "SELECT mode, min(time), max(applied) FROM agent_decisions WHERE agent_name = 'scaler' GROUP BY mode ORDER BY 2"
    ).fetchall()
    assert [(mode, applied) for mode, _, applied in modes] == [("observe", 0), ("active", 1)]


def test_a_bar_on_which_the_strategy_did_not_answer_makes_no_candidate_and_the_next_bar_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cases.deployment(tmp_path, text=EXITS + WATCHING, missing=0.0)
    source = (tmp_path / "rising.py").read_text()
    failing = source.replace(
        "        close = market.bars.close\n",
        "        import os\n        close = market.bars.close\n"
        '        if os.environ.get("DARWIN_TEST_REHEARSE") and len(close) % 5 == 0:\n            raise RuntimeError("no")\n',
    )
    (tmp_path / "rising.py").write_text(failing)
    monkeypatch.setenv(cases.REHEARSE, "1")
    session = cases.trade(path)
    monkeypatch.delenv(cases.REHEARSE)
    record_session(tmp_path / "state.sqlite", session)
    from darwin_core.live.replaying import opened

    with opened(session) as recorded:
        held = [each.content["given"]["held"] for each in recorded.decisions]
        logs = np.concatenate([cases_log(each) for each in recorded.decisions])
    assert 5 < sum(held) < len(held) - 5
    made = {(int(row["time"]), f"S{row['symbol']}") for row in logs if row["stage"] == 0 and row["flags"] & 1}
    rows = sqlite3.connect(tmp_path / "state.sqlite").execute("SELECT time, symbol FROM candidates")
    assert set(rows) == made
    assert len(made) > 10
    monkeypatch.setenv(cases.REHEARSE, "1")  # the fault is still there: what it spared is evaluated bar by bar
    record_session(tmp_path / "faulty.sqlite", session)
    for name in ("candidates", "agent_decisions"):
        assert dump(tmp_path / "faulty.sqlite", name) == dump(tmp_path / "state.sqlite", name)


def cases_log(record: Any) -> Any:
    from darwin_core.live.deciding import log_of

    return log_of(record)


def test_a_session_begun_anew_under_the_same_name_is_another_one(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=EXITS)
    session = sessions.begin(path, {}, replay="2000-02-01:")
    info = json.loads((session.folder / "session.json").read_text())
    (session.folder / "session.json").write_text(json.dumps({**info, "created": "2031-01-02T03:04:05+00:00"}))
    assert id_of(sessions.load(session.folder)) == f"{session.id}-20310102-030405"
