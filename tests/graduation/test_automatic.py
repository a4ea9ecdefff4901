"""What takes itself: steps that the evidence carries, and steps back; never what a person would have to answer for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "live"))
import parity_cases as cases
from graduation_cases import gate

from darwin_core import config
from darwin_core.assembly import assemble
from darwin_core.graduation.automatic import at_day_s_end, due
from darwin_core.graduation.roles import version_of

GATE = (
    '\n[[agents]]\nuse = "./agent.py"\nname = "gate"\nwhen = "candidate"\nsees = "strategy.weight"\nmode = "observe"\n'
)


@pytest.fixture
def steps(tmp_path: Path) -> Any:
    """Return a function that writes days and returns the steps that are due."""
    settings = config.load(cases.deployment(tmp_path, text=GATE))
    agents = assemble(settings).agents
    state = tmp_path / "state.sqlite"

    def after(days: int, **more: Any) -> list[tuple[str, str, str]]:
        gate(state, days, **{"version": version_of(agents[0]), "deployment": "tiny", "edge": 0.9, **more})
        return [(each.who, each.before, each.after) for each in due(state, settings, agents)]

    return after


def test_a_step_up_is_due_by_evidence_and_not_without(steps: Any) -> None:
    assert steps(15) == []
    assert steps(105, first=15, seed=1) == [("darwin", "observe", "canary")]


def test_a_step_back_is_due_when_the_watch_gives_the_alarm(steps: Any) -> None:
    assert steps(100, mode="active", edge=-1.0) == [("darwin", "active", "observe")]


@pytest.mark.parametrize("more", [{"kind": "replay"}, {"kind": "backtest"}, {"version": "other"}, {"edge": 0.0}])
def test_what_a_person_would_have_to_answer_for_is_not_due(steps: Any, more: dict[str, Any]) -> None:
    assert steps(120, **more) == []


def test_a_rehearsal_is_recorded_and_promotes_nobody(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path, text=GATE)
    session = cases.trade(path)
    assert at_day_s_end(session, assemble(session.settings).agents, {"gate": "observe"}) == ([], [])
    assert (tmp_path / "runs" / "state.sqlite").is_file()
    session.journal.unlink()
    _, (problem,) = at_day_s_end(session, (), {})
    assert problem.startswith("nothing is promoted or demoted today: ")
