"""What a running session is made of, put together: each part knows only those that stand before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from darwin_core.live import facts
from darwin_core.live.aside import TRADER, Aside
from darwin_core.live.calls import Calls
from darwin_core.live.circuits import Circuits
from darwin_core.live.course import Course
from darwin_core.live.folding import Fold
from darwin_core.live.hearing import Hearing
from darwin_core.live.inbox import Inbox
from darwin_core.live.killing import Killer
from darwin_core.live.latency import Stages
from darwin_core.live.ordering import Ordering
from darwin_core.live.safety import Safety
from darwin_core.live.stance import Stance
from darwin_core.live.stepping import Stepper
from darwin_core.live.telling import Telling
from darwin_core.live.truth import Truth

if TYPE_CHECKING:
    from darwin_core.assembly import Line
    from darwin_core.live.calendar import Calendar
    from darwin_core.live.controls import Book
    from darwin_core.live.course import Clock
    from darwin_core.live.journal import Journal
    from darwin_core.live.latch import Latch
    from darwin_core.live.logfile import LogFile
    from darwin_core.live.session import Session
    from darwin_core.live.sources import Source
    from darwin_core.live.tape import Tape
    from darwin_core.protocols import Broker


@define(eq=False)
class Parts:
    """The parts of a session.

    Parameters
    ----------
    session, line
        What runs.
    tape, journal, broker, latch, calendar, log
        Open, each.
    clock
        Set by the bars of a replay.
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
    calls: Calls = field(factory=Calls, init=False)
    source: Source = field(init=False)
    """Where bars come from; set before the session runs."""
    stepper: Stepper = field(init=False)
    fold: Fold = field(init=False)
    circuits: Circuits = field(init=False)
    stages: Stages = field(init=False)
    inbox: Inbox = field(factory=Inbox, init=False)
    telling: Telling = field(init=False)
    stance: Stance = field(init=False)
    course: Course = field(init=False)
    ordering: Ordering = field(init=False)
    killer: Killer = field(init=False)
    truth: Truth = field(init=False)
    hearing: Hearing = field(init=False)
    safety: Safety = field(init=False)
    state: str = field(default="starting", init=False)
    """Starting, trading or ended."""
    agents_off: bool = field(default=False, init=False)
    """Whether a trigger has switched all agents off."""

    def __attrs_post_init__(self) -> None:
        """Put them together."""
        settings, now = self.session.settings, self.clock.now
        live, exits = settings.live, self.broker.capabilities.exits
        self.stepper = Stepper(self.line, self.tape, self.calls, live.patience_s, exits)
        self.fold = Fold(self.stepper, self.session.id, exits)
        self.circuits = Circuits(self.line, settings.circuit)
        self.stages = Stages(keep=settings.triggers.slow_intervals)
        self.telling = Telling(self.journal, self.log, now)
        self.stance = Stance(live.unwind_bars, self.telling.tell)
        self.course = Course(self.stepper, self.clock, self.calendar, live.deadline_s)
        self.ordering = Ordering(
            self.broker, self.journal, self.fold, settings.controls, self._facts, self.shut, now, live.answer_s,
            self.telling.tell,
        )  # fmt: skip
        aside = Aside(self.session.folder / TRADER)
        aside.prepare()
        self.killer = Killer(self.broker, self.ordering, self.session.id, now, self.telling.tell, aside)
        self.truth = Truth(self.ordering, self.course, self.stance, self.telling)
        self.hearing = Hearing(self.inbox, self.ordering, self.truth, self.telling)
        self.safety = Safety(
            self.session, self.latch, self.killer, self.ordering, self.course, self.stages, self.stance, self.telling,
            self.inbox,
        )  # fmt: skip
        watchdog = self.safety.watchdog
        self.ordering.declared = lambda client_id: aside.intent(client_id) or watchdog.intent(client_id)

    def shut(self) -> str:
        """Return why the gate is shut; empty while it is open. Asked before each order goes on the wire."""
        return self.latch.state().closed

    def _facts(self) -> Book:
        """Return what the controls look at."""
        now, recent = self.clock.now(), self.ordering.recent
        while recent and recent[0].time < now - self.session.settings.controls.reach:
            recent.popleft()
        return facts.gather(
            now, self.stepper, self.journal.book, recent, self.calendar, self.course.prices, latch=self.shut(),
            safe_mode=self.stance.reason, disabled=self.stance.disabled, reenabled=self.stance.reenabled,
        )  # fmt: skip
