"""The venue's stream of events: the log behind a cursor, then as it grows, by this process or by another."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core import Event, Heartbeat, StreamDown, StreamUp
from darwin_paper.entries import LATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from darwin_paper.broker import PaperBroker
    from darwin_paper.entries import Told
    from darwin_paper.faults import Dice

_PAGE = 512
_POLL_S = 0.05
_HEARTBEAT_S = 1.0


@frozen
class _Fate:
    """What a stream comes to, after how many entries: it ends ("drop"), falls silent ("mute"), or neither ("")."""

    kind: str
    after: int

    @classmethod
    def of(cls, dice: Dice, session: str) -> _Fate:
        """Draw it."""
        kind = next((kind for kind in ("mute", "drop") if dice.falls(kind, session)), "")
        return cls(kind, 1 + int(16 * dice.draw("after", session)))


async def stream(broker: PaperBroker, cursor: int, dice: Dice, session: int) -> AsyncIterator[Event]:
    """Yield StreamUp, what is behind a cursor and what follows, and heartbeats, until the broker is closed."""
    fate, loop, news = _Fate.of(dice, f"{session} from {cursor}"), asyncio.get_running_loop(), asyncio.Event()
    told_so_far, beat = 0, loop.time()
    broker.listeners.add(news)
    try:
        yield Event(StreamUp(), str(cursor))
        while broker.connected:
            news.clear()
            try:
                page = broker.storage.told(cursor, _PAGE)
                disturbed = _disturbed(page, dice, cursor, broker)
            except sqlite3.Error as error:
                yield Event(StreamDown(f"the venue's file cannot be read: {error}"), str(cursor))
                return
            for events in disturbed:
                for event in events:
                    yield event
                cursor, told_so_far = int(events[-1].cursor), told_so_far + 1
                if fate.kind and told_so_far == fate.after:
                    if fate.kind == "mute":
                        await _silence(broker, news)
                    yield Event(StreamDown("a fault for rehearsal: the connection is lost"), str(cursor))
                    return
            if loop.time() - beat >= _HEARTBEAT_S:
                beat = loop.time()
                yield Event(Heartbeat(broker.deployed.now()), str(cursor))
            if len(page) < _PAGE:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await news.wait()
    finally:
        broker.listeners.discard(news)


async def _silence(broker: PaperBroker, news: asyncio.Event) -> None:
    """Say nothing any more."""
    while broker.connected:
        news.clear()
        await news.wait()


def _disturbed(page: Sequence[Told], dice: Dice, cursor: int, broker: PaperBroker) -> list[list[Event]]:
    """Return the events of each entry as they come: some twice, some before the one that they follow.

    The cursor beside an event never runs ahead of one that is still to come, so that whoever goes on from it misses
    nothing.
    """
    order = list(range(len(page)))
    i = 0
    while i + 1 < len(page):
        if dice.falls("reorder", page[i].cursor):
            order[i], order[i + 1] = order[i + 1], order[i]
            i += 1
        i += 1
    out, furthest = [], -1
    for place, which in enumerate(order):
        told, safe, furthest = page[which], cursor, max(furthest, which)
        if furthest == place:
            cursor = page[place].cursor
        bodies = [broker.storage.entry(told.entry.late).fill()] if told.entry.late > LATE else list(told.bodies())
        bodies *= 2 if dice.falls("duplicate", told.cursor) else 1
        out.append([Event(body, str(safe)) for body in bodies[:-1]] + [Event(bodies[-1], str(cursor))])
    return out
