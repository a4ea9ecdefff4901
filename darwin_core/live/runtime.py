"""A running session: one bar after the other, one loop, one writer.

Everything that changes the account happens in one task in the order of the journal: what the venue reports, what a
bar decides, what people ask for. The kill switch alone does not wait for its turn.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, field

from darwin_core import ledger
from darwin_core.clock import stopwatch
from darwin_core.errors import DarwinError
from darwin_core.evaluate import stamp
from darwin_core.graduation.roles import version_of
from darwin_core.live import answers, facts, showing
from darwin_core.live.archive import whole
from darwin_core.live.aside import LATCH, TRADER, WATCHDOG, Aside
from darwin_core.live.calls import Calls
from darwin_core.live.circuits import Circuits
from darwin_core.live.controls import REPEATS, Book, Price, Recent, Reenabled
from darwin_core.live.deciding import decision, log_of, refold
from darwin_core.live.folding import Fold
from darwin_core.live.heartbeat import Heartbeat
from darwin_core.live.killing import Killer
from darwin_core.live.latency import Stages
from darwin_core.live.ordering import Ordering, differ
from darwin_core.live.orders import Event, FillReport, OrderReport, StreamDown
from darwin_core.live.safemode import Manual, Snapshot, judge
from darwin_core.live.schema import Alert, Control, Decision, Denial, Entry, Latency, PositionSeen, Result, Sent
from darwin_core.live.schema import Latch as Latched
from darwin_core.live.schema import Session as Began
from darwin_core.live.stepping import Given, Stepper
from darwin_core.plugins import why
from darwin_core.types import local_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darwin_core.assembly import Line
    from darwin_core.live.calendar import Calendar
    from darwin_core.live.control.actions import Action
    from darwin_core.live.journal import Journal
    from darwin_core.live.latch import Latch
    from darwin_core.live.logfile import LogFile
    from darwin_core.live.schema import Body
    from darwin_core.live.session import Session
    from darwin_core.live.sources import Source
    from darwin_core.live.status import Status
    from darwin_core.live.stepping import Step
    from darwin_core.live.tape import Slice, Tape
    from darwin_core.protocols import Broker
    from darwin_core.types import Mode

_SAFE = "safe mode: "
"""How the alert begins that says why; after a restart it is known from there."""
_DAY = 86_400_000_000_000
_SILENCE_S = 30.0
"""A stream that does not even say that it is alive for so long is lost."""
_LATENCY_BARS = 100
_REST_BARS = 100
_POLL_S = 0.02
_LAST_CLOSES = 1_000
_STATUS_S = 0.2
_BEAT_S = 0.25
_STUCK = 10.0
"""A loop that has not come round for so many times its longest patience is stuck: its heart beats no more."""
_HUNG_S = 0.5
_FINISH_S = 30.0
"""How long the end of a session waits for a kill that is under way; the watchdog goes on after that."""


@define(eq=False)
class Clock:
    """The one clock that a session reads: ns UTC. A replay sets it; else it is the machine's."""

    machine: Callable[[], int]
    at: int | None = None

    def now(self) -> int:
        """Return the time."""
        return self.machine() if self.at is None else self.at


