"""An agent's rows of the state database as arrays: what it decided at candidates, and what it added day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, fields, frozen

from darwin_core.errors import did_you_mean
from darwin_core.state.database import StateError
from darwin_core.state.health import meant

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from darwin_core.types import Bools, Floats, Ints

R, ACCOUNT = "R", "% of the account"

_KNOWN = """SELECT d.session_id, agent_version, kind, deployment, timezone, max(time) AS last
FROM agent_decisions AS d JOIN sessions USING (session_id)
WHERE agent_name = ? GROUP BY d.session_id, agent_version ORDER BY created, d.session_id, last"""
_DECISIONS = """SELECT day, agent_version, mode, action, baseline_action, fallback, outcome_r, reward, reward_r,
    resolved_time IS NOT NULL, resolved_time - time, effect, moment
FROM agent_decisions WHERE agent_name = ? AND session_id IN ({}) ORDER BY time, symbol"""
_DAYS = """SELECT session_id, day, agent_version, acting, baseline FROM agent_days
WHERE agent_name = ? AND session_id IN ({}) ORDER BY time, session_id"""
_TRIPS = "SELECT day, count FROM incidents WHERE kind = 'circuit' AND agent_name = ? AND session_id IN ({})"
_LAST = """SELECT max(day) FROM (SELECT max(day) AS day FROM agent_decisions WHERE session_id IN ({0})
    UNION ALL SELECT max(day) FROM agent_days WHERE session_id IN ({0}))"""


@frozen
class Scope:
    """What is looked at.

    Parameters
    ----------
    kind, sessions, timezone
        See `darwin_core.graduation.reading.Reading`.
    effect, moment
        Of the agent's latest decision.
    today
        The last day on record, which may not be over.
    versions_before
        Other versions that were tried before in backtests or rehearsals, when this is one.
    trips
        (day, count) of every time that its circuit breaker opened.
    """

    agent: str
    kind: str
    sessions: tuple[str, ...]
    timezone: str
    effect: str
    moment: str
    today: int
    versions_before: int
    trips: tuple[tuple[int, int], ...]

    @property
    def values(self) -> tuple[str, ...]:
        """What the marks of a query stand for."""
        return (self.agent, *self.sessions)


@frozen(eq=False)
class Rows:
    """Decisions, or days of the account, in the order of time; every array is (N,).

    Parameters
    ----------
    day
        Days since 1970.
    version, mode
        Which version it was, in which mode.
    uplift
        In `unit`; NaN while it is not known.
    action, baseline, fallback
        What was decided; NaN and False for days of the account.
    outcome
        Of the candidate, in R.
    held
        ns from the decision to the outcome.
    acting, standing
        Returns of the account with the agent and without it; NaN for decisions.
    left_out
        Rows that are not here, for their uplift will never be known.
    """

    day: Ints
    version: list[str]
    mode: list[str]
    uplift: Floats
    action: Floats
    baseline: Floats
    fallback: Bools
    outcome: Floats
    held: Floats
    acting: Floats
    standing: Floats
    unit: str
    left_out: int = 0

    def take(self, places: Any) -> Rows:
        """Return some rows, by slice or mask."""
        numbers = np.arange(len(self.day))[places]
        changes: dict[str, Any] = {}
        for each in fields(Rows):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                changes[each.name] = value[numbers]
            elif isinstance(value, list):
                changes[each.name] = [value[n] for n in numbers.tolist()]
        return evolve(self, **changes)

    def since(self, day: int) -> Rows:
        """Return the rows from a day on."""
        return self.take(self.day >= day)


def scope_of(
    connection: sqlite3.Connection, path: Path, agent: str, session: str | None, deployment: str | None
) -> Scope:
    """Find the sessions that are meant; raise StateError when there are none."""
    names = ("session_id", "agent_version", "kind", "deployment", "timezone", "last")
    known = [dict(zip(names, row, strict=True)) for row in connection.execute(_KNOWN, (agent,))]
    if not known:
        others = [name for (name,) in connection.execute("SELECT DISTINCT agent_name FROM agent_decisions")]
        raise StateError(f"{path} holds no decision of agent {agent!r}: {did_you_mean(agent, others)}")
    mine = known if deployment is None or session is not None else [r for r in known if r["deployment"] == deployment]
    if not mine:
        raise StateError(
            f"{path} holds decisions of agent {agent!r} only of {', '.join(sorted({r['deployment'] for r in known}))}, "
            f"none of deployment {deployment!r}: name the session with --run"
        )
    found = meant(mine, session, agent)
    sessions, kind = tuple(dict.fromkeys(row["session_id"] for row in found)), found[-1]["kind"]
    marks = ", ".join("?" * len(sessions))
    (today,) = connection.execute(_LAST.format(marks), (*sessions, *sessions)).fetchone()
    effect, moment = connection.execute(
        f"SELECT effect, moment FROM agent_decisions WHERE agent_name = ? AND session_id IN ({marks})"  # noqa: S608
        " ORDER BY time DESC LIMIT 1",
        (agent, *sessions),
    ).fetchone()
    trips = connection.execute(_TRIPS.format(marks), (agent, *sessions)).fetchall()
    return Scope(
        agent, kind, sessions, found[-1]["timezone"], effect, moment, _day(today),
        _tried_before(mine, found) if kind != "live" else 0, tuple((_day(day), count) for day, count in trips),
    )  # fmt: skip


def _tried_before(known: list[dict[str, Any]], found: list[dict[str, Any]]) -> int:
    """Return how many other versions were tried on the past before the sessions that were found."""
    earlier = known[: known.index(found[0])]
    versions = {row["agent_version"] for row in earlier if row["kind"] != "live"}
    return len(versions - {row["agent_version"] for row in found})


def candidate_rows(connection: sqlite3.Connection, scope: Scope) -> Rows:
    """Return the agent's decisions with what they were worth; those whose worth will never be known are left out."""
    marks = ", ".join("?" * len(scope.sessions))
    found = connection.execute(_DECISIONS.format(marks), scope.values).fetchall()
    days, versions, modes, *numbers, _effect, _moment = zip(*found, strict=True)
    table = np.array(numbers, np.float64)
    action, baseline, fallback, outcome, reward, reward_r, over, held = table
    in_r = bool(np.isfinite(reward_r).any()) or not np.isfinite(reward).any()
    uplift = reward_r if in_r else 100.0 * reward
    nan = np.full(len(found), np.nan)
    rows = Rows(
        _days(days), list(versions), list(modes), uplift, action, baseline, fallback != 0.0, outcome, held, nan, nan,
        R if in_r else ACCOUNT,
    )  # fmt: skip
    lost = (over != 0.0) & np.isnan(uplift)
    return evolve(rows.take(~lost), left_out=int(lost.sum())) if lost.any() else rows


