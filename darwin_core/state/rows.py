"""What is written to the state database. A field is the column of the same name; see `schema` for what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from attrs import field, frozen

from darwin_core.types import Effect, Limits, When

if TYPE_CHECKING:
    import sqlite3

Row = tuple[Any, ...]


@frozen
class Session:
    """What the rows belong to: a run, or the live life of a deployment.

    Parameters
    ----------
    session_id
        A run's id. For live one that outlasts restarts, so that a bar decided again is not counted twice.
    kind
        backtest or live.
    created
        Wall clock, ISO 8601, UTC; tells the newest backtest.
    timezone
        IANA zone of the days.
    digest
        Of the decision log, when it is finished.
    limits
        Of one symbol's weight: rewards depend on them.
    """

    session_id: str
    kind: str
    deployment: str
    created: str
    timezone: str = "UTC"
    digest: str | None = None
    limits: Limits = field(factory=Limits)


@frozen
class Decision:
    """One decision of one agent about one symbol."""

    agent_name: str
    agent_version: str
    mode: str
    symbol: str
    effect: Effect
    moment: When
    action: float
    baseline_action: float
    found_weight: float
    equity: float | None = None
    applied: bool = False
    fallback: bool = False
    observation_hash: str | None = None
    confidence: float | None = None
    words: str | None = None
    latency_ms: float | None = None
    experiment: str | None = None


@frozen
class Candidate:
    """A proposed new position; `time` is the bar of the proposal, ns."""

    time: int
    symbol: str
    side: int
    weight: float
    confidence: float | None = None
    taken: bool = False


@frozen
class Outcome:
    """What became of a candidate, in the sense of `darwin_core.outcomes`. NaN is not known."""

    entry_time: int
    entry_price: float
    exit_time: int
    exit_price: float
    reason: str
    bars: int
    gain: float = field(metadata={"column": "return"})
    r_multiple: float | None = None


def _columns(cls: type[Any]) -> tuple[str, ...]:
    return tuple(each.metadata.get("column", each.name) for each in attrs.fields(cls))


def _getter(cls: type[Any]) -> Callable[[Any], Row]:
    return attrgetter(*(each.name for each in attrs.fields(cls)))


DECISION = ("session_id", "time", "day", *_columns(Decision))
CANDIDATE = ("session_id", "day", *_columns(Candidate))
OUTCOME = _columns(Outcome)
decision_values, candidate_values, outcome_values = _getter(Decision), _getter(Candidate), _getter(Outcome)


def _insert(table: str, columns: Iterable[str], conflict: str) -> str:
    names = [f'"{name}"' for name in columns]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO {conflict}"  # noqa: S608


# What was recorded first stands: it is what was acted on. Only a candidate's outcome is filled in later.
_INSERT_DECISION = _insert("agent_decisions", DECISION, "NOTHING")
_INSERT_CANDIDATE = _insert("candidates", CANDIDATE, "NOTHING")
_OUTCOMES = ", ".join(f'"{name}" = excluded."{name}"' for name in OUTCOME)
_RESOLVE = _insert("candidates", (*CANDIDATE, *OUTCOME), f"UPDATE SET {_OUTCOMES} WHERE reason IS NULL")
_INSERT_INCIDENT = _insert("incidents", ("session_id", "agent_name", "time", "day", "kind", "count", "what"), "NOTHING")
_INSERT_DAY = _insert(
    "agent_days", ("session_id", "agent_name", "agent_version", "day", "time", "acting", "baseline"),
    "UPDATE SET time = excluded.time, acting = excluded.acting, baseline = excluded.baseline"
    " WHERE excluded.time > agent_days.time",
)  # fmt: skip
_INSERT_SESSION = _insert(
    "sessions",
    ("session_id", "kind", "deployment", "created", "timezone", "digest", "max_weight", "allow_short"), "NOTHING",
)  # fmt: skip
_SETTLE = """
UPDATE agent_decisions AS d SET
    outcome = c."return", outcome_r = c.r_multiple, resolved_time = c.exit_time,
    reward = reward(d.effect, d.found_weight, d.action, d.baseline_action,
        c.side, s.max_weight, s.allow_short, c."return"),
    reward_r = reward_r(d.effect, d.found_weight, d.action, d.baseline_action,
        c.side, s.max_weight, s.allow_short, c.r_multiple, c.weight)
FROM candidates AS c, sessions AS s
WHERE c.session_id = :session AND s.session_id = :session AND d.session_id = :session
    AND d.time = c.time AND d.symbol = c.symbol AND d.moment = 'candidate'
    AND c.reason IS NOT NULL AND d.resolved_time IS NULL"""
_ONE_BAR = " AND c.time = :time"


def add_session(connection: sqlite3.Connection, session: Session) -> bool:
    """Write a session down; return False when one of its id was there."""
    return connection.execute(_INSERT_SESSION, session_values(session)).rowcount == 1


def session_values(session: Session) -> Row:
    """Return a session as its row."""
    limits = session.limits
    return (
        session.session_id, session.kind, session.deployment, session.created, session.timezone, session.digest,
        float(limits.max_weight), int(limits.allow_short),
    )  # fmt: skip


def add_decisions(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write decisions down; rows as DECISION says."""
    connection.executemany(_INSERT_DECISION, rows)


def add_candidates(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write candidates down whose outcome is not known yet; rows as CANDIDATE says."""
    connection.executemany(_INSERT_CANDIDATE, rows)


def resolve_candidates(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write outcomes down, and the candidates where they are missing; rows as CANDIDATE and OUTCOME say."""
    connection.executemany(_RESOLVE, rows)


def add_incidents(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write incidents down."""
    connection.executemany(_INSERT_INCIDENT, rows)


def add_days(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write the account with and without an agent down; of a day the last bar stays."""
    connection.executemany(_INSERT_DAY, rows)


def settle(connection: sqlite3.Connection, session_id: str, time: int | None = None) -> None:
    """Give decisions about candidates that have resolved their outcomes and rewards; of one bar or of all."""
    connection.execute(_SETTLE + (_ONE_BAR if time is not None else ""), {"session": session_id, "time": time})


def days_of(time: Any, timezone: str) -> list[str]:
    """Return the dates of bars, ``2024-05-31``, in their feed's zone; a bar that ends at midnight ends its day."""
    from darwin_core.blocks import period

    days: list[str] = period(np.asarray(time, np.int64), "day", timezone).astype("datetime64[D]").astype(str).tolist()
    return days
