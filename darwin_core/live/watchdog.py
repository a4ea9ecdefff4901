"""The watchdog: a process of its own with its own connection to the venue, for when the trader cannot stop itself.

It looks at the trader's heartbeat and at the kill latch. When the trader has died or stands still, or the latch is
closed and nobody flattens, it closes the latch, cancels everything and closes everything. It trades nothing else.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from darwin_core.assembly import assemble, broker_of
from darwin_core.clock import stopwatch
from darwin_core.errors import ConfigError, DataError
from darwin_core.live.aside import LATCH, WATCHDOG, Aside
from darwin_core.live.control import places, snapshot
from darwin_core.live.control.private import alone
from darwin_core.live.heartbeat import Heartbeat
from darwin_core.live.killing import AFTER_S, LOOK_S, Flattening
from darwin_core.live.orders import Accepted, Refused
from darwin_core.plugins import why

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.live.latch import Latch
    from darwin_core.live.orders import Intent, OrderReport, Outcome
    from darwin_core.live.session import Session
    from darwin_core.protocols import Broker

WHO = "watchdog"
_PAUSE_S = 0.1
_OWN_PAUSE_S = 2.0
"""When the watchdog itself has not run for so long, the trader gets all its time again: the machine stood still."""
_MINE_S = 2.0
"""So long after the latch was closed a trader that stands still is no longer waited for."""
_TRY_S = 30.0
"""How often the venue is asked while all is well: a connection that is not there when it is needed is told early."""


@define(eq=False)
class Watchdog:
    """Watches one session.

    Parameters
    ----------
    session
        Which.
    broker
        A connection of its own.
    clock
        The session's, ns: what the venue is told.
    patience_s
        Seconds that the trader may stand still, and that it has to flatten after a kill.
    say
        Told everything, for people.
    """

    session: Session
    broker: Broker
    clock: Callable[[], int]
    patience_s: float
    say: Callable[[str], None]
    heart: Heartbeat = field(init=False)
    latch: Latch = field(init=False)
    aside: Aside = field(init=False)
    _beat: int | None = field(default=None, init=False)
    _moved: float = field(default=0.0, init=False)
    _closed: float | None = field(default=None, init=False)
    """Since when the latch is seen closed."""
    _proven: float | None = field(default=None, init=False)
    """Since when the venue is known to be flat, after this closing."""
    _reached: bool = field(default=False, init=False)
    _names: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        """Find the files."""
        self.heart = Heartbeat(self.session.folder)
        self.latch = places.latch(self.session.folder)
        self.aside = Aside(self.session.folder / WATCHDOG)
        self.aside.prepare()
        self._names = {str(line["intent"]["client_id"]) for line in self.aside.lines() if "intent" in line}

    async def watch(self, *, once: bool = False) -> bool:
        """Watch until it is cancelled; return whether anything was done.

        Parameters
        ----------
        once
            Return as soon as the trader is seen to be well, or once the account is flat.
        """
        with alone(self.aside.path):
            await self._reach()  # without it, too, it watches: the latch needs no venue
            looked = tried = self._moved = stopwatch()
            first = self._beat = self.heart.last()
            while True:
                now = stopwatch()
                if now - looked > _OWN_PAUSE_S:
                    self._moved = now
                looked = now
                if reason := self._look(now):
                    acted = await self._act(reason)
                    if once:
                        return acted
                    looked = stopwatch()
                    await asyncio.sleep(LOOK_S)
                elif once and self._closed is None and (self._beat is None or self._beat != first):
                    return False
                if now - tried > _TRY_S:
                    tried = now
                    await self._try()
                    looked = stopwatch()
                await asyncio.sleep(_PAUSE_S)

    def _look(self, now: float) -> str:
        """Return why something has to be done, or nothing."""
        beat = self.heart.last()
        if beat != self._beat:
            self._beat, self._moved = beat, now
        still = now - self._moved
        closed = self.latch.state().closed
        if not closed:
            self._closed = self._proven = None
            stands = beat is not None and still >= self.patience_s
            return f"the trader has not moved for {still:.1f} s" if stands else ""
        self._closed = now if self._closed is None else self._closed
        if self._proven is not None:
            return closed if now - self._proven < AFTER_S else ""
        since = now - self._closed
        alone_now = beat is None or still >= _MINE_S
        return closed if since >= (min(_MINE_S, self.patience_s) if alone_now else self.patience_s) else ""

    async def _act(self, reason: str) -> bool:
        """Close the latch, flatten, and say so; return whether anything was done."""
        acted = self._close(reason)
        if not self._reached:
            await self._connect()
        session = self.session
        work = Flattening(
            self.broker, f"{session.id}/{WHO}", self.clock, session.settings.live.answer_s, self,
            lambda: bool(self.latch.state().closed), reason, self._connect,
        )  # fmt: skip
        done = await work.run()
        if done is None:
            self._tell("released", "the latch was released before all was flat")
            return acted
        if done or acted or self._proven is None:
            self._tell("flat", "no orders and no positions, seen twice")
        if done or self._proven is None:
            self._proven = stopwatch()
        return acted or done

    def _close(self, reason: str) -> bool:
        """Close the latch; return whether it was open."""
        if self.latch.state().closed:
            return False
        written = self.latch.close(WHO, reason, self.clock())
        self._closed = stopwatch()
        self._tell(LATCH, f"{reason}: the kill latch is closed{'' if written else ', without a record'}")
        return True

    async def _connect(self) -> None:
        """Reach the venue, as often as it takes."""
        pause = _PAUSE_S
        while not await self._reach():
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, 5.0)

    async def _reach(self) -> bool:
        """Reach the venue and return True, or tell why not; one that answers nothing is let go of first."""
        try:
            async with asyncio.timeout(self.session.settings.live.answer_s):
                with suppress(Exception):
                    await self.broker.close()
                await self.broker.connect()
        except Exception as error:  # noqa: BLE001 - it is tried again
            self._reached = False
            self.problem(f"the venue cannot be reached: {why(error) or type(error).__name__}")
        else:
            self._reached = True
        return self._reached

    async def _try(self) -> None:
        """Ask the venue something, so that a lost connection is told before it is needed."""
        try:
            async with asyncio.timeout(self.session.settings.live.answer_s):
                await self.broker.open_orders()
        except Exception as error:  # noqa: BLE001 - that is what it is for
            self.say(f"the venue does not answer: {why(error) or type(error).__name__}")
            await self._reach()

    # What is taken down

    def taken(self, client_id: str) -> bool:
        """Return whether an order had this name already."""
        return client_id in self._names

    def cancelling(self, order: OrderReport) -> None:
        """Take down that a cancel goes on the wire next."""
        self._tell("cancel", f"cancel {order.venue_id}: {order.quantity:g} {order.symbol}", venue_id=order.venue_id)

    def cancelled(self, order: OrderReport, outcome: Outcome) -> None:
        """Take down what the venue said to it."""
        self._tell("cancelled", f"{order.venue_id}: {_words(outcome)}", venue_id=order.venue_id)

    def sending(self, intent: Intent) -> None:
        """Take down that an order goes on the wire next."""
        self._names.add(intent.client_id)
        self.say(f"{intent.quantity:g} {intent.symbol}, reduce-only")
        self.aside.declare(self.clock(), intent)

    def sent(self, intent: Intent, outcome: Outcome) -> None:
        """Take down what the venue said to it."""
        self._tell("sent", f"{intent.symbol}: {_words(outcome)}", client_id=intent.client_id)

    def problem(self, text: str) -> None:
        """Tell what does not work; it is tried again."""
        self._tell("problem", text)

    def _tell(self, what: str, text: str, **details: object) -> None:
        self.say(text)
        self.aside.add(self.clock(), what, why=text, **details)


def _words(outcome: Outcome) -> str:
    """Say what the venue has answered."""
    if isinstance(outcome, Accepted):
        return f"accepted as {outcome.venue_id}"
    if isinstance(outcome, Refused):
        return f"refused, {outcome.code}: {outcome.text}"
    return f"unknown: {outcome.why}"


def watchdog_of(session: Session, patience_s: float, say: Callable[[str], None]) -> Watchdog:
    """Return the watchdog of a session.

    Its deployment is put together without agents and reporters: a model that cannot be loaded must not keep anybody
    from flattening.

    Raises
    ------
    ConfigError, PluginError
        The deployment, or its broker, cannot be made.
    """
    if not session.journal.exists():
        raise ConfigError(f"{session.folder} has not run yet: there is nothing to watch")
    line = assemble(evolve(session.settings, agents=(), reporters=()))

    def replayed() -> int:
        try:
            last = snapshot.last(session.folder)
        except DataError:
            last = None
        return last[0].now if last else 0

    clock = replayed if session.kind == "replay" else time.time_ns
    return Watchdog(session, broker_of(line, session.folder, clock), clock, patience_s, say)
