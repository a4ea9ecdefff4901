"""What an agent-to-be would have seen: a recorded run, walked through once more with a probe in the agent's place.

The run's own deployment is run again over the same data, checked by its fingerprint, through the same compiled loop
that serves an agent, and its candidates and their outcomes are compared with those that the run has stored. So the
rows are those of service to the bit, account columns included, and no other file is needed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from attrs import define, evolve, field, frozen

from darwin_core import config, engine, tables
from darwin_core.assembly import AgentPart, assemble, libraries_of, required, resolve
from darwin_core.config import Trust
from darwin_core.errors import ConfigError, RunError
from darwin_core.lockstep import AGENT_PREFIX
from darwin_core.options import plain
from darwin_core.outcomes import Outcomes
from darwin_core.plugins import Owner, Plugins
from darwin_core.source import Source
from darwin_core.store import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from darwin_core.assembly import Line
    from darwin_core.config import Settings
    from darwin_core.store import Run
    from darwin_core.types import Floats, Ints, Observation, When

_NAME = "training"
_MADE_OTHERWISE = (
    "run {} was made with other {} than its deployment.toml says, by --set: write them into the file and run "
    "`darwin backtest` again"
)


@define(eq=False)
class Probe:
    """An agent that writes down what it is shown and changes nothing."""

    requires: tuple[str, ...]
    when: When = "candidate"
    time: list[Ints] = field(factory=list, init=False)
    symbol: list[Ints] = field(factory=list, init=False)
    values: list[Floats] = field(factory=list, init=False)

    effect: ClassVar[Literal["scale"]] = "scale"
    baseline: ClassVar[float] = 1.0

    def decide(self, observation: Observation) -> Floats:
        """Keep the rows; return 1 for each."""
        n = len(observation)
        self.time.append(np.broadcast_to(observation.time, (n,)).copy())
        self.symbol.append(observation.symbol.copy())
        self.values.append(observation.values.copy())
        return np.ones(n)


@frozen(eq=False)
class Seen:
    """Rows that an agent would have been asked about: (M,) times and symbols, (M, F) values; and the run's own line."""

    time: Ints
    symbol: Ints
    values: Floats
    origins: dict[str, str]
    line: Line = field(repr=False)


def look_again(
    run: Run, deployment: Path, columns: Sequence[str], name: str, tell: Callable[[int, int], None] | None = None,
    when: When = "candidate",
) -> Seen:  # fmt: skip
    """Return what an agent `name` that requires `columns` would have been shown in a stored run.

    Agents that acted in the run act again. Those that only observed are left out, unless a column is about what an
    earlier agent has decided; the agent itself is always left out.

    Parameters
    ----------
    run
        A stored backtest.
    deployment
        The deployment file that it was made with: the run's own copy is read, and its file names begin there.

    Raises
    ------
    RunError
        The data is not what it was, or the run cannot be repeated.
    """
    line = _line(run, deployment, name, columns)
    found = line.feed.fingerprint()
    if found != run.info["data"]:
        raise RunError(
            f"run {run.id} was made on other data: its fingerprint is {run.info['data'][:16]}, "
            f"that of the feed in {deployment} is {found[:16]}; run `darwin backtest` again"
        )
    probe = Probe(tuple(columns), when)
    line = _with_probe(line, probe, name)
    outcomes = Outcomes()
    result = engine.run(line, audit=False, watchers=(outcomes,), tell=tell)
    rows = outcomes.all()
    _compare(run, tables.candidates(result, rows, np.zeros(len(rows), np.bool_)))
    origins = {named.name: str(named.owner) for named in line.columns if named.name in columns}
    width = len(probe.requires)
    return Seen(
        np.concatenate([np.empty(0, np.int64), *probe.time]),
        np.concatenate([np.empty(0, np.int64), *probe.symbol]),
        np.concatenate([np.empty((0, width)), *probe.values]),
        origins,
        line,
    )


def _line(run: Run, deployment: Path, name: str, columns: Sequence[str]) -> Line:
    place = run.folder / "deployment.toml"
    try:
        text = place.read_text(encoding="utf-8")
    except OSError as error:
        raise RunError(f"{place} cannot be read: {error.strerror or error}") from None
    try:
        return _quiet_line(run, Source.parse(text, deployment), name, columns)
    except ConfigError as error:
        if text == deployment.read_text(encoding="utf-8"):
            raise
        copy = f"in the copy of it that run {run.id} was made from, {place}"
        raise RunError(f"{error}; that stands {copy}: run `darwin backtest` again") from None


