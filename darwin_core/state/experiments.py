"""An experiment, read from the state database: its arms side by side, each on its own part of the symbols.

Every arm decides everywhere and acts on its own symbols only. So an arm is measured where it is the one that acts, or
would be, and what the arms have in common, the market of their time, is taken out of the difference by drawing the same
blocks for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core.blocks import period
from darwin_core.state import intervals

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from darwin_core.state.intervals import Interval, Terms

_ARMS = """SELECT agent_name, agent_version, count(*) AS decisions, count(DISTINCT symbol) AS symbols,
    sum(applied) AS applied FROM agent_decisions
    WHERE experiment = ? AND day >= ? AND session_id IN ({marks})
    GROUP BY agent_name, agent_version ORDER BY agent_name, max(time), agent_version"""
_REWARDS = """SELECT time, resolved_time, reward_r FROM agent_decisions
    WHERE experiment = ? AND day >= ? AND session_id IN ({marks}) AND agent_name = ? AND agent_version = ?
    AND reward_r IS NOT NULL ORDER BY time, symbol"""


@frozen
class ArmHealth:
    """One version of an agent on its own symbols.

    Parameters
    ----------
    symbols, decisions, applied
        How many: symbols on which it has decided, decisions on them, and those that were applied.
    resolved, uplift
        Decisions whose worth is known, and its mean in R; None without any.
    lead
        By how much `uplift` is above that of the agent that was asked about; None for that one itself.
    """

    agent: str
    version: str
    symbols: int
    decisions: int
    applied: int
    resolved: int
    uplift: Interval | None
    lead: Interval | None


@frozen
class Experiment:
    """All arms of an experiment, the one that was asked about first."""

    name: str
    arms: tuple[ArmHealth, ...]


def experiment(
    connection: sqlite3.Connection, agent: str, version: str, sessions: Sequence[str], since: str, timezone: str
) -> Experiment | None:
    """Return the experiment of which a version of an agent is an arm, in some sessions from a day on; None: of none."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < 2:  # older files know no experiments
        return None
    marks = ", ".join("?" * len(sessions))
    found = connection.execute(
        f"SELECT experiment FROM agent_decisions WHERE session_id IN ({marks}) AND agent_name = ?"  # noqa: S608
        " AND agent_version = ? AND day >= ? AND experiment IS NOT NULL ORDER BY time DESC LIMIT 1",
        (*sessions, agent, version, since),
    ).fetchone()
    if found is None:
        return None
    (name,) = found
    scope = (name, since, *sessions)
    arms = connection.execute(_ARMS.format(marks=marks), scope).fetchall()
    terms = {arm[:2]: _terms(connection, _REWARDS.format(marks=marks), (*scope, *arm[:2])) for arm in arms}
    held = np.concatenate([each[1] - each[0] for each in terms.values()])
    unit = intervals.unit_for(held.astype(np.float64))
    known = {key: (each[2], period(each[0].astype(np.int64), unit, timezone)) for key, each in terms.items()}
    mine = (agent, version)
    ordered = sorted(arms, key=lambda arm: arm[:2] != mine)
    return Experiment(name, tuple(_arm(arm, known[arm[:2]], known[mine], mine, unit) for arm in ordered))


def _terms(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> Any:
    """Return times, resolved times (ns, int64) and rewards, (3, N); times as float64, to the microsecond."""
    rows = connection.execute(query, values).fetchall()
    return np.array(rows, np.float64).reshape(-1, 3).T


def _arm(row: Any, own: Terms, first: Terms, mine: tuple[str, str], unit: str) -> ArmHealth:
    agent, version, decisions, symbols, applied = row
    some = len(own[0]) > 0
    uplift = intervals.mean(*own, unit) if some else None
    compared = some and len(first[0]) > 0 and (agent, version) != mine
    lead = intervals.difference(own, first, unit) if compared else None
    return ArmHealth(agent, version, symbols, decisions, int(applied), len(own[0]), uplift, lead)
