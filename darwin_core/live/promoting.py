"""``[graduation] auto = true``: at a day's end a live session looks at the evidence, and takes the steps that are due.

It looks in a thread of its own, once the orders of the bar are out; what comes of it is an override like a person's,
by darwin and for the evidence's reason, taken between two bars. What goes wrong is told and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from darwin_core.errors import DarwinError
from darwin_core.live import acting
from darwin_core.live.control.actions import Action, Answer, as_entry, needed
from darwin_core.live.schema import Alert
from darwin_core.plugins import why

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import TypeAlias

    from darwin_core.graduation.record import Taken
    from darwin_core.live.parts import Parts
    from darwin_core.live.schema import Level

    Looked: TypeAlias = tuple[list[Taken], list[str]]

_NAME = "graduation"


@define(eq=False)
class Promoting:
    """Takes the steps of a session's agents.

    Parameters
    ----------
    run
        The session.
    """

    run: Parts
    _looking: Future[Looked] | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)

    @property
    def on(self) -> bool:
        """Whether it does anything: the days of a rehearsal were known before its agents were chosen."""
        run = self.run
        return run.session.settings.graduation.auto and run.session.kind == "live" and bool(run.line.agents)

    @property
    def busy(self) -> bool:
        """Whether it is looking now."""
        return self._looking is not None and not self._looking.done()

    def day_over(self) -> None:
        """Begin to look, beside the loop; not while it is still looking at the day before."""
        if not self.on:
            return
        if self._looking is not None:
            self._tell("warning", "it is still busy with the day before")
            return
        run = self.run
        modes = {part.name: acting.mode_of(run, part.name) for part in run.line.agents}

        def look() -> Looked:
            from darwin_core.graduation.automatic import at_day_s_end

            return at_day_s_end(run.session, run.line.agents, modes, lambda: not self._over)

        self._looking = run.calls.start(_NAME, look)

    def turn(self) -> None:
        """Take what was found to be due, if it is known by now."""
        if self._looking is None or not self._looking.done():
            return
        looked, self._looking = self._looking, None
        try:
            steps, problems = looked.result()
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on as it is
            steps, problems = [], [f"nothing is promoted or demoted today: {why(error)}"]
        for problem in problems:
            self._tell("warning", problem)
        for step in steps:
            self._take(step)
        self.run.telling.flush()

    def end(self) -> None:
        """Take no step that is not on record by now."""
        self._over = True
        self.turn()

    def _take(self, step: Taken) -> None:
        """Change an agent's mode from the next bar on, as a person does who overrides it."""
        details = {"agent": step.agent, "mode": step.after, "from": step.before}
        action = Action("override", step.who, needed("override", details), step.why, details)
        try:
            said = acting.do(self.run, action)
        except DarwinError as error:  # a person was quicker
            self._tell("warning", f"to {step.action} {step.agent} is on record, and was not done: {error}")
            return
        self.run.telling.note(as_entry(action, Answer("done", said)))
        level: Level = "info" if step.action == "promote" else "warning"
        self._tell(level, f"{step.agent}: {step.before} -> {step.after}: {step.why}", step.agent)

    def _tell(self, level: Level, text: str, about: str = "") -> None:
        self.run.telling.tell(Alert(level, _NAME, text, about))
