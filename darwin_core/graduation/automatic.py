"""Steps that take themselves, for ``[graduation] auto = true``: what is due at the end of a day.

Nothing is promoted here that a person would need an override for, and a rehearsal's agents stay as they are. A step
down is due whenever the ladder says so. A step is on record before anybody takes it; one that was not taken then,
because the process died, is due again: an agent is in the mode in which it decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.errors import DarwinError
from darwin_core.graduation import record
from darwin_core.graduation.reading import read
from darwin_core.graduation.roles import described
from darwin_core.graduation.table import GraduationTable
from darwin_core.graduation.taking import against, judge, keep
from darwin_core.state.database import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from darwin_core.assembly import AgentPart
    from darwin_core.config import Settings
    from darwin_core.graduation.record import Taken
    from darwin_core.live.session import Session
    from darwin_core.types import Mode

WHO = "darwin"


def at_day_s_end(
    session: Session, agents: Iterable[AgentPart], modes: Mapping[str, Mode], wanted: Callable[[], bool] = lambda: True
) -> tuple[list[Taken], list[str]]:
    """Record a running session, and put the steps that are due on record; nothing of the session itself is changed.

    Parameters
    ----------
    agents, modes
        Its agents, and the mode that each is in now.
    wanted
        Whether anybody is still there to take a step.

    Returns
    -------
    The steps that are to be taken now, and what kept others from it, in words.
    """
    from darwin_core.live.session import home
    from darwin_core.state import FILE
    from darwin_core.state.sessions import record_session

    state = home(session.settings).parent / FILE
    found: list[Taken] = []
    try:
        record_session(state, session)
        for step in due(state, session.settings, agents, modes):
            if wanted():
                keep(session.settings, step)
                found.append(step)
    except (DarwinError, OSError) as error:
        return found, [f"nothing is promoted or demoted today: {error}"]
    return found, []


def due(
    state: Path, settings: Settings, agents: Iterable[AgentPart], modes: Mapping[str, Mode] | None = None
) -> list[Taken]:
    """Return the steps that are due by the live decisions in a state database; nothing is written.

    An agent that somebody has put into another mode than that of its decisions (`modes`) is left alone.

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
        moved = modes is not None and modes[part.name] != reading.stage
        if reading.kind != "live" or step is None or moved:
            continue
        if step.after == "observe" or not against(reading, agent, step.after):
            found.append(judge(reading, agent, step.after, WHO, step.why, override=False))
    return found
