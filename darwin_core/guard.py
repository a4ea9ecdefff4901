"""The guard around each agent: whatever goes wrong, the stage yields its baseline and the event is recorded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from darwin_core.clock import stopwatch
from darwin_core.evaluate import stamp
from darwin_core.plugins import why

if TYPE_CHECKING:
    from darwin_core.assembly import AgentPart
    from darwin_core.types import Floats, Observation


_FLOAT64 = np.dtype(np.float64)
_MOST_WORDS = 2_000


@frozen
class Incident:
    """A kind of fault of one agent: how often, and the first time in words."""

    agent: str
    kind: str
    count: int
    first: str


@define(eq=False)
class Incidents:
    """All faults of a run, counted by agent and kind."""

    _counts: dict[tuple[str, str], int] = field(factory=dict, init=False)
    _first: dict[tuple[str, str], str] = field(factory=dict, init=False)

    def add(self, agent: str, kind: str, what: str, count: int = 1) -> None:
        """Count a fault; keep the words of the first of its kind."""
        key = (agent, kind)
        self._counts[key] = self._counts.get(key, 0) + count
        self._first.setdefault(key, what)

    def all(self) -> tuple[Incident, ...]:
        """Return the faults in the order of agents and kinds."""
        return tuple(Incident(*key, self._counts[key], self._first[key]) for key in sorted(self._counts))


@define(eq=False)
class Guard:
    """Asks one agent, and never raises on its account.

    A missed deadline is counted and changes nothing here: a backtest's decisions must not depend on how fast
    the machine was. Live keeps the deadline.
    """

    part: AgentPart
    incidents: Incidents
    batch: bool
    said: str = field(default="", init=False)
    """The last fault, in words."""
    _deadline: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Look the deadline up, in seconds."""
        self._deadline = self.part.trust.deadline_ms / 1000

    def decide(self, observation: Observation) -> Floats | None:
        """Return the agent's actions (N,), or None when the baseline has to stand in for all rows."""
        started = stopwatch()
        try:
            actions = self.part.agent.decide(observation)
            if type(actions) is not np.ndarray or actions.dtype is not _FLOAT64:
                actions = np.asarray(actions, dtype=np.float64)
        except Exception as error:  # noqa: BLE001 - a plugin's fault never becomes a trade nor stops the bar
            self._add("exception", observation, why(error))
            return None
        took = stopwatch() - started
        if actions.ndim != 1 or len(actions) != len(observation.symbol):
            self._add("shape", observation, f"{actions.shape} for {len(observation)} rows")
            return None
        if took > self._deadline and not self.batch:
            self.incidents.add(self.part.name, "deadline", f"slower than {self.part.trust.deadline_ms:g} ms")
        return actions

    def explain(self, observation: Observation) -> list[tuple[float | None, str]] | None:
        """Return the agent's confidence and words on each row that it was asked about; None when it fails.

        It has decided by then: that it cannot say why is recorded, and changes nothing.
        """
        try:
            said = [_remark(*each) for each in self.part.agent.explain(observation)]  # type: ignore[attr-defined]
            if len(said) != len(observation):
                raise ValueError(f"{len(said)} explanations for {len(observation)} rows")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - as above
            self.incidents.add(self.part.name, "explain", f"{why(error)} at {stamp(observation.time[0])}")
            return None
        return said

    def _add(self, kind: str, observation: Observation, what: str) -> None:
        self.said = f"{what} at {stamp(observation.time[0])}"
        self.incidents.add(self.part.name, kind, self.said)


def _remark(confidence: float, words: str) -> tuple[float | None, str]:
    """Return a confidence, None for NaN, and words that can be written down anywhere; raise for anything else."""
    sure = float(confidence)
    if not (math.isnan(sure) or 0.0 <= sure <= 1.0):
        raise ValueError(f"a confidence of {sure}: it is from 0 to 1, or NaN")
    plain = words.encode(errors="replace").decode()  # half a character has no place in a table
    return None if math.isnan(sure) else sure, plain if len(plain) <= _MOST_WORDS else plain[: _MOST_WORDS - 3] + "..."
