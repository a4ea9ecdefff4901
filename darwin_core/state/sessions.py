"""The way in for a live session or a rehearsal: what its journal and its tape say, as often as one likes.

The rows are those of a backtest: `told` is the journal's word on decisions, `following` on what became of each
candidate, skipped ones too, and `recalling` on the account with and without each agent.
"""

from __future__ import annotations

from itertools import groupby, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.errors import DarwinError
from darwin_core.lockstep import APPLIED, FALLBACK
from darwin_core.outcomes import EXIT_REASONS, UNRESOLVED, r_multiples, returns
from darwin_core.standing import standing
from darwin_core.state import rows
from darwin_core.state.database import connect, telling, transaction
from darwin_core.state.following import followed
from darwin_core.state.recalling import account_days
from darwin_core.state.rows import Session
from darwin_core.state.told import Told, id_of
from darwin_core.state.writer import begin
from darwin_core.types import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core.live.session import Session as LiveSession

_TAKEN = "UPDATE candidates SET taken = 1 WHERE session_id = ? AND time = ? AND symbol = ? AND taken = 0"
_REACHED = "SELECT max(time) FROM agent_days WHERE session_id = ?"


def record_sessions(path: Path) -> list[str]:
    """Bring every session in that lies beside a state database; return a sentence for each that cannot be recorded.

    A session that has decided on nothing since it was last recorded is left alone.
    """
    from darwin_core.live.session import INFO, load

    home = path.parent / "live"
    problems = []
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        if not (folder / INFO).is_file():
            continue
        try:
            session = load(folder)
            if _has_news(path, session):
                record_session(path, session)
        except DarwinError as error:
            problems.append(f"session {folder.name} is not counted: {error}")
    return problems


def _has_news(path: Path, session: LiveSession) -> bool:
    """Whether a session has decided on a bar later than those that the database has of it."""
    from darwin_core.live import storage
    from darwin_core.live.deciding import decoded
    from darwin_core.live.schema import Decision

    if not session.journal.exists() or not session.tape.exists():
        return False
    journal = storage.connect(session.journal, write=False)
    try:
        with storage.telling(session.journal):
            last = storage.last_of(journal, str(session.journal), "decision")
    finally:
        journal.close()
    body = decoded(last) if last else None
    if not isinstance(body, Decision) or not path.is_file():
        return isinstance(body, Decision)
    state = connect(path)
    try:
        (reached,) = state.execute(_REACHED, (id_of(session),)).fetchone()
    finally:
        state.close()
    return reached is None or reached < body.bar


def record_session(path: Path, session: LiveSession) -> bool:
    """Write what a session has decided so far, and what became of it; return whether anything of it was new.

    Parameters
    ----------
    path
        The state database; it is made when it is not there.
    session
        A live session or a rehearsal; it may be running, and may be recorded again when it has gone on.

    Raises
    ------
    StateError
        The database cannot be used, or knows another session of that name.
    RunError
        The session has decided on nothing yet, or its journal is not whole.
    """
    from darwin_core.live.replaying import opened

    with opened(session) as recorded:
        told = Told.of(recorded)
        found = followed(told)
        days = list(account_days(told))
    connection = connect(path, write=True)
    try:
        with telling(path, "written"), transaction(connection):
            new = begin(connection, path, _session(told))
            before = connection.total_changes
            waiting, resolved = _candidates(told, found)
            rows.add_candidates(connection, waiting)
            rows.resolve_candidates(connection, resolved)
            connection.executemany(_TAKEN, ((told.id, time, symbol) for time, symbol in told.sent))
            rows.add_decisions(connection, _decisions(told))
            rows.settle(connection, told.id)
            rows.add_incidents(connection, _incidents(told))
            rows.add_days(connection, days)
            return new or connection.total_changes > before
    finally:
        connection.close()


def _session(told: Told) -> Session:
    session, limits = told.recorded.session, told.line.limits
    of_one = Limits(max_weight=limits.max_weight, allow_short=limits.allow_short)
    # No digest: it is that of a log that is finished, and this one may go on.
    return Session(
        told.id, session.kind, session.settings.deployment.name, str(session.info["created"]),
        told.line.feed.timezone, None, of_one,
    )  # fmt: skip