@define(eq=False)
class Runtime:
    """A session at work.

    Parameters
    ----------
    session, line
        What runs.
    tape, journal, broker, latch, calendar, log
        Open, each.
    clock
        Set by the bars of a replay.
    show
        Given each new status.
    pull_s
        How long a simulated venue's own stream is waited for before its truth is asked instead.
    """

    session: Session
    line: Line
    tape: Tape
    journal: Journal
    broker: Broker
    latch: Latch
    calendar: Calendar
    log: LogFile
    clock: Clock
    show: Callable[[Status], None]
    calls: Calls = field(factory=Calls)
    pull_s: float = 0.5
    source: Source = field(init=False)
    stepper: Stepper = field(init=False)
    fold: Fold = field(init=False)
    ordering: Ordering = field(init=False)
    killer: Killer = field(init=False)
    heart: Heartbeat = field(init=False)
    watchdog: Aside = field(init=False)
    stages: Stages = field(init=False)
    circuits: Circuits = field(init=False)
    _silenced: set[str] = field(factory=set, init=False)
    alerts: deque[tuple[int, Alert]] = field(factory=lambda: deque(maxlen=50), init=False)
    closed: dict[str, str] = field(factory=dict, init=False)
    """Why no new risk is taken, by who says so."""
    modes: dict[str, Mode] = field(factory=dict, init=False)
    denied: set[str] = field(factory=set, init=False)
    prices: dict[str, Price] = field(factory=dict, init=False)
    curve: deque[float] = field(factory=lambda: deque(maxlen=240), init=False)
    day_start: float = field(init=False)
    agents: dict[str, showing.Tally] = field(factory=dict, init=False)
    bars: int = 0
    last_bar: int = 0
    late: tuple[str, ...] = ()
    agents_off: bool = False
    state: str = "starting"
    latest: Status | None = None
    _last: Step | None = field(default=None, init=False)
    """The bar at which an earlier process of the session ended."""
    _unwound: int = field(default=0, init=False)
    _stop: asyncio.Event = field(factory=asyncio.Event, init=False)
    _inbox: deque[Any] = field(factory=deque, init=False)
    _rung: asyncio.Event = field(factory=asyncio.Event, init=False)
    _pending: list[Body] = field(factory=list, init=False)
    _cursor: str = field(default="", init=False)
    _reached: deque[str] = field(factory=lambda: deque(maxlen=2_000), init=False)
    _fills: str = field(default="", init=False)
    _killing: asyncio.Task[None] | None = field(default=None, init=False)
    _early: list[Callable[[], None]] = field(factory=list, init=False)
    _closing: float = field(default=-np.inf, init=False)
    _turned: float = field(default=0.0, init=False)
    _next_status: float = field(default=0.0, init=False)
    _day: str = field(default="", init=False)
    _disabled: str = field(default="", init=False)
    _reenabled: Reenabled | None = field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Put the parts together."""
        live = self.session.settings.live
        exits = self.broker.capabilities.exits
        self.stepper = Stepper(self.line, self.tape, self.calls, live.patience_s, exits)
        self.fold = Fold(self.stepper, self.session.id, exits)
        self.circuits = Circuits(self.line, self.session.settings.circuit)
        self.stages = Stages(keep=self.session.settings.triggers.slow_intervals)
        self.ordering = Ordering(
            self.broker, self.journal, self.fold, self.session.settings.controls, self._facts, self.shut,
            self.clock.now, live.answer_s, self.tell,
        )  # fmt: skip
        aside, self.watchdog = Aside(self.session.folder / TRADER), Aside(self.session.folder / WATCHDOG)
        aside.prepare()
        self.ordering.declared = lambda client_id: aside.intent(client_id) or self.watchdog.intent(client_id)
        self.heart = Heartbeat(self.session.folder)
        self.killer = Killer(self.broker, self.ordering, self.session.id, self.clock.now, self.tell, aside)
        self.day_start = float(self.stepper.walk.book[ledger.EQUITY])

    # What the loop is made of

    async def run(self) -> None:
        """Recover, connect, trade until the bars end or somebody stops it, and leave everything on disk."""
        self._loop = asyncio.get_running_loop()
        for job in self._early:
            self._loop.call_soon(job)
        pump: asyncio.Task[None] | None = None
        self._turned = stopwatch()
        beating = asyncio.create_task(self._beat())
        try:
            self._recover()
            await self.broker.connect()
            pump = asyncio.create_task(self._pump())
            self._flatten()
            await self._settle()
            self._rest()
            self.state = "trading"
            self.log.write(self.clock.now(), "info", "session", f"{self.session.id} trades", bars=self.bars)
            self._publish()
            for number in range(self.stepper.decided, len(self.tape)):
                await self._bar(self.tape.row(number), recorded=True)  # seen, and not decided on: the process ended
            await self._trade()
            await self.ordering.resolve()
            if self.session.settings.live.on_stop == "flatten" and self._stop.is_set():
                await self.killer.flatten_once("the session stops, and the deployment says on_stop = flatten")
            self.heart.end()
        finally:
            if pump is not None:
                await self._finish_kill()
            gc.unfreeze()
            self.state = "ended"
            self.log.write(self.clock.now(), "info", "session", f"{self.session.id} ended", bars=self.bars)
            for task in (pump, self._killing, beating):
                if task is not None:
                    task.cancel()
            await self._end()

    def stop(self) -> None:
        """Take no new bar; the one at work is finished. May be called from a signal handler."""
        self._stop.set()
        self._put(None)

    async def _trade(self) -> None:
        """Take bars as they come; between them, what the venue and people say."""
        bars = self.source.slices()

        async def following() -> Slice | None:
            return await anext(bars, None)

        coming = asyncio.create_task(following())
        saying = asyncio.create_task(self._rung.wait())
        try:
            while not self._stop.is_set():
                self._turned = stopwatch()
                ready, _ = await asyncio.wait((coming, saying), timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                if saying in ready:
                    await self._take()
                    saying = asyncio.create_task(self._rung.wait())
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

    async def _pump(self) -> None:
        """Put what the venue's stream brings into the inbox; when it ends, ask what was missed, and listen again."""
        pause = 0.05
        while True:
            try:
                events = aiter(self.broker.events(self._cursor))
                while True:
                    async with asyncio.timeout(_SILENCE_S):  # wait_for of 3.11 may swallow being cancelled
                        event = await anext(events)
                    self._put(answers.event(event))
                    pause = 0.05
            except StopAsyncIteration:
                reason = "it ended"
            except TimeoutError:
                reason = f"it said nothing for {_SILENCE_S:g} s"
            except Exception as error:  # noqa: BLE001 - the stream is the plugin's, and is opened again
                reason = why(error)
            self._put(Event(StreamDown(reason)))
            await asyncio.sleep(pause)
            pause = min(2 * pause, 30.0)

    def _put(self, item: Any) -> None:
        """Put something into the inbox. Whoever waits is told, and takes nothing out of it before its turn."""
        self._inbox.append(item)
        self._rung.set()

    async def _take(self) -> None:
        """Take everything that is in the inbox, in its order, the venue's reports in one commit."""
        self._rung.clear()
        items = list(self._inbox)
        self._inbox.clear()
        reports: list[OrderReport | FillReport] = []
        for item in items:
            if isinstance(item, Event):
                if item.cursor:
                    self._cursor = item.cursor
                    self._reached.append(item.cursor)
                if isinstance(item.body, OrderReport | FillReport):
                    reports.append(item.body)
                elif isinstance(item.body, StreamDown):
                    self.tell(Alert("warning", "venue", f"the event stream was lost: {item.body.reason}"))
                    self.ordering.take(reports)
                    reports = []
                    await self._pull()
            elif item is not None:
                self.ordering.take(reports)
                reports = []
                action, future = item
                self._act(action, future)
        self.ordering.take(reports)

    async def _idle(self) -> None:
        """Between bars: unknown orders are asked about, triggers are looked at, the screen is kept alive."""
        await self.ordering.resolve()
        await self._watch()
        self._flush()
        self._publish()

    # A bar

    async def _bar(self, row: Slice, *, recorded: bool = False) -> None:
        """Let the venue trade through a bar, decide on it, and send what follows; `recorded`: it is on the tape."""
        started = stopwatch()
        if self.clock.at is not None:
            self.clock.at = row.time
        if not recorded:
            self.tape.append(row)
        self.late = tuple(s for s, came in zip(self.tape.symbols, row.arrival.tolist(), strict=True) if not came)
        self._note_prices(row)
        self.stages.add("tape", stopwatch() - started)
        await self._market(row)
        await self.ordering.resolve()
        self._new_day(row.time)
        step = await asyncio.wrap_future(self.calls.start("decide", lambda: self.stepper.step(self._given())))
        self._note(step)
        await self._watch()  # what this bar has cost may be reason enough to send nothing
        sending = stopwatch()
        digest = self.stepper.walk.recorder.digest.hexdigest()
        await self.ordering.decide(step, decision(step, digest, self._cursor, self._fills, self.day_start))
        self.stages.add("orders", stopwatch() - sending)
        if self.ordering.wired > started:
            self.stages.add("bar to order", self.ordering.wired - started)
        self._log_bar(row, step, stopwatch() - started)
        self.bars, self.last_bar = self.bars + 1, row.time
        self.curve.append(step.curve[0])
        if self.bars % self.session.settings.live.reconcile_bars == 0:
            await self._reconcile()
        await self._watch()
        if self.bars % _LATENCY_BARS == 0:
            self._pending.append(Latency(row.time, self.stages.plain()))
        self._flush()
        self._publish(always=False)
        if self.bars % _REST_BARS == 0:
            self._rest()

    @staticmethod
    def _rest() -> None:
        """Collect what nobody needs, and look at the rest no more: a full collection takes longer than a bar may."""
        gc.collect()
        gc.freeze()

    def _log_bar(self, row: Slice, step: Step, seconds: float) -> None:
        self.log.write(
            row.time, "info", "bar", "decided", number=step.number, decisions=len(step.decisions),
            orders=len(step.orders), withdrawn=len(step.withdrawn), equity=step.curve[0], late=len(self.late),
            ms=round(seconds * 1e3, 3),
        )  # fmt: skip

    async def _market(self, row: Slice) -> None:
        """Show the bar to a venue that has no market of its own, and take in all that follows from it."""
        if not self.broker.capabilities.simulated:
            return
        venue: Any = self.broker
        wanted = await self.ordering.ask(venue.market(row), str)
        if wanted is None:
            return
        while wanted not in self._reached and wanted != self._cursor:
            try:
                async with asyncio.timeout(self.pull_s):
                    await self._rung.wait()
            except TimeoutError:
                await self._pull()
                self._reached.append(wanted)
                return
            await self._take()
        if self.ordering.owed:
            await self._pull()

    def _given(self) -> Given:
        """Return what the next bar is decided without."""
        silent = {name for name, mode in self.modes.items() if mode == "off"}
        silent |= self.circuits.silent(self.clock.now())
        fired = judge(self._snapshot(), self.session.settings.triggers)
        self.agents_off = any(each.action == "agents_off" for each in fired)
        if self.agents_off:
            silent = {part.name for part in self.line.agents}
        self._silenced = set(silent)
        reason = self.shut() or self._closed()
        bars = self.session.settings.live.unwind_bars
        unwinding = bars and any(who != "halt" for who in self.closed)
        self._unwound = self._unwound + 1 if unwinding else 0
        keep = max(0.0, 1.0 - self._unwound / bars) if unwinding else 1.0
        return Given(frozenset(silent), closed=bool(reason), keep=keep, modes=tuple(sorted(self.modes.items())))

    def _note_prices(self, row: Slice) -> None:
        closes = row.values[self.tape.fields.index("close")].tolist()
        for symbol, close in zip(self.tape.symbols, closes, strict=True):
            if close == close:  # noqa: PLR0124 - not NaN
                self.prices[symbol] = Price(close, row.time)

    def _last_prices(self) -> None:
        """Know the last close of every symbol before the first bar: one that is held may be missing from it."""
        stop = self.stepper.decided
        bars = self.tape.read(max(0, stop - _LAST_CLOSES), stop)
        for s, symbol in enumerate(bars.symbols):
            known = np.flatnonzero(~np.isnan(bars.close[:, s]))
            if len(known):
                self.prices[symbol] = Price(float(bars.close[known[-1], s]), int(bars.time[known[-1]]))

    def _note(self, step: Step) -> None:
        """Take over what a step says of itself."""
        for stage, seconds in (*step.took.items(), *self._by_kind(step).items()):
            self.stages.add(stage, seconds)
        for fault in step.faults:
            self.tell(Alert("warning", fault.who, fault.what))
        showing.count(self.agents, self.line, step)
        for said in self.circuits.note(step, self._silenced):
            self.tell(Alert("warning", "circuit", said))

    def _by_kind(self, step: Step) -> dict[str, float]:
        """Return how long the symbol agents took together, and the masters: what the triggers look at."""
        took: dict[str, float] = {}
        for part in self.line.agents:
            seconds = step.took.get(f"agent {part.name}")
            if seconds is not None:
                kind = "symbol" if part.agent.when in ("bar", "candidate") else "master"
                took[kind] = took.get(kind, 0.0) + seconds
        return took

    def _new_day(self, time: int) -> None:
        """Keep the equity with which a day begins."""
        day = self._day_of(time)
        if day != self._day:
            self._day, self.day_start = day, float(self.stepper.walk.book[ledger.EQUITY])

    def _day_of(self, time: int) -> str:
        """Return the day to which a bar belongs."""
        return str(local_time(np.array([time - 1]), self.tape.timezone)[0].astype("datetime64[D]"))

    # Safety

    def shut(self) -> str:
        """Return why the gate is shut; empty while it is open. Asked before each order goes on the wire."""
        return self.latch.state().closed

    def _closed(self) -> str:
        return "; ".join(f"{who}: {reason}" for who, reason in sorted(self.closed.items()))

    def _facts(self) -> Book:
        reach = self.clock.now() - self.session.settings.controls.reach
        recent = self.ordering.recent
        while recent and recent[0].time < reach:
            recent.popleft()
        return facts.gather(
            self.clock.now(), self.stepper, self.journal.book, recent, self.calendar, self.prices,
            latch=self.shut(), safe_mode=self._closed(), disabled=self._disabled, reenabled=self._reenabled,
        )  # fmt: skip

    def _snapshot(self, manual: Manual | None = None) -> Snapshot:
        book = self.stepper.walk.book
        touched = {symbol for symbol, held in self._held().items() if held}
        touched |= {order.intent.symbol for order in self.journal.book.unfinished()}
        return Snapshot(
            float(book[ledger.EQUITY]), float(book[ledger.PEAK]), self.day_start, self.stages.recent(), self.overdue(),
            frozenset(touched), manual, dict(os.environ),
        )  # fmt: skip

    def overdue(self) -> float:
        """Return the seconds by which the next bar is late; 0 between sessions, and in a replay."""
        if self.clock.at is not None or not self.last_bar:
            return 0.0
        due = self.last_bar + self.tape.interval
        if not self.calendar.is_open(due - 1):
            return 0.0
        return max(0.0, (self.clock.now() - due) / 1e9 - self.session.settings.live.deadline_s)

    def _held(self) -> dict[str, float]:
        slots, _ = ledger.split(self.stepper.walk.slots)
        return dict(zip(self.tape.symbols, slots["position"].tolist(), strict=True))

    async def _watch(self) -> None:
        """Look at the triggers, and do what they say."""
        fired = {each.trigger: each for each in judge(self._snapshot(), self.session.settings.triggers)}
        for each in fired.values():
            if each.action == "kill" and not self.shut():
                self._kill("darwin", each.reason, each.trigger)
            elif each.action == "safe_mode" and self.closed.get(each.trigger) is None:
                self.closed[each.trigger] = each.reason
                self.tell(Alert("critical", each.trigger, _SAFE + each.reason))
        for trigger in [t for t in self.closed if t in ("data", "equity", "latency") and t not in fired]:
            del self.closed[trigger]
            self.tell(Alert("info", trigger, "safe mode is over"))
        self._hear_watchdog()
        if self._disabled == "" and REPEATS in self.ordering.refusals:
            self._disabled = self.ordering.refusals[REPEATS][1]
        self._flatten()

    def kill(self, action: Action) -> None:
        """Close the latch because somebody asks for it; from any thread, without waiting for the loop."""
        self._kill(action.who, action.why, "manual")
        if not self.latch.state().closed:
            raise DarwinError("the kill latch could not be closed")

    def _kill(self, who: str, reason: str, trigger: str) -> None:
        """Close the latch, at once and first; the loop flattens as soon as it is free."""
        self._closing, self.killer.done = stopwatch(), False
        written = self.latch.close(who, reason, self.clock.now(), self.ordering.settle)
        self._closing = -np.inf
        latched = Latched(True, trigger, who, "system", reason)
        self._later(lambda: self._latched(latched, written=written))
        self._later(self._flatten)

    def _flatten(self) -> None:
        """While the latch is closed: cancel and close everything, beside the loop, until the venue says it is so."""
        if stopwatch() - self._closing < _HUNG_S:
            return  # the latch is on disk before anything is cancelled, unless the disk hangs
        if self.shut() and not self.killer.done and (self._killing is None or self._killing.done()):
            self._killing = asyncio.create_task(self.killer.flatten(self.shut(), lambda: bool(self.shut())))

    async def _finish_kill(self) -> None:
        """Bring a kill that is under way to its end, whatever it is that ends the session."""
        until = stopwatch() + _FINISH_S
        while self.shut() and not self.killer.done and stopwatch() < until:
            self._flatten()
            await asyncio.sleep(_POLL_S)
        if self.shut():
            with suppress(Exception):  # the next process asks for it, too
                await self._take()
                await self._pull()

    async def _beat(self) -> None:
        """Show that the loop turns, as long as it does."""
        live = self.session.settings.live
        while True:
            if stopwatch() - self._turned < _STUCK * max(live.patience_s, live.answer_s):
                self.heart.beat()
            await asyncio.sleep(_BEAT_S)

    def _hear_watchdog(self) -> None:
        """Put on record what the watchdog has done; it closes the latch before it does anything else."""
        if not self.shut():
            return
        for number, line in self.watchdog.news():
            reason = str(line.get("why", line["what"]))
            if line["what"] == LATCH:
                self._pending.append(Latched(True, "watchdog", "watchdog", "system", reason))
            details = {"outcome": "done", "number": number, "line": line}
            self._pending.append(Control("watchdog", "watchdog", "system", reason, details))

    def _latched(self, record: Latched, *, written: bool) -> None:
        self.tell(Alert("critical", record.trigger, f"killed: {record.why} ({record.who})"))
        self._pending.append(record)
        if not written:
            self.tell(Alert("critical", "kill", "the latch's record could not be written; it is closed by its mark"))

    def _later(self, job: Callable[[], None]) -> None:
        """Have the loop do a job; before it runs, it waits for it, and after it has ended there is nobody to do it."""
        if self._loop is None:
            self._early.append(job)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(job)

    # What people ask for

    def act(self, action: Action) -> Future[str]:
        """Hand an action over from any thread; see `control.actions.Desk`."""
        future: Future[str] = Future()
        self._later(lambda: self._put((action, future)))
        return future

    def status(self) -> Status:
        """Return what was last published."""
        return self.latest if self.latest is not None else showing.status(self)

    def _act(self, action: Action, future: Future[str]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            said = self._do(action)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            future.set_exception(error)
            return
        self._publish()
        future.set_result(said)

    def _do(self, action: Action) -> str:
        if action.name == "halt":
            self.closed["halt"] = f"{action.why} ({action.who})"
            return "no new risk is taken; exits go on"
        if action.name == "resume":
            cleared = sorted(self.closed)
            self.closed.clear()
            if self._disabled:
                self._disabled, self._reenabled = "", Reenabled(action.who, action.why, self.clock.now())
            return f"trading goes on; lifted: {', '.join(cleared) or 'nothing'}"
        if action.name == "flatten":
            self.killer.done = False
            return "the kill latch is closed; orders are cancelled and positions closed"
        if action.name == "release":
            self.latch.release(action.who, action.why, self.clock.now())
            self._pending.append(Latched(False, "manual", action.who, action.role, action.why))
            if self._killing is not None:
                self._killing.cancel()
                self._killing = None
            self.killer.done = False
            return "the kill latch is open"
        return self._override(action)

    def _override(self, action: Action) -> str:
        details = action.details
        if "agent" in details:
            names = [part.name for part in self.line.agents]
            if details["agent"] not in names:
                raise DarwinError(f"there is no agent {details['agent']!r}: there are {', '.join(names) or 'none'}")
            mode = self.modes.get(details["agent"]) or self._mode_of(details["agent"])
            if details.get("from") and details["from"] != mode:
                raise DarwinError(f"{details['agent']} is in {mode} by now, not in {details['from']}: ask again")
            self.modes[details["agent"]] = details["mode"]
            self.circuits.reset(details["agent"])
            return f"{details['agent']} is in {details['mode']} from the next bar on"
        symbol, rule = details["symbol"], details["rule"]
        if symbol not in self.tape.symbols:
            raise DarwinError(f"the deployment does not trade {symbol!r}")
        (self.denied.add if rule == "deny" else self.denied.discard)(symbol)
        symbols = self.session.settings.controls.symbols
        deny = tuple(sorted({*symbols.deny, *self.denied}))
        self.ordering.controls = evolve(self.session.settings.controls, symbols=evolve(symbols, deny=deny))
        return f"{symbol}: {'no new risk' if rule == 'deny' else 'allowed again'}"

    def _mode_of(self, name: str) -> Mode:
        return next(part.trust.mode for part in self.line.agents if part.name == name)

    # Truth

    def _recover(self) -> None:
        """Bring the account forward by what the journal holds; what was in doubt is asked about later."""
        agents = {part.name: version_of(part) for part in self.line.agents}
        began = Began(self.session.id, self.session.info["version"], {"kind": self.session.kind, "agents": agents})
        bodies = list(whole(self.journal))
        self._last_prices()
        for record, step in refold(self.fold, (body for _, body in bodies)):
            if step.decisions.tobytes() != log_of(record).tobytes():
                self._differs(step)
            self.heart.beat()
            self.bars, self.last_bar, self._last = self.bars + 1, step.bar, step
            self.curve.append(step.curve[0])
            self._note_prices(self.tape.row(step.number))
            showing.count(self.agents, self.line, step)
        self._restore(bodies)
        self.journal.append([Entry(self.clock.now(), began)])
        if self.journal.recovered.note:
            self.tell(Alert("warning", "journal", self.journal.recovered.note))
        if self.latch.state().closed:
            self.tell(Alert("critical", "kill", f"the kill latch is closed: {self.latch.state().closed}"))
            self.killer.done = False

    def _differs(self, step: Step) -> None:
        """Take no new risk: a plugin is not a function of its inputs, or is another version."""
        if "recovery" not in self.closed:
            moment = stamp(step.bar)
            reason = f"the bar of {moment} is decided otherwise than before: a plugin or a library has changed"
            self.closed["recovery"] = reason
            self.tell(Alert("critical", "recovery", f"safe mode: {reason}"))

    def _restore(self, bodies: Sequence[tuple[int, Body]]) -> None:
        """Take over what people have asked for, why no risk is taken, and what was sent lately."""
        bars = self.session.settings.live.unwind_bars
        for time, body in bodies:
            if isinstance(body, Sent):
                order = self.journal.book.orders.get(body.client_id)
                if order is not None:
                    self.ordering.recent.append(Recent(order.intent, time))
                    self.ordering.unanswered.add(body.client_id)
            if isinstance(body, Result) and body.action == "submit":
                self.ordering.unanswered.discard(body.client_id)
            if isinstance(body, Decision):
                self._cursor, self._fills = body.content["cursor"], body.content["fills"]
                self._day, self.day_start = self._day_of(body.bar), body.content["day_start"]
                self._unwound = round((1.0 - body.content["given"]["keep"]) * bars)
            if isinstance(body, Denial) and body.control == REPEATS and not self._disabled:
                self._disabled = body.reason
            if isinstance(body, Alert) and body.text.startswith(_SAFE):
                self.closed[body.source] = body.text.removeprefix(_SAFE)
            elif isinstance(body, Alert) and body.level == "info":
                self.closed.pop(body.source, None)
            if isinstance(body, Control) and body.details.get("outcome") == "done":
                self._restore_action(time, body)

    def _restore_action(self, time: int, body: Control) -> None:
        """Take over what somebody has asked for."""
        if body.action == "watchdog":
            self.watchdog.heard = body.details["number"]
        elif body.action == "override" and "agent" in body.details:
            self.modes[body.details["agent"]] = body.details["mode"]
        elif body.action == "override":
            (self.denied.add if body.details["rule"] == "deny" else self.denied.discard)(body.details["symbol"])
        elif body.action == "halt":
            self.closed["halt"] = f"{body.why} ({body.who})"
        elif body.action == "resume":
            self.closed.clear()
            if self._disabled:
                self._disabled, self._reenabled = "", Reenabled(body.who, body.why, time)

    async def _settle(self) -> None:
        """At the start: ask the venue about everything that is in doubt, before any new risk."""
        await self._pull()
        await self._reconcile()
        if self._last is not None:
            await self.ordering.finish(self._last)
        await self.ordering.resolve()

    async def _pull(self) -> None:
        """Ask for the fills that were missed, and for what became of every order that may trade."""
        self._fills = await self.ordering.pull(self._fills)
        for order in self.journal.book.unfinished():
            report = await self.ordering.ask(self.broker.order(order.client_id), answers.order)
            if isinstance(report, OrderReport):
                self.ordering.take([report])

    async def _reconcile(self) -> None:
        """Compare the positions with what the venue says; no new risk while they differ."""
        theirs = await self.ordering.ask(self.broker.positions(), answers.positions)
        if theirs is None:
            return
        for _ in range(2):
            wrong = differ(self._held(), theirs)
            if not wrong:
                break
            await self._pull()
            theirs = await self.ordering.ask(self.broker.positions(), answers.positions) or theirs
        if wrong and "positions" not in self.closed:
            self.closed["positions"] = wrong
            self.tell(Alert("critical", "positions", _SAFE + wrong))
            self._pending += [PositionSeen(each.symbol, each.quantity, each.as_of) for each in theirs]
        elif not wrong and self.closed.pop("positions", ""):
            self.tell(Alert("info", "positions", "they agree with the venue's again"))

    # What is told

    def tell(self, alert: Alert, *, written: bool = False) -> None:
        """Take an alert in: for the journal, if it is not `written` there already, the log and the screen."""
        self.alerts.appendleft((self.clock.now(), alert))
        if not written:
            self._pending.append(alert)
        self.log.write(self.clock.now(), alert.level, alert.source, alert.text, about=alert.about)

    def record(self, control: Control) -> None:
        """Have an action of somebody on record, from any thread."""
        self._later(lambda: self._pending.append(control))

    def _flush(self) -> None:
        """Write down what nobody waits for."""
        lost = self.log.alert(self.clock.now())
        if lost is not None:
            self.tell(Alert("warning", lost.source, lost.text))
        if self._pending:
            pending, self._pending = self._pending, []
            self.journal.append([Entry(self.clock.now(), body) for body in pending])

    def _publish(self, *, always: bool = True) -> None:
        """Put a status together and show it: some times a second, however fast the bars come."""
        if always or stopwatch() >= self._next_status:
            self._next_status = stopwatch() + _STATUS_S
            self.latest = showing.status(self)
            self.show(self.latest)

    async def _end(self) -> None:
        """Leave everything on disk."""
        self._pending.append(Latency(self.last_bar, self.stages.plain()))
        try:
            self._flush()
            self._publish()
        finally:
            await self.ordering.ask(self.broker.close(), bool)
            self.calls.close()
            self.tape.close()
            self.journal.close()
