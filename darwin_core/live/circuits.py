"""The circuit breakers of a session's agents: who may be asked at this bar, and what came of asking.

They are closed when a process begins. A bar that was decided while one was open says so (`Given.silent`), so a replay
needs no breakers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field

from darwin_core.graduation.breaker import Breaker, Call, Terms
from darwin_core.graduation.overrides import Overrides

if TYPE_CHECKING:
    from darwin_core.assembly import AgentPart, Line
    from darwin_core.config import CircuitTable
    from darwin_core.live.stepping import Step

_SECOND = 1_000_000_000


@define
class _Circuit:
    part: AgentPart
    stage: int
    breaker: Breaker
    departures: Overrides


@define(eq=False)
class Circuits:
    """All breakers of a line.

    Parameters
    ----------
    line
        The deployment.
    table
        When they open; a deployment's ``[circuit]``.
    """

    line: Line
    table: CircuitTable
    _all: dict[str, _Circuit] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Close them all."""
        self._all = {
            part.name: _Circuit(part, stage, Breaker(self._terms(part)), Overrides(1.0, part.trust.override_window))
            for stage, part in enumerate(self.line.agents, 1)
        }

    def _terms(self, part: AgentPart) -> Terms:
        table = self.table
        # An agent without a limit of its own is made to depart from its baseline: a sizing rule does nothing else.
        rate = table.override_rate if part.most_overrides < 1.0 else 1.0
        return Terms(
            table.failures, table.window, table.latency_ms, table.slow_calls, rate, int(table.cooldown_s * _SECOND)
        )

    def silent(self, time: int) -> set[str]:
        """Return the agents that are not to be asked at a bar."""
        found = set()
        for name, circuit in self._all.items():
            asks, circuit.breaker = circuit.breaker.ask(time)
            if not asks:
                found.add(name)
        return found

    def note(self, step: Step, silenced: set[str]) -> list[str]:
        """Take in what came of a bar at which `silenced` were not asked; return what changed, in words."""
        said = []
        for name, circuit in self._all.items():
            took = step.took.get(f"agent {name}")
            rows = step.decisions[step.decisions["stage"] == circuit.stage]
            if name in silenced or (took is None and not len(rows)):
                continue
            for departs in (rows["value"] != step.standing[circuit.stage - 1, rows["symbol"]]).tolist():
                circuit.departures = circuit.departures.after(departs)
            rate = circuit.departures.wanted_rate
            before = circuit.breaker
            call = Call(step.bar, name in step.given.silent, (took or 0.0) * 1e3, rate)
            circuit.breaker = before.after(call)
            if before.position == "closed" and circuit.breaker.position == "open":
                circuit.departures = circuit.departures.anew()
                said.append(f"{name}: its circuit is open: {circuit.breaker.why}; its baseline stands in")
            elif before.position == "probing" and circuit.breaker.position == "closed":
                said.append(f"{name}: its circuit is closed again")
        return said

    def reset(self, name: str) -> None:
        """Close one, because somebody asks for it."""
        circuit = self._all[name]
        circuit.breaker = evolve(circuit.breaker.close(), why="")

    def state(self, name: str) -> str:
        """Return closed, half-open or open."""
        position = self._all[name].breaker.position
        return "half-open" if position == "probing" else position