def _decisions(told: Told) -> Iterator[rows.Row]:
    for number, part in enumerate(told.line.agents):
        mine = told.rows_of(number)
        log, at = told.log[mine], told.at[mine].tolist()
        own = part.arm.has(told.line.feed.symbols) if part.arm else ()
        modes = [dict(each.modes).get(part.name, part.trust.mode) for each in told.given]
        columns: dict[str, Any] = {
            "session_id": repeat(told.id),
            "time": log["time"].tolist(),
            "day": [told.day[bar] for bar in at],
            "agent_name": repeat(part.name),
            "agent_version": [told.version(part, bar) for bar in at],
            "mode": [modes[bar] for bar in at],
            "symbol": [told.line.feed.symbols[s] for s in log["symbol"].tolist()],
            "effect": repeat(part.agent.effect),
            "moment": repeat(part.agent.when),
            "action": log["value"].tolist(),
            "baseline_action": standing(told.line.agents, number, told.log).tolist(),
            "found_weight": log["extra"].tolist(),
            "equity": [told.content[bar]["equity"] for bar in at],
            "applied": (log["flags"] & APPLIED != 0).tolist(),
            "fallback": (log["flags"] & FALLBACK != 0).tolist(),
            **_remarks(told, part.name, zip(at, log["symbol"].tolist(), strict=True)),
            "latency_ms": [_milliseconds(told.content[bar], part.name) for bar in at],
            "experiment": [part.arm.experiment if part.arm and own[s] else None for s in log["symbol"].tolist()],
        }
        mode = rows.DECISION.index("mode")
        every = zip(*(columns[name] for name in rows.DECISION), strict=False)
        yield from (row for row in every if row[mode] != "off")  # who is off has decided nothing


def _remarks(told: Told, name: str, places: Iterable[tuple[int, int]]) -> dict[str, list[Any]]:
    """Return the remarks on an agent's decisions, each at its bar and symbol, where the journal has them."""
    known = {
        (bar, s): remarks
        for bar, content in enumerate(told.content)
        for who, s, *remarks in content.get("remarks", ())
        if who == name
    }
    found = [known.get(place, (None, None, None)) for place in places]
    return {kind: [each[n] for each in found] for n, kind in enumerate(("observation_hash", "confidence", "words"))}


def _milliseconds(content: Any, name: str) -> float | None:
    """Return how long an agent took for a bar, where the journal says so."""
    seconds = content.get("took", {}).get(name)
    return None if seconds is None else float(seconds) * 1e3


def _incidents(told: Told) -> Iterator[rows.Row]:
    day = dict(zip(told.time.tolist(), told.day, strict=True))
    for (bar, name, kind), same in groupby(sorted(told.faults), key=lambda each: each[:3]):
        words = [what for *_, what in same]
        yield told.id, name, bar, day[bar], kind, len(words), words[0]


def _candidates(told: Told, found: NDArray[Any]) -> tuple[list[rows.Row], list[rows.Row]]:
    """Return the rows of those that wait for an outcome, and of those that have one."""
    fee = told.line.settings.execution.fee
    time = told.line.feed.times()
    over = found["reason"] != UNRESOLVED

    def at(bars: NDArray[Any]) -> list[int]:
        moments: list[int] = time[np.maximum(bars, 0)].tolist()
        return moments

    columns: dict[str, Any] = {
        "session_id": repeat(told.id),
        "day": [told.day[bar - told.first] for bar in found["bar"].tolist()],
        "time": at(found["bar"]),
        "symbol": [told.line.feed.symbols[s] for s in found["symbol"].tolist()],
        "side": found["side"].astype(np.int64).tolist(),
        "weight": found["weight"].tolist(),
        "confidence": found["confidence"].tolist(),
        "entry_time": at(found["entry_bar"]),
        "entry_price": found["entry_price"].tolist(),
        "exit_time": at(found["exit_bar"]),
        "exit_price": found["exit_price"].tolist(),
        "reason": [EXIT_REASONS[reason] for reason in found["reason"].tolist()],
        "bars": found["age"].tolist(),
        "return": returns(found, fee).tolist(),
        "r_multiple": r_multiples(found, fee).tolist(),
    }
    places = zip(columns["time"], columns["symbol"], strict=True)
    columns["taken"] = [place in told.sent for place in places]
    every = list(zip(*(columns[name] for name in (*rows.CANDIDATE, *rows.OUTCOME)), strict=False))
    waiting = [row[: len(rows.CANDIDATE)] for row, done in zip(every, over.tolist(), strict=True) if not done]
    return waiting, [row for row, done in zip(every, over.tolist(), strict=True) if done]
