"""The account of a session with and without each agent, of the decisions that its agents have made in it.

Both are the ledger's over the session's tape, so what the venue did to the fills is in neither. An agent that sees the
account might have decided otherwise on the other one; what it would have said there nobody knows, and nobody is asked:
a policy may have been replaced since, and a language model costs money and knows the future by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from darwin_core.errors import DarwinError
from darwin_core.lockstep import LIMITED
from darwin_core.standing import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_core.assembly import AgentPart, Line
    from darwin_core.state.rows import Row
    from darwin_core.state.told import Told
    from darwin_core.types import Effect, Floats, Ints, Observation, When


@frozen(eq=False)
class _Recalled:
    """An agent that says what it said in the session: no model is loaded for it, and nobody is asked.

    Parameters
    ----------
    agent
        The one that it stands for.
    time
        (T,) of the session's bars.
    said
        (T, S) its actions.
    """

    agent: Any
    time: Ints
    said: Floats

    @property
    def when(self) -> When:
        when: When = self.agent.when
        return when

    @property
    def effect(self) -> Effect:
        effect: Effect = self.agent.effect
        return effect

    @property
    def requires(self) -> tuple[str, ...]:
        """The same columns: it is asked on the rows on which they are known."""
        return tuple(self.agent.requires)

    @property
    def baseline(self) -> float:
        return float(self.agent.baseline)

    @property
    def max_overrides(self) -> float:
        return float(getattr(self.agent, "max_overrides", 1.0))

    @property
    def fallback(self) -> str:
        return str(getattr(self.agent, "fallback", ""))

    def decide(self, observation: Observation) -> Floats:
        """Return what was said, (N,)."""
        bars = np.searchsorted(self.time, np.broadcast_to(observation.time, len(observation.symbol)))
        said: Floats = self.said[bars, observation.symbol]
        return said


def recalled(told: Told, number: int, part: AgentPart) -> AgentPart:
    """Return an agent that repeats its decisions; at bars the log has changes only, so they are carried forward."""
    mine = told.rows_of(number)
    log, at = told.log[mine], told.at[mine]
    said = np.full((len(told.time), len(told.line.feed.symbols)), np.nan)
    said[at, log["symbol"]] = log["value"]
    stands = said.copy()
    limited = log["flags"] & LIMITED != 0
    # What stood in for what was not applied:
    stands[at[limited], log["symbol"][limited]] = standing(told.line.agents, number, told.log)[limited]
    latest = np.maximum.accumulate(np.where(np.isnan(stands), -1, np.arange(len(stands))[:, None]), axis=0)
    carried = np.where(latest < 0, np.nan, np.take_along_axis(stands, np.maximum(latest, 0), axis=0))
    whole = np.where(np.isnan(said), carried, said)
    answers = np.where(np.isnan(whole), float(part.agent.baseline), whole)
    return evolve(part, agent=_Recalled(part.agent, told.time, answers))


def account_days(told: Told) -> Iterator[Row]:
    """Yield the account with and without each agent at every day's last bar."""
    from darwin_core.live.reference import ArrayRun

    agents = tuple(recalled(told, number, part) for number, part in enumerate(told.line.agents))
    if not agents:
        return
    line, stop = evolve(told.line, agents=agents), told.first + len(told.time)

    def equity(one: Line) -> Floats:
        run = ArrayRun(one, told.first, stop)
        run.run()
        return run.curve[:, 0]

    last = [n for n, day in enumerate(told.day) if told.day[n + 1 : n + 2] != [day]]
    try:
        own = equity(line)
        for part in agents:
            acts = part.trust.mode in ("canary", "active")
            other = equity(line.with_mode(part.name, "observe" if acts else "active"))
            with_agent, without = (own, other) if acts else (other, own)
            for n in last:
                yield (
                    told.id, part.name, told.version(part, n), told.day[n], int(told.time[n]),
                    float(with_agent[n]), float(without[n]),
                )  # fmt: skip
    except DarwinError:
        if not any(each.held for each in told.given):
            raise
