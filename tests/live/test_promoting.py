"""`[graduation] auto = true` in a session whose evidence is planted: up, down, over a restart, and never in a rehearsal."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import parity_cases as cases
import pytest
from campaigns.evidence import bodies

sys.path.insert(0, str(Path(__file__).parents[1] / "graduation"))
from graduation_cases import DAY, FIRST, gate

from darwin_core.assembly import assemble
from darwin_core.graduation import record
from darwin_core.graduation.roles import version_of
from darwin_core.live import session as sessions
from darwin_core.live.deciding import given_of
from darwin_core.live.parity import parity
from darwin_core.live.replaying import replay
from darwin_core.live.running import open_runtime
from darwin_core.live.schema import Alert, Control, Decision
from darwin_core.state import FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.session import Session

KNOWN, BARS = 10, 30
BEGINS = 150
"""Days from the first one planted to the session's first; ten candidates a day show an edge in 110 of them."""
GATE = """
[[agents]]
use = "./agent.py"
name = "gate"
when = "candidate"
sees = "strategy.weight"
mode = "observe"
[graduation]
auto = {auto}
"""


def begun(folder: Path, *, auto: bool = True, kind: str = "live") -> Session:
    """Return a session that is live by its own word, on bars that are all known, with 110 good days on record."""
    path = cases.deployment(folder, text=GATE.format(auto=str(auto).lower()), bars=BARS, missing=0.0)
    np.save(folder / "data" / "time.npy", (FIRST + BEGINS) * DAY + DAY // 2 + DAY * np.arange(BARS))
    first = np.datetime64(FIRST + BEGINS + KNOWN, "D")
    session = sessions.begin(path, {}, replay=f"{first}:")
    info = json.loads((session.folder / sessions.INFO).read_text())
    (session.folder / sessions.INFO).write_text(json.dumps({**info, "kind": kind}))
    session = sessions.load(session.folder)
    plant(session, 110, edge=0.9, adds=0.01)
    return session


def plant(to: Session, days: int, **more: Any) -> None:
    """Write days of the gate's live decisions into the state database."""
    version = version_of(assemble(to.settings).agents[0])
    gate(to.settings.source.path.parent / "runs" / FILE, days, version=version, deployment="tiny", **more)


class Patient:
    """A session's bars, each after what the day before has brought about; ended after some."""

    def __init__(self, run: Runtime, stop: int | None, during: Callable[[Runtime], None] | None) -> None:
        self.run, self.source, self.total, self.stop, self.during = run, run.source, run.source.total, stop, during

    async def slices(self) -> Any:
        bars = 0
        async for row in self.source.slices():
            while self.run.promoting.busy:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            if bars == self.stop:
                self.run.stop()
                return
            if self.during is not None:
                self.during(self.run)
            bars += 1
            yield row


def trade(session: Session, stop: int | None = None, during: Callable[[Runtime], None] | None = None) -> Runtime:
    """Let a session run."""
    run = open_runtime(session, 0.0, lambda _status: None)
    run.source = Patient(run, stop, during)
    asyncio.run(run.run())
    return run


def modes(session: Session) -> list[str]:
    """Return the mode in which the gate was at each bar, by the session's journal."""
    decided = [body for body in bodies(session) if isinstance(body, Decision)]
    return [dict(given_of(each).modes).get("gate", "observe") for each in decided]


def steps(session: Session) -> list[tuple[str, str, str]]:
    """Return the steps on the graduation record."""
    return [(each.who, each.before, each.after) for each in record.steps(record.place_of(session.settings))]


def told(session: Session) -> list[Alert]:
    return [body for body in bodies(session) if isinstance(body, Alert) and body.source == "graduation"]


def test_a_step_up_and_a_step_down_take_themselves_and_outlive_the_process(tmp_path: Path) -> None:
    session = begun(tmp_path)

    def loses(run: Runtime) -> None:
        if run.course.bars == 12:
            day = int(run.course.last_bar // DAY) - FIRST
            plant(session, 1, first=day, session="demo-2", mode="canary", skip=1.0, edge=-2.0)

    first = trade(session, stop=6)
    assert first.stance.modes == {"gate": "canary"}
    assert steps(session) == [("darwin", "observe", "canary")]
    last = trade(session, during=loses)
    assert last.stance.modes == {"gate": "observe"}
    assert steps(session) == [("darwin", "observe", "canary"), ("darwin", "canary", "observe")]
    found = modes(session)
    assert len(found) == BARS - KNOWN
    up, down = found.index("canary"), len(found) - found[::-1].index("canary")
    assert 1 <= up <= 3
    assert 12 < down < len(found)  # the block closes when the last candidate of its day has come to an end
    assert found == ["observe"] * up + ["canary"] * (down - up) + ["observe"] * (len(found) - down)
    assert replay(session).equal
    (difference,) = parity(session).differences
    assert (difference.cause, difference.text) == ("halt", "override: gate is in canary")


def test_each_step_is_an_override_by_darwin_for_the_reason_of_its_evidence_and_is_told(tmp_path: Path) -> None:
    session = begun(tmp_path)
    trade(session, stop=4)
    (step,) = record.steps(record.place_of(session.settings))
    (asked,) = [body for body in bodies(session) if isinstance(body, Control) and body.action == "override"]
    assert (asked.who, asked.role, asked.why) == ("darwin", "risk", step.why)
    assert step.why.startswith("evidence of ")
    assert {"agent": "gate", "mode": "canary", "from": "observe", "outcome": "done"}.items() <= asked.details.items()
    assert [(each.level, each.text) for each in told(session)] == [("info", f"gate: observe -> canary: {step.why}")]


@pytest.mark.parametrize("more", [{"auto": False}, {"kind": "replay"}])
def test_nothing_is_looked_at_in_a_rehearsal_nor_unless_it_is_asked_for(tmp_path: Path, more: dict[str, Any]) -> None:
    session = begun(tmp_path, **more)
    trade(session)
    assert set(modes(session)) == {"observe"}
    assert steps(session) == []
    assert told(session) == []


def test_an_agent_that_a_person_has_switched_off_stays_off(tmp_path: Path) -> None:
    session = begun(tmp_path)
    run = trade(session, during=lambda run: run.stance.modes.update(gate="off"))
    assert run.stance.modes == {"gate": "off"}
    assert steps(session) == []


def test_a_record_that_cannot_be_written_is_told_once_a_day_and_nothing_changes(tmp_path: Path) -> None:
    session = begun(tmp_path)
    (tmp_path / "artifacts").write_text("in the way")
    trade(session)
    assert set(modes(session)) == {"observe"}
    found = told(session)
    assert {each.level for each in found} == {"warning"}
    assert all(each.text.startswith("nothing is promoted or demoted today: ") for each in found)
    days = BARS - KNOWN - 1  # the session's first bar ends no day of its own
    assert days - 1 <= len(found) <= days
