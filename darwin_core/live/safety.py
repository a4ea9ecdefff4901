"""What stops a session: the kill latch and what follows from it, the triggers, its watchdog and its heartbeat."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core import ledger
from darwin_core.clock import stopwatch
from darwin_core.live.aside import LATCH, WATCHDOG, Aside
from darwin_core.live.controls import REPEATS
from darwin_core.live.heartbeat import Heartbeat
from darwin_core.live.safemode import Snapshot, judge
from darwin_core.live.schema import Alert, Control, Denial
from darwin_core.live.schema import Latch as Latched

if TYPE_CHECKING:
    from darwin_core.live.control.actions import Action
    from darwin_core.live.course import Course
    from darwin_core.live.inbox import Inbox
    from darwin_core.live.killing import Killer
    from darwin_core.live.latch import Latch
    from darwin_core.live.latency import Stages
    from darwin_core.live.ordering import Ordering
    from darwin_core.live.safemode import Finding
    from darwin_core.live.session import Session
    from darwin_core.live.stance import Stance
    from darwin_core.live.telling import Telling

_OF_THE_MOMENT = ("data", "equity", "latency")
"""Triggers whose safe mode is over as soon as they no longer fire."""
_POLL_S = 0.02
_BEAT_S = 0.25
_STUCK = 10.0
"""A loop that has not come round for so many times its longest patience is stuck: its heart beats no more."""
_HUNG_S = 0.5
_FINISH_S = 30.0
"""How long the end of a session waits for a kill that is under way; the watchdog goes on after that."""


@define(eq=False)
class Safety:
    """Stops a session.

    Parameters
    ----------
    session
        Its triggers and its folder.
    latch, killer
        The kill latch, and what flattens while it is closed.
    ordering, course, stages
        What the triggers look at.
    stance, telling
        Told what they say.
    inbox
        Hands over to the loop what another thread has begun.
    """

    session: Session
    latch: Latch
    killer: Killer
    ordering: Ordering
    course: Course
    stages: Stages
    stance: Stance
    telling: Telling
    inbox: Inbox
    watchdog: Aside = field(init=False)
    heart: Heartbeat = field(init=False)
    turned: float = field(factory=stopwatch, init=False)
    """When the loop last came round, by the stopwatch."""
    _killing: asyncio.Task[None] | None = field(default=None, init=False)
    _closing: float = field(default=-np.inf, init=False)
    _repeats: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Find the watchdog's lines."""
        self.watchdog = Aside(self.session.folder / WATCHDOG)
        self.heart = Heartbeat(self.session.folder)

    # Triggers

    def fired(self) -> tuple[Finding, ...]:
        """Return the triggers that fire now."""
        return judge(self._snapshot(), self.session.settings.triggers)

    def _snapshot(self) -> Snapshot:
        book, orders = self.course.stepper.walk.book, self.ordering.journal.book
        touched = {symbol for symbol, held in self.course.held().items() if held}
        touched |= {order.intent.symbol for order in orders.unfinished()}
        return Snapshot(
            float(book[ledger.EQUITY]), float(book[ledger.PEAK]), self.course.day_start, self.stages.recent(),
            self.course.overdue(), frozenset(touched), None, dict(os.environ),
        )  # fmt: skip

    def watch(self) -> None:
        """Look at the triggers, and do what they say."""
        fired = {each.trigger: each for each in self.fired()}
        for each in fired.values():
            if each.action == "kill" and not self.ordering.shut():
                self.kill("darwin", each.reason, each.trigger)
            elif each.action == "safe_mode" and self.stance.closed.get(each.trigger) is None:
                self.stance.close(self.ordering.now(), each.trigger, each.reason)
        for trigger in [t for t in self.stance.closed if t in _OF_THE_MOMENT and t not in fired]:
            self.stance.lift(self.ordering.now(), trigger, "safe mode is over")
        self._hear_watchdog()
        self._hear_repeats()
        self.flatten()

    def _hear_watchdog(self) -> None:
        """Put on record what the watchdog has done; it closes the latch before it does anything else."""
        if not self.ordering.shut():
            return
        for number, line in self.watchdog.news():
            reason = str(line.get("why", line["what"]))
            if line["what"] == LATCH:
                self.telling.note(Latched(True, "watchdog", "watchdog", "system", reason))
            details = {"outcome": "done", "number": number, "line": line}
            self.telling.note(Control("watchdog", "watchdog", "system", reason, details))

    def _hear_repeats(self) -> None:
        """Stop for a decision that is carried out again and again, once for each new refusal of it."""
        count, reason = self.ordering.refusals.get(REPEATS, (0, ""))
        if count > self._repeats:
            self._repeats = count
            self.stance.take(self.ordering.now(), Denial("", REPEATS, reason))

    # The kill latch

    def kill(self, who: str, reason: str, trigger: str) -> None:
        """Close the latch, at once and first, from any thread; the loop flattens as soon as it is free."""
        self._closing, self.killer.done = stopwatch(), False
        written = self.latch.close(who, reason, self.ordering.now(), self.ordering.settle)
        self._closing = -np.inf
        latched = Latched(True, trigger, who, "system", reason)
        self.inbox.later(lambda: self._latched(latched, written=written))
        self.inbox.later(self.flatten)

    def _latched(self, record: Latched, *, written: bool) -> None:
        self.telling.tell(Alert("critical", record.trigger, f"killed: {record.why} ({record.who})"))
        self.telling.note(record)
        if not written:
            words = "the latch's record could not be written; it is closed by its mark"
            self.telling.tell(Alert("critical", "kill", words))

    def flatten(self) -> None:
        """While the latch is closed: cancel and close everything, beside the loop, until the venue says it is so."""
        if stopwatch() - self._closing < _HUNG_S:
            return  # the latch is on disk before anything is cancelled, unless the disk hangs
        if self.ordering.shut() and not self.killer.done and (self._killing is None or self._killing.done()):
            because = self.ordering.shut()
            self._killing = asyncio.create_task(self.killer.flatten(because, lambda: bool(self.ordering.shut())))

    def release(self, action: Action) -> None:
        """Open the latch because a named person asks for it."""
        self.latch.release(action.who, action.why, self.ordering.now())
        self.telling.note(Latched(False, "manual", action.who, action.role, action.why))
        self.let_go()
        self._killing, self.killer.done = None, False

    def let_go(self) -> None:
        """Flatten no more."""
        if self._killing is not None:
            self._killing.cancel()

    async def finish(self) -> None:
        """Bring a kill that is under way to its end, whatever it is that ends the session."""
        until = stopwatch() + _FINISH_S
        while self.ordering.shut() and not self.killer.done and stopwatch() < until:
            self.flatten()
            await asyncio.sleep(_POLL_S)

    # The heartbeat

    async def beat(self) -> None:
        """Show that the loop turns, as long as it does."""
        live = self.session.settings.live
        while True:
            if stopwatch() - self.turned < _STUCK * max(live.patience_s, live.answer_s):
                self.heart.beat()
            await asyncio.sleep(_BEAT_S)
