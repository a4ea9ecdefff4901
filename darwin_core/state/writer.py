"""The way in for live: a bar's decisions when they are made, a candidate's outcome when it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import define, field

from darwin_core.state import rows
from darwin_core.state.database import StateError, connect, telling, transaction
from darwin_core.state.rows import candidate_values, decision_values, outcome_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from darwin_core.state.rows import Candidate, Decision, Outcome, Session


@define(eq=False)
class StateWriter:
    """Writes one session's rows; use it from one thread at a time, and close it.

    Every call is one transaction, or part of the one that `bar` opens. The same call twice changes nothing: of two
    decisions of one agent and version about one symbol at one bar the first one stays.
    """

    path: Path
    session: Session
    connection: sqlite3.Connection = field(init=False, repr=False)
    _day: tuple[int, str] = field(default=(-1, ""), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Open the database and write the session down.

        Raises
        ------
        StateError
            When the database cannot be used, or knows the session with other settings.
        """
        self.connection = connect(self.path, write=True)
        try:
            with telling(self.path, "written"):
                begin(self.connection, self.path, self.session)
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def bar(self) -> AbstractContextManager[None]:
        """Return a context in which everything written is one transaction."""
        return transaction(self.connection)

    def decisions(self, time: int, made: Iterable[Decision], candidates: Iterable[Candidate] = ()) -> None:
        """Write what was decided at the bar of `time` (ns), and the bar's new candidates, taken or not."""
        session, day = self.session.session_id, self._day_of(time)
        with telling(self.path, "written"), self.bar():
            rows.add_candidates(self.connection, self._candidates(candidates))
            rows.add_decisions(self.connection, ((session, time, day, *decision_values(each)) for each in made))
            rows.settle(self.connection, session, time)

    def resolve(self, candidate: Candidate, outcome: Outcome) -> None:
        """Write what became of a candidate, taken or skipped, and give its decisions their rewards."""
        with telling(self.path, "written"), self.bar():
            (row,) = self._candidates([candidate])
            rows.resolve_candidates(self.connection, [(*row, *outcome_values(outcome))])
            rows.settle(self.connection, self.session.session_id, candidate.time)

    def incident(self, time: int, agent: str, kind: str, what: str, count: int = 1) -> None:
        """Write that something went wrong with an agent at the bar of `time`."""
        row = (self.session.session_id, agent, time, self._day_of(time), kind, count, what)
        with telling(self.path, "written"):
            rows.add_incidents(self.connection, [row])

    def account(self, time: int, agent: str, version: str, acting: float, baseline: float) -> None:
        """Write the account's equity with an agent acting and without it; of each day the last bar's stays."""
        row = (self.session.session_id, agent, version, self._day_of(time), time, acting, baseline)
        with telling(self.path, "written"):
            rows.add_days(self.connection, [row])

    def _candidates(self, candidates: Iterable[Candidate]) -> Iterator[rows.Row]:
        session = self.session.session_id
        return ((session, self._day_of(each.time), *candidate_values(each)) for each in candidates)

    def _day_of(self, time: int) -> str:
        if self._day[0] != time:
            self._day = time, rows.days_of([time], self.session.timezone)[0]
        return self._day[1]


_SESSION = ("id", "kind", "deployment", "created", "timezone", "digest", "max_weight", "allow_short")


def begin(connection: sqlite3.Connection, path: Path, session: Session) -> bool:
    """Write a session down; return False when it was there, raise StateError when it was another one."""
    if rows.add_session(connection, session):
        return True
    wanted = rows.session_values(session)
    found = connection.execute("SELECT * FROM sessions WHERE session_id = ?", wanted[:1]).fetchone()
    for name, was, now in zip(_SESSION, found, wanted, strict=True):
        if was != now and name != "created":
            said = f"the session {session.session_id!r} with {name} {was!r}, and it is {now!r} now"
            raise StateError(f"{path} knows {said}: give the new one an id of its own")
    return False