def _quiet_line(run: Run, source: Source, name: str, columns: Sequence[str]) -> Line:
    settings = config.settings(source, run.info.get("changes", {}))
    _refuse_other_settings(run, settings)
    told = any(each.startswith(AGENT_PREFIX) for each in columns)
    acts = any(trust.mode != "observe" and trust.name != name for trust in _working(settings))
    quiet = {name} if told or acts else {table.trust.name for table in settings.agents}
    agents = [evolve(each, trust=_trust(each.trust, name, quiet)) for each in settings.agents]
    line = assemble(evolve(settings, agents=tuple(agents), reporters=(), broker=None))
    return evolve(line, agents=_needed(line.agents, columns))


def _trust(trust: Trust, name: str, quiet: set[str]) -> Trust:
    """Leave out who is quiet; nobody falls back on the agent that is trained."""
    if trust.name in quiet:
        return evolve(trust, mode="off")
    return evolve(trust, fallback="") if trust.fallback == name else trust


def _needed(parts: Sequence[AgentPart], columns: Sequence[str]) -> tuple[AgentPart, ...]:
    """Return the agents that act, and those of whose decisions somebody is told."""
    wanted = {part.name for part in parts if part.trust.mode != "observe"}
    wanted |= {each.removeprefix(AGENT_PREFIX) for each in columns if each.startswith(AGENT_PREFIX)}
    for part in reversed(parts):  # whoever is told stands behind
        if part.name in wanted:
            wanted |= {c.removeprefix(AGENT_PREFIX) for c in part.agent.requires if c.startswith(AGENT_PREFIX)}
            wanted.add(part.fallback)
    return tuple(part for part in parts if part.name in wanted)


def _refuse_other_settings(run: Run, settings: Settings) -> None:
    """Refuse a run that was made with other settings than its deployment says: its account was another one."""
    place = run.folder / "config.json"
    try:
        made = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{place} cannot be read: {error}") from None
    for name in ("deployment", "exits", "execution", "safety"):
        now = json.loads(to_json(plain(getattr(settings, name))))
        if made.get(name) != now:
            raise RunError(_MADE_OTHERWISE.format(run.id, f"[{name}]"))
    trust = [(each["name"], each["mode"], each.get("share")) for each in run.info["agents"]]
    if trust != [(a.name, a.mode, a.share if a.mode == "canary" else None) for a in _working(settings)]:
        raise RunError(_MADE_OTHERWISE.format(run.id, "[[agents]]"))


def _working(settings: Settings) -> list[Trust]:
    return [table.trust for table in settings.agents if table.trust.mode != "off"]


def _with_probe(line: Line, probe: Probe, name: str) -> Line:
    """Put the probe where the agent stands in the deployment, or behind all others."""
    part = AgentPart(probe, Owner("agent", _NAME, "darwin-core"), Trust(_NAME, "observe"))
    place = _place(line, name)
    agents = (*line.agents[:place], part, *line.agents[place:])
    libraries = libraries_of(Plugins(line.settings.source.path.parent), line.settings)
    known = {named.name: named for named in line.columns}
    wanted = required(line.strategy, agents, line.monitors)
    columns = tuple(known.get(each) or resolve(libraries, each, owner) for each, owner in wanted.items())
    return evolve(line, agents=agents, columns=columns)


def _place(line: Line, name: str) -> int:
    """Return how many of the line's agents stand before the agent in the deployment."""
    names = [table.trust.name for table in line.settings.agents]
    before = names[: names.index(name)] if name in names else names
    return sum(part.name in before for part in line.agents)


def _compare(run: Run, again: pa.Table) -> None:
    """Refuse a run whose candidates did not come out as they were stored; whether they were taken is not compared."""
    stored = run.table("candidates")
    for column in ("time", "symbol", "side", "weight", "exit_time", "r_multiple"):
        if not _same(stored[column], again[column]):
            raise RunError(
                f"run {run.id} cannot be repeated from its deployment: its candidates' {column} came out otherwise. It "
                "was made with --set, or by other versions of its plugins: run `darwin backtest` again"
            )


def _same(one: Any, other: Any) -> bool:
    first, second = (_plain(each) for each in (one, other))
    return len(first) == len(second) and bool(np.array_equal(first, second, equal_nan=first.dtype.kind == "f"))


def _plain(column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64()).fill_null(-1)
    return column.to_numpy(zero_copy_only=False)
