"""The floor under a bar: plugins are called with a deadline, and what they fail to do is noted and done without."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from attrs import define, field, frozen

from darwin_core.clock import stopwatch
from darwin_core.errors import DarwinError, PluginError
from darwin_core.live.calls import Calls, Hung
from darwin_core.plugins import why
from darwin_core.remarks import EXPLAIN
from darwin_core.types import Observation, read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from darwin_core.assembly import AgentPart
    from darwin_core.guard import Guard
    from darwin_core.types import Floats

T = TypeVar("T")


@frozen
class Fault:
    """A component that did not do its part: who, and what was wrong."""

    who: str
    what: str


@define(eq=False)
class Floor:
    """What a bar stands on while it is decided.

    Parameters
    ----------
    calls
        The threads in which plugins are called; None calls them here, without deadlines.
    patience
        Seconds that a feature, the strategy or a monitor may take.
    again
        The bar was decided on before: nothing is missing but what was missing then, and any other fault is raised.
    took
        Seconds by stage.
    silent, spoiled
        See `darwin_core.live.stepping.Given`.
    faults
        What went wrong.
    """

    calls: Calls | None
    patience: float
    again: bool = field(default=False, init=False)
    took: dict[str, float] = field(factory=dict, init=False)
    silent: set[str] = field(factory=set, init=False)
    spoiled: set[tuple[str, int]] = field(factory=set, init=False)
    faults: list[Fault] = field(factory=list, init=False)

    def begin(self, silent: Iterable[str], spoiled: Iterable[tuple[str, int]], *, again: bool) -> None:
        """Begin a bar with what is known to be missing."""
        self.again, self.took, self.faults = again, {}, []
        self.silent, self.spoiled = set(silent), set(spoiled)

    def fault(self, who: str, what: str) -> None:
        """Note that a component did not do its part."""
        self.faults.append(Fault(who, what))

    def run(self, who: str, job: Callable[[], T]) -> T | None:
        """Return what a job returns, or None when it fails or hangs; on a bar that comes again, raise."""
        started = stopwatch()
        try:
            return job() if self.calls is None or self.again else self.calls.run(who, job, self.patience)
        except Exception as error:
            if self.again:
                raise
            self.fault(who, str(error) if isinstance(error, DarwinError | Hung) else why(error))
            return None
        finally:
            self.took[who] = stopwatch() - started


@define(eq=False)
class Asked:
    """An agent's guard that keeps the deadline, and remembers for what the baseline had to stand in."""

    inner: Guard
    floor: Floor

    @property
    def part(self) -> AgentPart:
        """The agent."""
        return self.inner.part

    def decide(self, observation: Observation) -> Floats | None:
        """Return the agent's actions, or None; never later than its deadline."""
        part = self.inner.part
        # The loop's own buffers are valid during the call only, and a late answer may come after it.
        seen = Observation(
            observation.names, read_only(observation.values.copy()), read_only(observation.time.copy()),
            read_only(observation.symbol.copy()), observation.symbols,
        )  # fmt: skip
        if self.floor.calls is None or self.floor.again:
            return self._again(seen)
        started = stopwatch()
        try:
            answer = self.floor.calls.run(
                f"agent {part.name}", lambda: self.inner.decide(seen), part.trust.deadline_ms / 1000
            )
            if answer is None:
                self.floor.fault(f"agent {part.name}", self.inner.said)
        except Hung as error:
            answer = None
            self.floor.fault(f"agent {part.name}", str(error))
        self.floor.took[f"agent {part.name}"] = stopwatch() - started
        if answer is None:
            self.floor.silent.add(part.name)
        else:
            self._note(seen, answer)
        return answer

    def explain(self, seen: Observation) -> list[tuple[float | None, str]] | None:
        """Return the agent's confidence and words, or None; never later than its deadline, and never a second time.

        In a thread of its own: one that hangs is no reason not to ask the agent at the next bar.
        """
        part, what = self.inner.part, "it failed"
        if self.floor.calls is None or self.floor.again:
            return None
        try:
            said = self.floor.calls.run(
                f"words of {part.name}", lambda: self.inner.explain(seen), part.trust.deadline_ms / 1000
            )
        except Hung as error:
            said, what = None, str(error)
        if said is None and part.name not in self.floor.silent:  # else it is known what is wrong with it
            self.floor.fault(f"agent {part.name}", EXPLAIN + what)
        return said

    def _note(self, seen: Observation, answer: Floats) -> None:
        """Remember the rows for which the answer is no action: in another process it may be one."""
        bad = ~np.isfinite(answer)
        if self.inner.part.agent.effect != "target":
            bad |= answer < 0.0
        if bad.any():
            name = self.inner.part.name
            self.floor.fault(f"agent {name}", "an action that is not finite or out of range")
            self.floor.spoiled |= {(name, s) for s in seen.symbol[bad].tolist()}

    def _again(self, seen: Observation) -> Floats | None:
        """Return the actions for a bar that was decided on before: without a deadline, spoiled where they were."""
        name = self.inner.part.name
        answer = self.inner.decide(seen)
        if answer is None and self.floor.again:
            raise PluginError(f"agent {name} fails on a bar on which it has decided before: {self.inner.said}")
        spoiled = {s for who, s in self.floor.spoiled if who == name}
        if answer is None or not spoiled:
            return answer
        return np.where([s in spoiled for s in seen.symbol.tolist()], np.nan, answer)
