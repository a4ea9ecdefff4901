"""Steps that take themselves, for ``[graduation] auto = true``: what is due at the end of a day.

Nothing is promoted here that a person would need an override for, and a rehearsal's agents stay as they are. A step
down is due whenever the ladder says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.errors import DarwinError
from darwin_core.graduation import record
from darwin_core.graduation.reading import read
from darwin_core.graduation.roles import described
from darwin_core.graduation.table import GraduationTable
from darwin_core.graduation.taking import against, judge
from darwin_core.state.database import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from darwin_core.assembly import AgentPart
    from darwin_core.config import Settings
    from darwin_core.graduation.record import Taken
    from darwin_core.live.session import Session

WHO = "darwin"


def at_day_s_end(session: Session, agents: Iterable[AgentPart]) -> tuple[list[Taken], list[str]]:
    """Record a running session, and return the steps that are due, and what kept others from being looked at."""
    from darwin_core.live.session import home
    from darwin_core.state import FILE
    from darwin_core.state.sessions import record_session

    state = home(session.settings).parent / FILE
    try:
        record_session(state, session)
        return due(state, session.settings, agents), []
    except DarwinError as error:
        return [], [f"graduation: {error}"]


def due(state: Path, settings: Settings, agents: Iterable[AgentPart]) -> list[Taken]:
    """Return the steps that are due by the live decisions in a state database; nothing is written.

    Raises
    ------
    DarwinError
        The database or the record of steps cannot be read.
    """
    table: GraduationTable = getattr(settings, "graduation", None) or GraduationTable()
    steps = record.steps(record.place_of(settings))
    found = []
    for number, part in enumerate(agents):
        agent = described(part, number)
        try:
            reading = read(
                state, part.name, table=table, role=agent.role, steps=steps, deployment=settings.deployment.name
            )
        except StateError:
            continue  # it has decided on nothing yet
        step = reading.standing.step
        if reading.kind != "live" or step is None:
            continue
        if step.after == "observe" or not against(reading, agent, step.after):
            found.append(judge(reading, agent, step.after, WHO, step.why, override=False))
    return found
