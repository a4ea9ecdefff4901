"""A running session: one bar after the other, one loop, one writer.

Everything that changes the account happens in one task in the order of the journal: what the venue reports, what a
bar decides, what people ask for. The kill switch alone does not wait for its turn.
"""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import Factory, define, field

from darwin_core.clock import stopwatch
from darwin_core.errors import DarwinError
from darwin_core.live import acting, showing
from darwin_core.live.deciding import decision
from darwin_core.live.parts import Parts
from darwin_core.live.promoting import Promoting
from darwin_core.live.restoring import restore
from darwin_core.live.schema import Alert, Latency
from darwin_core.live.stepping import Given

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.live.control.actions import Action
    from darwin_core.live.schema import Control
    from darwin_core.live.status import Status
    from darwin_core.live.stepping import Step
    from darwin_core.live.tape import Slice

_LATENCY_BARS = 100
_REST_BARS = 100
_STATUS_S = 0.2


@define(eq=False)
class Runtime(Parts):
    """A session at work.

    Parameters
    ----------
    show
        Given each new status.
    """

    show: Callable[[Status], None] = field(kw_only=True)
    promoting: Promoting = field(default=Factory(Promoting, takes_self=True), init=False)
    latest: Status | None = field(default=None, init=False)
    _silenced: set[str] = field(factory=set, init=False)
    _stop: asyncio.Event = field(factory=asyncio.Event, init=False)
    _next_status: float = field(default=0.0, init=False)

    # From beginning to end

    async def run(self) -> None:
        """Recover, connect, trade until the bars end or somebody stops it, and leave everything on disk."""
        self.inbox.open()
        pump: asyncio.Task[None] | None = None
        self.safety.turned = stopwatch()
        beating = asyncio.create_task(self.safety.beat())
        try:
            last = restore(self)
            await self.broker.connect()
            pump = asyncio.create_task(self.inbox.pump(self.broker))
            self.safety.flatten()
            await self.truth.settle(last)
            self._rest()
            self.state = "trading"
            self._log_session("trades")
            self._publish()
            for number in range(self.stepper.decided, len(self.tape)):
                await self._bar(self.tape.row(number), recorded=True)  # seen, and not decided on: the process ended
            await self._trade()
            self.promoting.end()
            await self.ordering.resolve()
            if self.session.settings.live.on_stop == "flatten" and self._stop.is_set():
                await self.killer.flatten_once("the session stops, and the deployment says on_stop = flatten")
            self.safety.heart.end()
        finally:
            if pump is not None:
                await self._finish_kill()
            gc.unfreeze()
            self.state = "ended"
            self._log_session("ended")
            for task in (pump, beating):
                if task is not None:
                    task.cancel()
            self.safety.let_go()
            await self._end()

    def stop(self) -> None:
        """Take no new bar; the one at work is finished. May be called from a signal handler."""
        self._stop.set()
        self.inbox.put(None)

    async def _trade(self) -> None:
        """Take bars as they come; between them, what the venue and people say."""
        bars = self.source.slices()

        async def following() -> Slice | None:
            return await anext(bars, None)

        coming = asyncio.create_task(following())
        saying = asyncio.create_task(self.inbox.rung())
        try:
            while not self._stop.is_set():
                self.safety.turned = stopwatch()
                ready, _ = await asyncio.wait((coming, saying), timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                if saying in ready:
                    await self.hearing.take()
                    saying = asyncio.create_task(self.inbox.rung())
                self.promoting.turn()
                if coming in ready:
                    row = coming.result()
                    if row is None:
                        break
                    await self._bar(row)
                    coming = asyncio.create_task(following())
                if not ready:
                    await self._idle()
        finally:
            coming.cancel()
            saying.cancel()
            await asyncio.wait({coming}, timeout=2.0)  # the stream is let go of before the tape is closed

    async def _idle(self) -> None:
        """Between bars: unknown orders are asked about, triggers are looked at, the screen is kept alive."""
        await self.ordering.resolve()
        self.safety.watch()
        self.telling.flush()
        self._publish()

    async def _finish_kill(self) -> None:
        """Bring a kill that is under way to its end, and take in what it has done."""
        await self.safety.finish()
        if self.shut():
            with suppress(Exception):  # the next process asks for it, too
                await self.hearing.take()
                await self.truth.pull()

    async def _end(self) -> None:
        """Leave everything on disk."""
        self.telling.note(Latency(self.course.last_bar, self.stages.plain()))
        try:
            self.telling.flush()
            self._publish()
        finally:
            await self.ordering.ask(self.broker.close(), bool)
            self.calls.close()
            self.tape.close()
            self.journal.close()

    # A bar

    async def _bar(self, row: Slice, *, recorded: bool = False) -> None:
        """Let the venue trade through a bar, decide on it, and send what follows; `recorded`: it is on the tape."""
        started = stopwatch()
        if self.clock.at is not None:
            self.clock.at = row.time
        if not recorded:
            self.tape.append(row)
        self.course.came(row)
        self.stages.add("tape", stopwatch() - started)
        await self.hearing.market(row)
        await self.ordering.resolve()
        day_over = self.course.begin_day(row.time)
        step = await asyncio.wrap_future(self.calls.start("decide", lambda: self.stepper.step(self._given())))
        self._note(step)
        self.safety.watch()  # what this bar has cost may be reason enough to send nothing
        await self._order(step, started)
        self._log_bar(step, stopwatch() - started)
        self.course.done(step)
        if self.course.bars % self.session.settings.live.reconcile_bars == 0:
            await self.truth.reconcile()
        self.safety.watch()
        if self.course.bars % _LATENCY_BARS == 0:
            self.telling.note(Latency(row.time, self.stages.plain()))
        self.telling.flush()
        self._publish(always=False)
        if day_over:
            self.promoting.day_over()
        if self.course.bars % _REST_BARS == 0:
            self._rest()

    def _given(self) -> Given:
        """Return what the next bar is decided without."""
        silent = {name for name, mode in self.stance.modes.items() if mode == "off"}
        silent |= self.circuits.silent(self.clock.now())
        self.agents_off = any(each.action == "agents_off" for each in self.safety.fired())
        if self.agents_off:
            silent = {part.name for part in self.line.agents}
        self._silenced = set(silent)
        closed = bool(self.shut() or self.stance.reason)
        modes = tuple(sorted(self.stance.modes.items()))
        return Given(frozenset(silent), closed=closed, keep=self.stance.keep(), modes=modes)

    def _note(self, step: Step) -> None:
        """Take over what a step says of itself."""
        for stage, seconds in (*step.took.items(), *self.course.took(step).items()):
            self.stages.add(stage, seconds)
        for fault in step.faults:
            self.telling.tell(Alert("warning", fault.who, fault.what))
        self.course.count(step)
        for said in self.circuits.note(step, self._silenced):
            self.telling.tell(Alert("warning", "circuit", said))

    async def _order(self, step: Step, started: float) -> None:
        """Put a decision on record, and its orders on the wire; the bar came at `started`."""
        sending = stopwatch()
        digest = self.stepper.walk.recorder.digest.hexdigest()
        record = decision(step, digest, self.inbox.cursor, self.truth.fills, self.course.day_start)
        await self.ordering.decide(step, record)
        self.stages.add("orders", stopwatch() - sending)
        if self.ordering.wired > started:
            self.stages.add("bar to order", self.ordering.wired - started)

    def _rest(self) -> None:
        """Collect what nobody needs, and look at the rest no more: a full collection takes longer than a bar may."""
        self.tape.rest()
        gc.collect()
        gc.freeze()

    # What it offers: see `control.actions.Desk`

    def status(self) -> Status:
        """Return what was last published."""
        return self.latest if self.latest is not None else showing.status(self)

    def kill(self, action: Action) -> None:
        """Close the latch because somebody asks for it; from any thread, without waiting for the loop."""
        self.safety.kill(action.who, action.why, "manual")
        if not self.shut():
            raise DarwinError("the kill latch could not be closed")

    def act(self, action: Action) -> Future[str]:
        """Hand an action over from any thread."""
        future: Future[str] = Future()
        self.inbox.later(lambda: self.inbox.put(lambda: self._act(action, future)))
        return future

    def _act(self, action: Action, future: Future[str]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            said = acting.do(self, action)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            future.set_exception(error)
            return
        self._publish()
        future.set_result(said)

    def record(self, control: Control) -> None:
        """Have an action of somebody on record, from any thread."""
        self.inbox.later(lambda: self.telling.note(control))

    def _publish(self, *, always: bool = True) -> None:
        """Put a status together and show it: some times a second, however fast the bars come."""
        if always or stopwatch() >= self._next_status:
            self._next_status = stopwatch() + _STATUS_S
            self.latest = showing.status(self)
            self.show(self.latest)

    def _log_session(self, what: str) -> None:
        self.log.write(self.clock.now(), "info", "session", f"{self.session.id} {what}", bars=self.course.bars)

    def _log_bar(self, step: Step, seconds: float) -> None:
        self.log.write(
            step.bar, "info", "bar", "decided", number=step.number, decisions=len(step.decisions),
            orders=len(step.orders), withdrawn=len(step.withdrawn), equity=step.curve[0], late=len(self.course.late),
            ms=round(seconds * 1e3, 3),
        )  # fmt: skip
