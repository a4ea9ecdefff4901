"""What agents are asked, and the answers that can be had for a whole block at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from attrs import define, field

from darwin_core.blocks import starts
from darwin_core.guard import Guard, Incidents
from darwin_core.lockstep import (
    AGENT_DTYPE,
    AGENT_PREFIX,
    BITS,
    EFFECTS,
    GIVEN,
    IN_VAIN,
    LIVE_COLUMNS,
    WHENS,
    address_of,
)
from darwin_core.types import Observation, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.assembly import AgentPart
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.types import Bools, Floats, Ints

Tier = Literal["auto", "block", "compiled", "python"]


@define(eq=False)
class Questions:
    """A block's agent arrays, in the form of `lockstep`'s arguments."""

    asks: Bools
    actions_given: Floats
    given: Ints
    market: Floats


@define(eq=False)
class Panel:
    """The agents of a run and everything about them that does not change from block to block."""

    parts: tuple[AgentPart, ...]
    symbols: tuple[str, ...]
    tier: Tier = "auto"
    incidents: Incidents = field(factory=Incidents)
    columns: tuple[str, ...] = field(init=False)
    guards: tuple[Guard, ...] = field(init=False)
    sources: Ints = field(init=False)
    agents: NDArray[np.void] = field(init=False)
    applied: Bools = field(init=False)
    held: Floats = field(init=False)
    faults: Ints = field(init=False)
    windows: Ints = field(init=False)
    forced: frozenset[int] = field(default=frozenset(), init=False)
    """Agents that are not asked: their baseline stands in."""

    def __attrs_post_init__(self) -> None:
        """Lay the agents' properties out as arrays."""
        agents = [part.agent for part in self.parts]
        n = len(agents)
        self.columns = tuple(dict.fromkeys(c for a in agents for c in a.requires if not inside(c)))
        self.applied = np.array([p.acts_on(self.symbols) for p in self.parts], np.bool_).reshape(n, len(self.symbols))
        self.guards = tuple(Guard(part, self.incidents, batch=self.batched(j)) for j, part in enumerate(self.parts))
        self.sources = np.zeros((n, max([1, *(len(a.requires) for a in agents)])), np.int64)
        self.agents = np.zeros(n, AGENT_DTYPE)
        for j, agent in enumerate(agents):
            self.sources[j, : len(agent.requires)] = [self._source(name) for name in agent.requires]
            self._lay_out(j)
        self.held = np.full((n, len(self.symbols)), np.nan)
        self.faults = np.zeros(n, np.int64)
        self.windows = np.zeros((n, BITS + int(self.agents["window"].max(initial=1))), np.int64)

    def _lay_out(self, j: int) -> None:
        """Write down the properties of agent `j`."""
        part, mine = self.parts[j], self.agents[j]
        agent = part.agent
        mine["width"], mine["effect"] = len(agent.requires), EFFECTS[agent.effect]
        mine["when"] = WHENS.get(agent.when, WHENS["time"])
        mine["baseline"], mine["compiled"] = agent.baseline, self._address(j)
        names = [each.name for each in self.parts]
        mine["stand_in"] = names.index(part.fallback) if part.fallback else -1
        mine["window"] = part.trust.override_window if part.most_overrides < 1.0 else 0
        # A limit such as 0.29 of 100 is a hair below 29 in binary.
        mine["most"] = int(part.most_overrides * mine["window"] + 1e-9)

    def standing(self) -> Floats:
        """Return what stands in now for each agent and symbol, (A, S): its baseline, or an earlier agent's word."""
        words = np.where(np.isnan(self.held), self.agents["baseline"][:, None], self.held)
        own = np.broadcast_to(self.agents["baseline"][:, None], words.shape)
        by = self.agents["stand_in"]
        return np.where(by[:, None] >= 0, words[by], own)

    def _source(self, name: str) -> int:
        if name.startswith(AGENT_PREFIX):
            earlier = [part.name for part in self.parts].index(name.removeprefix(AGENT_PREFIX))
            return -1 - len(LIVE_COLUMNS) - earlier
        return -1 - LIVE_COLUMNS.index(name) if name in LIVE_COLUMNS else self.columns.index(name)

    def _address(self, j: int) -> int:
        """Return the address of agent `j`'s function, if it runs inside the compiled loop, or 0."""
        agent = self.parts[j].agent
        wanted = self.tier == "compiled" or (self.tier == "auto" and not self.batched(j))
        return address_of(agent.compiled) if wanted and hasattr(agent, "compiled") else 0

    def _given(self, j: int) -> int:
        if j in self.forced:
            return IN_VAIN
        return GIVEN if self.batched(j) else 0

    def batched(self, j: int) -> bool:
        """Whether agent `j` can be asked about a whole block at once: nothing it sees depends on the account."""
        if self.tier not in ("auto", "block"):
            return False
        names = self.parts[j].agent.requires
        acting = bool(self.applied[:j].any())
        told = ("account.", AGENT_PREFIX)
        return not any(n.startswith(told) or (n.startswith("proposal.") and acting) for n in names)

    def questions(self, part: Part, formed: Formed, before: int | None) -> Questions:
        """Find the rows on which each agent decides, and ask those that can be asked at once."""
        n, shape = len(self.parts), formed.candidate.shape
        market = np.empty((*shape, len(self.columns)))
        for f, name in enumerate(self.columns):
            market[:, :, f] = part.features[name]
        asks = np.empty((n, *shape), np.bool_)
        given = np.array([self._given(j) for j in range(n)], np.int64)
        actions = np.zeros((n, *shape) if given.any() else (0, 0, 0))
        for j in range(n):
            asks[j] = self._rows(j, part, formed, before, market)
            if given[j] == GIVEN and not self._ask_at_once(j, part, formed, market, asks[j], actions[j]):
                given[j] = IN_VAIN
        return Questions(asks, actions, given, read_only(market))

    def _rows(self, j: int, part: Part, formed: Formed, before: int | None, market: Floats) -> Bools:
        """Return the rows of agent `j`, (n, S): its moments, where there is a bar and nothing is missing."""
        agent = self.parts[j].agent
        if agent.when == "candidate":
            rows = formed.candidate.copy()
        else:
            rows = ~np.isnan(part.bars.close)
            if agent.when != "bar":
                rows &= starts(part.bars.time, agent.when, part.bars.timezone, before)[:, None]
        for name in agent.requires:
            if not inside(name):
                rows &= np.isfinite(market[:, :, self.columns.index(name)])
        return rows

    def _ask_at_once(self, j: int, part: Part, formed: Formed, market: Floats, asks: Bools, actions: Floats) -> bool:
        """Ask agent `j` about all its rows of a block; False when its baseline has to stand in."""
        observation = self.rows_of(j, part, formed, market, asks)
        answer = self.guards[j].decide(observation) if len(observation) else np.empty(0)
        actions[asks] = np.nan if answer is None else answer
        return answer is not None

    def rows_of(self, j: int, part: Part, formed: Formed, market: Floats, asks: Bools) -> Observation:
        """Return all rows of a block on which agent `j` is asked, in the order of bars and symbols."""
        rows, symbols = np.nonzero(asks)
        names = tuple(self.parts[j].agent.requires)
        values = np.empty((len(rows), len(names)))
        for f, name in enumerate(names):
            if name in LIVE_COLUMNS:
                values[:, f] = _proposed(name.split(".")[1], formed, rows, symbols)
            else:
                values[:, f] = market[rows, symbols, self.columns.index(name)]
        return Observation(names, read_only(values), part.bars.time[rows], symbols, self.symbols)


def inside(name: str) -> bool:
    """Return whether a column of an observation comes from the walk itself, and not from a feature library."""
    return name in LIVE_COLUMNS or name.startswith(AGENT_PREFIX)


def _proposed(what: str, formed: Formed, rows: Ints, symbols: Ints) -> Floats:
    """Return a ``strategy.*`` column at the given cells, the same values as the compiled loop has."""
    if what == "confidence":
        whole = formed.confidence.size > 1
        return formed.confidence[rows, symbols] if whole else np.full(len(rows), formed.confidence[0, 0])
    signed = formed.signed[rows, symbols]
    return np.sign(signed) if what == "side" else np.abs(signed)
