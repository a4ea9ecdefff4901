"""The way in for a stored run: its tables, once, in one transaction."""

from __future__ import annotations

import json
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.errors import RunError
from darwin_core.state import rows
from darwin_core.state.database import StateError, connect, telling, transaction
from darwin_core.state.rows import Session
from darwin_core.state.writer import begin
from darwin_core.types import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from darwin_core.store import Run
    from darwin_core.types import Ints

    Agent = Mapping[str, Any]

OTHER = "other."
"""Columns ``other.AGENT`` of a run's equity table: the curve with that agent in the opposite mode."""
_STAGES = ("strategy", "target")


def record_run(path: Path, run: Run) -> bool:
    """Write a stored run's decisions, candidates and incidents; return False when they were there already.

    Parameters
    ----------
    path
        The state database; it is made when it is not there.
    run
        A stored backtest.

    Raises
    ------
    StateError
        When the database cannot be used, holds another run of that name, or the run does not say enough.
    RunError
        When a file of the run cannot be read.
    """
    connection = connect(path, write=True)
    try:
        with telling(path, "written"), transaction(connection):
            if not begin(connection, path, _session(run)):
                return False
            equity = run.table("equity")
            waiting, resolved = _candidates(run)
            rows.add_candidates(connection, waiting)
            rows.resolve_candidates(connection, resolved)
            rows.add_decisions(connection, _decisions(run, equity))
            rows.settle(connection, run.id)
            rows.add_incidents(connection, _incidents(run, equity))
            rows.add_days(connection, _days(run, equity))
        return True
    finally:
        connection.close()


def _session(run: Run) -> Session:
    info = run.info
    place = run.folder / "config.json"
    try:
        limits = info.get("limits") or json.loads(place.read_text(encoding="utf-8"))["safety"]
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{place} cannot be read: {error!r}") from None
    of_one = Limits(max_weight=limits["max_weight"], allow_short=limits["allow_short"])
    return Session(run.id, info["kind"], info["deployment"], info["created"], info["timezone"], info["digest"], of_one)


def _version(run: Run, agent: Agent) -> str:
    """Return which version decided: that of its policy, or of the plugin's distribution."""
    return str(agent.get("version") or run.info["versions"][agent["name"]])


def _baseline(run: Run, agent: Agent) -> float:
    if "baseline" not in agent:
        made = "it was made by an older darwin: run `darwin backtest` again"
        raise StateError(f"run {run.id} does not say what agent {agent['name']!r} falls back to; {made}")
    return float(agent["baseline"])


def _standing(run: Run, agent: Agent, mine: pa.Table) -> list[float]:
    """Return what each decision is measured against; of a run that does not say it, the agent's constant baseline."""
    constant = _baseline(run, agent)
    found: list[float] = mine["standing"].to_pylist() if "standing" in mine.column_names else [constant] * len(mine)
    return found


def _decisions(run: Run, equity: pa.Table) -> Iterator[rows.Row]:
    import pyarrow as pa
    import pyarrow.compute as pc

    log = run.table("decisions")
    stage = log["stage"].cast(pa.string())
    when, money = _ns(equity), equity["equity"].to_numpy()
    for agent in run.info["agents"]:
        if agent["name"] in _STAGES:
            raise StateError(f"run {run.id}: an agent is named {agent['name']!r}, as the log names a stage: rename it")
        mine = log.filter(pc.equal(stage, agent["name"]))
        time = _ns(mine)
        columns = {
            "session_id": repeat(run.id),
            "time": time.tolist(),
            "day": _days_of(time, run),
            "agent_name": repeat(agent["name"]),
            "agent_version": repeat(_version(run, agent)),
            "mode": repeat(agent["mode"]),
            "symbol": mine["symbol"].to_pylist(),
            "effect": repeat(agent["effect"]),
            "moment": repeat(agent["when"]),
            "action": mine["value"].to_pylist(),
            "baseline_action": _standing(run, agent, mine),
            "found_weight": mine["extra"].to_pylist(),
            "equity": money[np.searchsorted(when, time)].tolist(),
            "applied": mine["applied"].to_pylist(),
            "fallback": mine["fallback"].to_pylist(),
            **{name: _remarks(mine, name) for name in ("observation_hash", "confidence", "words")},
            # What a backtest does not know: agents answer for a block at once, and nobody times a row of it.
            "latency_ms": repeat(None),
            "experiment": _arms(agent, mine["symbol"].to_pylist()),
        }
        yield from zip(*(columns[name] for name in rows.DECISION), strict=False)


def _arms(agent: Agent, symbols: list[str]) -> Iterator[str | None]:
    """Yield the experiment of which the agent is an arm on each of its own symbols; None on those of others."""
    arm = agent.get("experiment") or {"name": "", "symbols": ()}
    own = set(arm["symbols"])
    return (arm["name"] if symbol in own else None for symbol in symbols)


def _remarks(mine: pa.Table, name: str) -> Iterable[Any]:
    """Return a column of remarks; an older run has none."""
    found: list[Any] = mine[name].to_pylist() if name in mine.column_names else [None] * len(mine)
    return found


def _candidates(run: Run) -> tuple[list[rows.Row], list[rows.Row]]:
    """Return the rows of those that wait for an outcome, and of those that have one."""
    table = run.table("candidates")
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in table.column_names if "time" not in name}
    for name in ("time", "entry_time", "exit_time"):
        columns[name] = _ns(table, name).tolist()
    columns["day"] = _days_of(_ns(table), run)
    columns["session_id"] = repeat(run.id)
    every = list(zip(*(columns[name] for name in (*rows.CANDIDATE, *rows.OUTCOME)), strict=False))
    known = [reason is not None for reason in columns["reason"]]
    waiting = [row[: len(rows.CANDIDATE)] for row, done in zip(every, known, strict=True) if not done]
    return waiting, [row for row, done in zip(every, known, strict=True) if done]


def _incidents(run: Run, equity: pa.Table) -> list[rows.Row]:
    last = _ns(equity)[-1:]
    return [
        (run.id, each["agent"], int(last[0]), _days_of(last, run)[0], each["kind"], each["count"], each["first"])
        for each in run.info["incidents"]
    ]


def _days(run: Run, equity: pa.Table) -> Iterator[rows.Row]:
    """Yield the account with and without each agent at every day's last bar, where the run has kept both curves."""
    agents = [each for each in run.info["agents"] if OTHER + each["name"] in equity.column_names]
    if not agents:
        return
    time = _ns(equity)
    days = np.array(_days_of(time, run))
    last = np.flatnonzero(np.append(days[1:] != days[:-1], True))
    own = equity["equity"].to_numpy()[last].tolist()
    for agent in agents:
        other = equity[OTHER + agent["name"]].to_numpy()[last].tolist()
        acting, baseline = (own, other) if agent["mode"] in ("canary", "active") else (other, own)
        front = repeat((run.id, agent["name"], _version(run, agent)))
        for head, *rest in zip(front, days[last].tolist(), time[last].tolist(), acting, baseline, strict=False):
            yield (*head, *rest)


def _ns(table: pa.Table, name: str = "time") -> Ints:
    """Return a column of times as int64 ns; 0 where it is null, for rows whose time nobody reads."""
    import pyarrow as pa

    time: Ints = table[name].cast(pa.int64()).fill_null(0).to_numpy()
    return time


def _days_of(time: Ints, run: Run) -> list[str]:
    return rows.days_of(time, run.info["timezone"])