def account_rows(connection: sqlite3.Connection, scope: Scope, decided: Rows) -> Rows:
    """Return the days of the account: what the agent adds to each, in per cent; each session's first day has none."""
    marks = ", ".join("?" * len(scope.sessions))
    found = connection.execute(_DAYS.format(marks), scope.values).fetchall()
    if not found:
        return _nothing()
    sessions, days, versions, acting, standing = zip(*found, strict=True)
    names, with_agent, without = np.array(sessions), np.array(acting), np.array(standing)
    places, returns = [], []
    for name in dict.fromkeys(sessions):
        mine = np.flatnonzero(names == name)
        places.append(mine[1:])
        returns.append([each[mine][1:] / each[mine][:-1] - 1.0 for each in (with_agent, without)])
    order = np.argsort(np.concatenate(places), kind="stable")
    place = np.concatenate(places)[order]
    one, other = (np.concatenate([pair[i] for pair in returns])[order] for i in (0, 1))
    day = _days([days[n] for n in place.tolist()])
    with np.errstate(divide="ignore", invalid="ignore"):
        added = 100.0 * (np.log1p(one) - np.log1p(other))
    nan, none = np.full(len(place), np.nan), np.zeros(len(place), np.bool_)
    rows = Rows(
        day, [versions[n] for n in place.tolist()], _modes(day, decided), added, nan, nan, none, nan, nan, one, other,
        ACCOUNT,
    )  # fmt: skip
    lost = ~(np.isfinite(one) & np.isfinite(other) & np.isfinite(added))
    return evolve(rows.take(~lost), left_out=int(lost.sum())) if lost.any() else rows


def _nothing() -> Rows:
    none: Any = np.empty(0)
    return Rows(np.empty(0, np.int64), [], [], none, none, none, none != 0.0, none, none, none, none, ACCOUNT)


def _modes(day: Ints, decided: Rows) -> list[str]:
    """Return in which mode the agent was on each day: that of its latest decision by then, or of its first."""
    if not decided.mode:
        return ["observe"] * len(day)
    latest = np.maximum(np.searchsorted(decided.day, day, side="right") - 1, 0)
    return [decided.mode[n] for n in latest.tolist()]


def _days(texts: Any) -> Ints:
    days: Ints = np.array(list(texts), "datetime64[D]").astype(np.int64)
    return days


def _day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))
