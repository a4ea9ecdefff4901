"""Open everything that a session needs, run it, and close it again."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from darwin_core import compiled, engine
from darwin_core.assembly import assemble, broker_of
from darwin_core.blocks import cut
from darwin_core.errors import ConfigError, RunError
from darwin_core.live import sources, stepping
from darwin_core.live.calendar import calendar
from darwin_core.live.chain import key_from
from darwin_core.live.course import Clock
from darwin_core.live.journal import open_journal
from darwin_core.live.latch import Latch
from darwin_core.live.logfile import LogFile
from darwin_core.live.runtime import Runtime
from darwin_core.live.schema import Alert, Level
from darwin_core.live.tape import Tape
from darwin_core.protocols import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.assembly import Line
    from darwin_core.live.assembling import BarEvent, Finding
    from darwin_core.live.calendar import Calendar
    from darwin_core.live.session import Session
    from darwin_core.live.sources import Source
    from darwin_core.live.status import Status
    from darwin_core.types import Floats

_LAST_ROWS = 50
_YEARS_AHEAD = timedelta(days=400)


def open_runtime(session: Session, speed: float, show: Callable[[Status], None]) -> Runtime:
    """Return a session ready to run.

    Parameters
    ----------
    speed
        Bars a second of a replay; 0 is as fast as it can.
    show
        Given each new status.
    """
    compiled.warm()
    line = assemble(session.settings)
    replayed = session.info["replay"]
    where = f"{session.settings.source.path}: --replay"
    if replayed:
        first, last = sources.rows_between(line.feed, replayed, where)
    elif not isinstance(line.feed, Stream):
        raise ConfigError(
            f"{session.settings.source.at(('feed', 'use'))}: the feed {session.settings.feed.use!r} has no live bars: "
            f"replay its past with --replay FROM:TO, or set [live] replay"
        )
    else:
        first = last = len(line.feed.times())
    known = Tape.known_of(session.tape)
    if known is None and session.journal.exists():  # the tape is made first
        raise RunError(f"{session.tape} is missing, and the journal goes on from it. Restore a backup")
    tape = Tape(line.feed, first if known is None else known, session.tape, _back(line), durable=not replayed)
    try:
        clock = Clock(time.time_ns, int(tape.times()[-1]) if replayed and len(tape) else (0 if replayed else None))
        broker = broker_of(line, session.folder, clock.now)
        latch = Latch(session.latch, must_exist=session.journal.exists())
        latch.prepare()
        journal = open_journal(session.journal, session.id, key_from(), durable=not replayed)
    except BaseException:
        tape.close()
        raise
    log = LogFile(session.folder / "log.jsonl")
    hours = _calendar(session, line, replayed=bool(replayed))
    runtime = Runtime(session, line, tape, journal, broker, latch, hours, log, clock, show=show)
    runtime.source = _source(session, line, tape, runtime, last, speed)
    return runtime


def _back(line: Line) -> int:
    times = line.feed.times()
    return stepping.reach(line, cut(times, engine.unit_of(line), line.feed.timezone) if len(times) else [])


def _source(session: Session, line: Line, tape: Tape, runtime: Runtime, last: int, speed: float) -> Source:
    live = session.settings.live
    if session.info["replay"]:
        return sources.Replay(line.feed, len(tape), last, last - tape.known, speed)
    assert isinstance(line.feed, Stream)  # noqa: S101 - says it to the type checker

    def told(finding: Finding) -> None:
        level: Level = "info" if finding.kind in ("duplicate", "revision", "late", "alone", "back") else "warning"
        runtime.telling.tell(Alert(level, "feed", f"{finding.kind}: {finding.symbol} {finding.text}", finding.symbol))

    def late(event: BarEvent) -> None:
        tape.revise(event.time, event.symbol, np.asarray(event.values, np.float64), event.arrival)

    after = int(tape.times()[-1]) if len(tape) else 0
    return sources.Market.of(
        line.feed, tape.symbols, tape.fields, tape.reference, after, live.deadline_s, live.max_jump,
        runtime.clock.now, told, late, runtime.calendar, tape.interval, _closes(tape),
    )  # fmt: skip


def _closes(tape: Tape) -> Floats:
    """Return the last known close of each symbol, (S,); NaN where none of the newest rows has one."""
    closes = np.full(len(tape.symbols), np.nan)
    for row in tape.read(max(0, len(tape) - _LAST_ROWS), len(tape)).close:
        closes = np.where(np.isnan(row), closes, row)
    return closes


def _calendar(session: Session, line: Line, *, replayed: bool) -> Calendar:
    """Return the deployment's calendar over the time in which it is asked."""
    name = session.settings.live.calendar
    times = line.feed.times()
    moments = np.concatenate([times[:1], times[-1:]]) if len(times) else np.array([0])
    if not replayed:
        moments = np.array([moments[-1], time.time_ns()])
    days = moments.view("datetime64[ns]").astype("datetime64[D]").tolist()
    return calendar(name, min(days) - timedelta(days=30), max(days) + _YEARS_AHEAD)
