"""How an agent does, read from the state database: what `darwin evaluate` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core.blocks import period
from darwin_core.errors import did_you_mean
from darwin_core.state import intervals
from darwin_core.state.database import StateError, connect, telling
from darwin_core.state.experiments import experiment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from darwin_core.state.experiments import Experiment
    from darwin_core.state.intervals import Interval
    from darwin_core.types import Floats, Ints

_NUMBERS = (
    "time", "applied", "fallback", "action", "baseline_action", "latency_ms", "equity", "outcome", "reward",
    "reward_r", "resolved_time",
)  # fmt: skip
_SUMMARY = """SELECT count(*) AS decisions, min(day) AS first, max(day) AS last, max(effect) AS effect,
    max(moment) AS moment, group_concat(DISTINCT mode) AS modes FROM agent_decisions"""


@frozen(eq=False)
class Health:
    """One version of an agent over some days.

    Parameters
    ----------
    kind, sessions
        backtest or live, and the sessions that it is about.
    effect, modes, moment
        What the agent's actions do, the modes it was in, when it decides. At bars only changes of action are recorded.
    first, last
        Days of its first and last decision.
    decisions, applied, fallbacks
        How many; how many were applied; how many times the baseline stood in.
    agreement
        Share of its own decisions that are its baseline's.
    overrides, right, wrong
        Own decisions that are not, and of the resolved ones how many gained and lost against the baseline.
    resolved
        Decisions whose outcome is known.
    skipped, winners_missed
        Share of decisions about candidates that skip, and share of the candidates with a gain that are skipped.
    impact_r, impact_money
        Mean of `reward_r` over resolved decisions, and sum of `reward` in money; None without any.
    account
        Mean of the daily log return with the agent less the one without it; None where that was not recorded.
    latency
        p50 and p99 in ms; NaN where it was not measured.
    incidents
        Kind, count and the first one's words.
    days
        Rows of the view ``daily_health``, oldest first.
    others
        Other versions that the sessions hold.
    experiment
        The experiment of which it is an arm, all arms side by side.
    """

    agent: str
    version: str
    kind: str
    sessions: tuple[str, ...]
    timezone: str
    effect: str
    modes: tuple[str, ...]
    moment: str
    first: str
    last: str
    decisions: int
    applied: int
    fallbacks: int
    agreement: float
    overrides: int
    right: int
    wrong: int
    resolved: int
    skipped: float
    winners_missed: float
    impact_r: Interval | None
    impact_money: Interval | None
    account: Interval | None
    latency: tuple[float, float]
    incidents: tuple[Mapping[str, Any], ...]
    days: tuple[Mapping[str, Any], ...]
    others: tuple[str, ...]
    experiment: Experiment | None


@frozen
class _Scope:
    """Which rows are looked at."""

    agent: str
    version: str
    kind: str
    sessions: tuple[str, ...]
    timezone: str
    since: str

    def where(self, *, version: bool = True) -> tuple[str, list[Any]]:
        """Return the condition and its values."""
        marks = ", ".join("?" * len(self.sessions))
        condition = f"session_id IN ({marks}) AND agent_name = ? AND day >= ?"
        values = [*self.sessions, self.agent, self.since]
        return (f"{condition} AND agent_version = ?", [*values, self.version]) if version else (condition, values)


def health(path: Path, agent: str, days: int | None = None, session: str | None = None) -> Health:
    """Return how an agent does.

    Parameters
    ----------
    path
        The state database.
    agent
        Its name in the deployment.
    days
        Only the last so many calendar days of the sessions; None: all.
    session
        A run's or a live session's id, or the beginning of one. None: all live sessions, or where there is none the
        newest backtest or rehearsal, which are never added up: they are about the same market.

    Raises
    ------
    StateError
        When the database cannot be read or knows no such agent or session.
    """
    connection = connect(path)
    try:
        with telling(path, "read"):
            connection.execute("BEGIN")  # all queries see the same moment
            scope, others = _scope(connection, path, agent, days, session)
            return _health(connection, scope, others)
    finally:
        connection.close()


@frozen
class Shown:
    """What an agent was shown: (time ns, symbol, hash or None) of each decision of one version, oldest first."""

    version: str
    sessions: tuple[str, ...]
    rows: tuple[tuple[int, str, str | None], ...]


def shown(path: Path, agent: str, days: int | None = None, session: str | None = None) -> Shown:
    """Return what an agent was shown in the decisions that `health` is about; takes and raises the same."""
    connection = connect(path)
    try:
        with telling(path, "read"):
            connection.execute("BEGIN")
            scope, _ = _scope(connection, path, agent, days, session)
            where, values = scope.where()
            query = f"SELECT time, symbol, observation_hash FROM agent_decisions WHERE {where} ORDER BY time, symbol"  # noqa: S608
            return Shown(scope.version, scope.sessions, tuple(connection.execute(query, values)))
    finally:
        connection.close()


def listing(path: Path) -> list[dict[str, Any]]:
    """Return a row for each agent, version and session, newest session first."""
    connection = connect(path)
    try:
        with telling(path, "read"):
            return _rows(
                connection,
                "SELECT a.agent_name, a.agent_version, s.kind, a.session_id, a.decisions, a.applied, a.agreement,"
                " a.last_utc FROM agreement AS a JOIN sessions AS s USING (session_id)"
                " ORDER BY s.created DESC, a.session_id DESC, a.agent_name, a.agent_version",
            )
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection, query: str, values: Any = ()) -> list[dict[str, Any]]:
    cursor = connection.execute(query, values)
    names = [each[0] for each in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _scope(
    connection: sqlite3.Connection, path: Path, agent: str, days: int | None, session: str | None
) -> tuple[_Scope, tuple[str, ...]]:
    known = _rows(
        connection,
        "SELECT d.session_id, agent_version, kind, timezone, max(time) AS last, max(day) AS day"
        " FROM agent_decisions AS d JOIN sessions USING (session_id)"
        " WHERE agent_name = ? GROUP BY d.session_id, agent_version ORDER BY created, d.session_id, last",
        (agent,),
    )
    if not known:
        names = [row["agent_name"] for row in _rows(connection, "SELECT DISTINCT agent_name FROM agent_decisions")]
        raise StateError(f"{path} holds no decision of agent {agent!r}: {did_you_mean(agent, names)}")
    chosen = meant(known, session, agent)
    newest = max(chosen, key=lambda row: row["last"])
    version, sessions = newest["agent_version"], tuple(dict.fromkeys(row["session_id"] for row in chosen))
    since = ""
    if days is not None:
        marks = ", ".join("?" * len(sessions))
        query = f"SELECT date(max(day), ?) FROM agent_decisions WHERE session_id IN ({marks})"  # noqa: S608
        since = connection.execute(query, (f"-{days - 1} days", *sessions)).fetchone()[0]
    others = tuple(sorted({row["agent_version"] for row in chosen} - {version}))
    return _Scope(agent, version, newest["kind"], sessions, newest["timezone"], since), others


def meant(known: list[dict[str, Any]], session: str | None, agent: str) -> list[dict[str, Any]]:
    """Return the rows of the sessions that are meant; `known` is sorted from old to new."""
    if session is None:
        live = [row for row in known if row["kind"] == "live"]
        return live or [row for row in known if row["session_id"] == known[-1]["session_id"]]
    ids = list(dict.fromkeys(row["session_id"] for row in known))
    exact = [each for each in ids if each == session] or [each for each in ids if each.startswith(session)]
    if len(exact) > 1:
        raise StateError(f"{session!r} could be any of {', '.join(exact)}")
    if not exact:
        raise StateError(f"agent {agent!r} has no decision in a session {session!r}: {did_you_mean(session, ids)}")
    return [row for row in known if row["session_id"] == exact[0]]


def _health(connection: sqlite3.Connection, scope: _Scope, others: tuple[str, ...]) -> Health:
    where, values = scope.where()
    said = _rows(
        connection,
        f"{_SUMMARY} WHERE {where}",
        values,
    )[0]
    if not said["decisions"]:
        raise StateError(f"agent {scope.agent!r} has decided nothing since {scope.since}: ask for more --days")
    column = _columns(connection, where, values)
    own = column["fallback"] == 0.0
    same = column["action"] == column["baseline_action"]
    override = own & ~same
    reward = column["reward"]
    skips = override & (column["action"] == 0.0)
    winners = column["outcome"] > 0.0
    on_candidates = said["moment"] == "candidate"
    return Health(
        scope.agent,
        scope.version,
        scope.kind,
        scope.sessions,
        scope.timezone,
        said["effect"],
        tuple(sorted(said["modes"].split(","))),
        said["moment"],
        said["first"],
        said["last"],
        said["decisions"],
        int(column["applied"].sum()),
        int(column["fallback"].sum()),
        _share(same, own),
        int(override.sum()),
        int((reward[override] > 0.0).sum()),
        int((reward[override] < 0.0).sum()),
        int(np.isfinite(column["outcome"]).sum()),
        float(skips.mean()) if on_candidates else float("nan"),
        _share(skips, winners),
        *_impact(column, scope),
        _account(connection, scope),
        _latency(column["latency_ms"]),
        _incidents(connection, scope),
        tuple(_rows(connection, f"SELECT * FROM daily_health WHERE {where} ORDER BY day", values)),  # noqa: S608
        others,
        experiment(connection, scope.agent, scope.version, scope.sessions, scope.since, scope.timezone),
    )


def _columns(connection: sqlite3.Connection, where: str, values: list[Any]) -> dict[str, Floats]:
    """Return the numbers of all decisions, (N,) each; NaN is not known. Times are rounded to the microsecond."""
    rows = connection.execute(f"SELECT {', '.join(_NUMBERS)} FROM agent_decisions WHERE {where}", values)  # noqa: S608
    table = np.array(rows.fetchall(), np.float64)
    return dict(zip(_NUMBERS, table.T, strict=True))


def _share(of: Any, among: Any) -> float:
    return float(of[among].mean()) if among.any() else float("nan")


def _impact(column: dict[str, Floats], scope: _Scope) -> tuple[Interval | None, Interval | None]:
    """Return the mean reward in R and the sum of the rewards in money, over blocks as long as positions are held."""
    time = column["time"]
    held = column["resolved_time"] - time
    unit = intervals.unit_for(held[np.isfinite(held)])
    in_r, money = column["reward_r"], column["reward"] * column["equity"]

    def over(values: Floats, figure: Any) -> Interval | None:
        known = np.isfinite(values)
        if not known.any():
            return None
        interval: Interval = figure(values[known], _blocks(time[known], unit, scope), unit)
        return interval

    return over(in_r, intervals.mean), over(money, intervals.total)


def _blocks(time: Floats, unit: str, scope: _Scope) -> Ints:
    return period(time.astype(np.int64), unit, scope.timezone)


def _account(connection: sqlite3.Connection, scope: _Scope) -> Interval | None:
    """Return the mean daily log return that the agent adds to the account, over the days of each session."""
    where, values = scope.where()
    query = f"SELECT session_id, time, acting, baseline FROM agent_days WHERE {where} ORDER BY session_id, day"  # noqa: S608
    rows = connection.execute(query, values).fetchall()
    if not rows:
        return None
    sessions, times, acting, baseline = zip(*rows, strict=True)
    same = np.array([a == b for a, b in zip(sessions[1:], sessions[:-1], strict=True)], np.bool_)
    added = np.diff(np.log(acting)) - np.diff(np.log(baseline))
    known = same & np.isfinite(added)
    if not known.any():
        return None
    blocks = period(np.array(times[1:], np.int64)[known], "day", scope.timezone)
    return intervals.mean(added[known], blocks, "day")


def _latency(values: Floats) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    p50, p99 = np.quantile(known, [0.5, 0.99])
    return float(p50), float(p99)


def _incidents(connection: sqlite3.Connection, scope: _Scope) -> tuple[dict[str, Any], ...]:
    where, values = scope.where(version=False)
    query = f"SELECT kind, sum(count) AS count, what FROM incidents WHERE {where} GROUP BY kind ORDER BY kind"  # noqa: S608
    return tuple(_rows(connection, query, values))
