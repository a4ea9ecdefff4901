"""What the journal of a session says, as arrays: the decisions of its agents, bar by bar, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from darwin_core.graduation.roles import version_of
from darwin_core.remarks import EXPLAIN
from darwin_core.state.rows import days_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from darwin_core.assembly import AgentPart, Line
    from darwin_core.live.replaying import Recorded
    from darwin_core.live.session import Session
    from darwin_core.live.stepping import Given
    from darwin_core.types import Ints

_CIRCUIT = ": its circuit is open"


@frozen(eq=False)
class Told:
    """What a session's journal says.

    Parameters
    ----------
    line
        Its feed is the tape.
    first
        The tape's row of the first bar.
    time
        (T,) of the bars that were decided on.
    day
        Their dates.
    log
        All rows of the decision log.
    at
        To which bar each row of the log belongs.
    given
        What each bar was decided without.
    content
        What else each bar's record says.
    versions
        Of the agents that decided on each bar, where the journal says so.
    sent
        (time, symbol) of every order that went on the wire to open a position or to change it.
    faults
        (bar, agent, kind, what), each once or more.
    """

    recorded: Recorded
    id: str
    line: Line
    first: int
    time: Ints
    day: list[str]
    log: NDArray[Any]
    at: Ints
    given: list[Given]
    content: list[Any]
    versions: list[Any]
    sent: set[tuple[int, str]]
    faults: list[tuple[int, str, str, str]]

    @classmethod
    def of(cls, recorded: Recorded) -> Told:
        """Read a journal."""
        from darwin_core.live.deciding import given_of, log_of
        from darwin_core.live.orders import Intent
        from darwin_core.live.schema import Alert, Decision, Sent
        from darwin_core.live.schema import Session as Began

        decisions, versions = [], []
        faults: list[tuple[int, str, str, str]] = []
        targets: dict[str, tuple[int, str]] = {}
        sent = set()
        said: Any = {}
        for body in recorded.bodies:
            if isinstance(body, Began):
                said = body.details.get("agents", {})
            elif isinstance(body, Decision):
                decisions.append(body)
                versions.append(said)
                faults += _faults(body)
            elif isinstance(body, Intent) and body.target:
                targets[body.client_id] = body.bar, body.symbol
            elif isinstance(body, Sent) and body.client_id in targets:
                sent.add(targets[body.client_id])
            elif isinstance(body, Alert) and body.source == "circuit" and _CIRCUIT in body.text and decisions:
                faults.append((decisions[-1].bar, body.text.split(_CIRCUIT, maxsplit=1)[0], "circuit", body.text))
        logs = [log_of(each) for each in decisions]
        time = np.array([each.bar for each in decisions], np.int64)
        line = evolve(recorded.line, feed=recorded.tape)
        return cls(
            recorded, id_of(recorded.session), line, recorded.tape.known, time,
            days_of(time, line.feed.timezone), np.concatenate(logs),
            np.repeat(np.arange(len(logs)), [len(each) for each in logs]), [given_of(each) for each in decisions],
            [each.content for each in decisions], versions, sent, faults,
        )  # fmt: skip

    def version(self, part: AgentPart, bar: int) -> str:
        """Return which version of an agent decided on a bar."""
        return str(self.versions[bar].get(part.name) or version_of(part))

    def rows_of(self, number: int) -> Ints:
        """Return the rows of the log in which the agent of that number, counted from 0, has decided."""
        return np.flatnonzero(self.log["stage"] == number + 1)


def _faults(body: Any) -> Iterator[tuple[int, str, str, str]]:
    """Yield what a bar's record says of agents that did not do their part."""
    for who, what in body.content.get("faults", ()):
        kind, _, name = who.partition(" ")
        if kind == "agent":
            yield body.bar, name, "explain" if what.startswith(EXPLAIN) else "fault", what


def id_of(session: Session) -> str:
    """Return what a session is called in the database: a later one that has the folder's name is another one."""
    began = str(session.info["created"])[:19]
    return f"{session.id}-{began.replace('-', '').replace(':', '').replace('T', '-')}"
