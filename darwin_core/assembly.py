"""From settings to the line: every component made by its plugin, every column resolved, nothing run yet."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from darwin_core import ledger
from darwin_core.errors import ConfigError, PluginError, did_you_mean
from darwin_core.live.orders import Deployed
from darwin_core.lockstep import AGENT_PREFIX, EFFECTS, LIVE_COLUMNS
from darwin_core.plugins import Owner, Plugins, why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from darwin_core.config import AgentTable, Settings, Trust, Use
    from darwin_core.protocols import Agent, Broker, Column, Features, Feed, Monitor, Reporter, Strategy
    from darwin_core.types import Bools, Limits, Mode

_EXPRESSION = re.compile(r"^([a-z][a-z0-9_]*)\(([^()]*)\)$|^([a-z][a-z0-9_]*)$")
WHENS = ("candidate", "bar", "hour", "day", "week", "month", "quarter", "year")


@frozen(eq=False)
class NamedColumn:
    """A feature column with the expression that names it."""

    name: str
    column: Column
    owner: Owner


@frozen(eq=False)
class StrategyPart:
    """The strategy and who made it."""

    strategy: Strategy
    owner: Owner


@frozen(eq=False)
class MonitorPart:
    """A safety monitor and who made it."""

    monitor: Monitor
    owner: Owner


@frozen
class Arm:
    """One arm of an experiment: its number, from 0, of so many."""

    experiment: str
    number: int
    of: int

    def has(self, symbols: Sequence[str]) -> Bools:
        """Return which symbols are its own, (S,); a symbol stays where it is, whatever others there are."""
        draw = f"experiment {self.experiment}"  # no agent is named like that: a canary's share is another draw
        return np.array([int(_share(draw, symbol) * self.of) == self.number for symbol in symbols], np.bool_)

    def facts(self, symbols: Sequence[str]) -> dict[str, Any]:
        """Return what a run says of it, JSON-able."""
        own = [symbol for symbol, has in zip(symbols, self.has(symbols).tolist(), strict=True) if has]
        return {"name": self.experiment, "arm": self.number, "of": self.of, "symbols": own}


@frozen(eq=False)
class AgentPart:
    """An agent, who made it, what the core allows it, and of which experiment it is an arm."""

    agent: Agent
    owner: Owner
    trust: Trust
    arm: Arm | None = None

    @property
    def name(self) -> str:
        """The agent's name in the deployment."""
        return self.trust.name

    @property
    def most_overrides(self) -> float:
        """Which share of its decisions may depart from its baseline: the deployment's word, or the agent's own."""
        if self.trust.max_overrides is not None:
            return self.trust.max_overrides
        return float(getattr(self.agent, "max_overrides", 1.0))

    @property
    def fallback(self) -> str:
        """The earlier agent whose decision is its baseline: the deployment's word, or the agent's own; "" is none."""
        return self.trust.fallback or str(getattr(self.agent, "fallback", ""))

    def acts_on(self, symbols: Sequence[str]) -> Bools:
        """Return on which symbols its decisions are applied, (S,)."""
        own = np.ones(len(symbols), np.bool_) if self.arm is None else self.arm.has(symbols)
        if self.trust.mode != "canary":
            return own & (self.trust.mode == "active")
        return own & np.array([_share(self.name, symbol) < self.trust.share for symbol in symbols], np.bool_)


def _share(name: str, symbol: str) -> float:
    """Map (agent, symbol) to [0, 1), the same on every machine and in every run."""
    digest = hashlib.sha256(f"{name}\0{symbol}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


@frozen(eq=False)
class Line:
    """A deployment with all its components, in the order in which they work."""

    settings: Settings
    feed: Feed
    columns: tuple[NamedColumn, ...]
    strategy: StrategyPart
    agents: tuple[AgentPart, ...]
    monitors: tuple[MonitorPart, ...]
    limits: Limits
    reporters: tuple[tuple[Reporter, Owner], ...] = ()

    def with_mode(self, name: str, mode: Mode) -> Line:
        """Return the same line with one agent in another mode, for counterfactuals."""
        agents = [evolve(a, trust=evolve(a.trust, mode=mode)) if a.name == name else a for a in self.agents]
        return evolve(self, agents=tuple(agents))


def assemble(settings: Settings, plugins: Plugins | None = None) -> Line:
    """Make every component that the deployment names; raise ConfigError or PluginError at the first fault.

    `plugins` are those that were loaded already, for who makes many lines.
    """
    plugins = plugins or Plugins(settings.source.path.parent)
    feed, _ = _make(plugins, "feed", settings.feed, ("feed",), settings)
    libraries = libraries_of(plugins, settings)
    strategy, owner = _make(plugins, "strategy", settings.strategy, ("strategy",), settings)
    agents = tuple(
        _agent(plugins, table, number, settings)
        for number, table in enumerate(settings.agents)
        if table.trust.mode != "off"
    )
    _refuse_fallbacks(agents, settings)
    _refuse_unlike_arms(agents, settings)
    monitors = tuple(
        MonitorPart(*_make(plugins, "monitor", use, ("monitors", i), settings))
        for i, use in enumerate(settings.monitors)
    )
    strategy_part = StrategyPart(strategy, owner)
    columns = _columns(libraries, required(strategy_part, agents, monitors))
    reporters = tuple(
        _make(plugins, "reporter", use, ("reporters", i), settings) for i, use in enumerate(settings.reporters)
    )
    limits = limits_of(settings, monitors)
    line = Line(settings, feed, columns, strategy_part, agents, monitors, limits, reporters)
    if settings.broker is not None:
        broker_of(line, Path(), lambda: 0, plugins)  # it reaches nothing yet; its options are checked
    return line


def broker_of(line: Line, folder: Path, now: Callable[[], int], plugins: Plugins | None = None) -> Broker:
    """Make the broker of a line, which keeps what it must remember in `folder`; see `Deployed`."""
    settings, feed = line.settings, line.feed
    if settings.broker is None:
        raise ConfigError(f"{settings.source.path}: the table [broker] is missing")
    has_range = {"open", "high", "low"} <= set(feed.fields)
    # Proposals may bring exits of their own, so the venue is always ready for them.
    rules = ledger.rules(settings.execution, settings.exits, line.limits, has_range=has_range, own_stops=True)
    deployed = Deployed(
        settings.deployment.name, feed.symbols, feed.fields, rules, settings.execution.cash, folder, now,
        settings.deployment.seed,
    )  # fmt: skip
    plugins = plugins or Plugins(settings.source.path.parent)
    broker: Broker = _make(plugins, "broker", settings.broker, ("broker",), settings, deployed=deployed)[0]
    return broker


def limits_of(settings: Settings, monitors: Iterable[MonitorPart]) -> Limits:
    """Return the tightest of the deployment's limits and all monitors'."""
    limits = settings.safety.limits
    for part in monitors:
        limits = limits.tighten(part.monitor.limits)
    return limits


def _make(
    plugins: Plugins, kind: str, use: Use, key: tuple[str | int, ...], settings: Settings, **more: Any
) -> tuple[Any, Owner]:
    where = settings.source.at((*key, "use"))
    return plugins.make(f"make_{kind}", kind, use.use, where, options=use.options, **more)


def libraries_of(plugins: Plugins, settings: Settings) -> list[tuple[Features, Owner]]:
    """Make the deployment's feature libraries."""
    return [_make(plugins, "features", use, ("features", i), settings) for i, use in enumerate(settings.features)]


def _agent(plugins: Plugins, table: AgentTable, number: int, settings: Settings) -> AgentPart:
    name = table.trust.name
    words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], np.uint32)
    seed = int(np.random.SeedSequence([settings.deployment.seed, *words.tolist()]).generate_state(1)[0])
    where = settings.source.at(("agents", number, "use"))
    key = ("agents", number, "backend")
    backend = _make(plugins, "backend", table.backend, key, settings)[0] if table.backend else None
    agent, owner = plugins.make(
        "make_agent", "agent", table.use, where, options=table.options, backend=backend, seed=seed
    )
    for attribute, known in (("when", WHENS), ("effect", tuple(EFFECTS))):
        value = getattr(agent, attribute, None)
        if value not in known:
            raise PluginError(f"{where}: {owner}: {attribute} is {value!r}: {did_you_mean(str(value), known)}")
    return AgentPart(agent, Owner("agent", name, owner.origin), table.trust, _arm(table.trust, settings))


def _arm(trust: Trust, settings: Settings) -> Arm | None:
    """Return which arm an agent is; one that is off keeps its part of the symbols, on which then nobody acts."""
    if not trust.experiment:
        return None
    arms = [each.trust.name for each in settings.agents if each.trust.experiment == trust.experiment]
    return Arm(trust.experiment, arms.index(trust.name), len(arms))


def _refuse_unlike_arms(agents: tuple[AgentPart, ...], settings: Settings) -> None:
    """Refuse an experiment whose arms do not do the same thing at the same time: nothing would be compared."""
    first: dict[str, AgentPart] = {}
    for part in agents:
        if part.arm is None:
            continue
        other = first.setdefault(part.arm.experiment, part).agent
        mine = part.agent
        if (mine.effect, mine.when) != (other.effect, other.when):
            place = [table.trust.name for table in settings.agents].index(part.name)
            where = settings.source.at(("agents", place, "experiment"))
            raise ConfigError(
                f"{where}: {part.name!r} is a {mine.effect} at each {mine.when}, and the experiment's first arm, "
                f"{first[part.arm.experiment].name!r}, a {other.effect} at each {other.when}: they cannot be compared"
            )


def _refuse_fallbacks(agents: tuple[AgentPart, ...], settings: Settings) -> None:
    """Refuse a fallback that cannot stand in: it decides before, does the same, and is there when it is needed."""
    for number, part in enumerate(agents):
        if not part.fallback:
            continue
        place = [table.trust.name for table in settings.agents].index(part.name)
        where = settings.source.at(("agents", place, "fallback"))
        before = {each.name: each.agent for each in agents[:number]}
        if part.fallback not in before:
            hint = did_you_mean(part.fallback, list(before)) if before else "none does"
            raise ConfigError(f"{where}: no agent {part.fallback!r} decides before {part.name!r}: {hint}")
        stands = before[part.fallback]
        if stands.effect != part.agent.effect or stands.when not in ("bar", part.agent.when):
            raise ConfigError(
                f"{where}: {part.name!r} is a {part.agent.effect} at each {part.agent.when}, and {part.fallback!r} a "
                f"{stands.effect} at each {stands.when}: its decisions cannot stand in"
            )


def required(strategy: StrategyPart, agents: Iterable[AgentPart], monitors: Iterable[MonitorPart]) -> dict[str, Owner]:
    """Return every feature column that somebody reads, with the first who does."""
    wanted: dict[str, Owner] = {}
    agents = tuple(agents)
    before = {part.name: [AGENT_PREFIX + each.name for each in agents[:i]] for i, part in enumerate(agents)}
    asked = [
        (strategy.strategy.requires, strategy.owner),
        *((part.agent.requires, part.owner) for part in agents),
        *((part.monitor.requires, part.owner) for part in monitors),
    ]
    for names, owner in asked:
        for name in names:
            if name.startswith(AGENT_PREFIX):
                earlier = before.get(owner.name, []) if owner.kind == "agent" else []
                if name not in earlier:
                    hint = did_you_mean(name, earlier) if earlier else "no agent stands before it"
                    raise PluginError(f"{owner} requires {name!r}: {hint}")
            elif name.split(".")[0] in ("proposal", "strategy", "account"):
                if name not in LIVE_COLUMNS:
                    raise PluginError(f"{owner} requires {name!r}: {did_you_mean(name, LIVE_COLUMNS)}")
            else:
                wanted.setdefault(name, owner)
    return wanted


def _columns(libraries: list[tuple[Features, Owner]], wanted: dict[str, Owner]) -> tuple[NamedColumn, ...]:
    return tuple(resolve(libraries, name, owner) for name, owner in wanted.items())


def resolve(libraries: list[tuple[Features, Owner]], name: str, asker: Owner) -> NamedColumn:
    """Find the library that offers a column and make it.

    Examples of names: ``sma(10)``, ``macd(12, 26, 9)``, ``breadth``.
    """
    match = _EXPRESSION.match(name)
    if match is None:
        raise PluginError(f"{asker} requires {name!r}, which is no column: write name or name(number, ...)")
    function = match[1] or match[3]
    try:
        arguments = tuple(float(text) for text in (match[2] or "").split(",") if text.strip())
    except ValueError:
        raise PluginError(f"{asker} requires {name!r}: a column's arguments are numbers") from None
    for library, owner in libraries:
        if function in library.names:
            try:
                return NamedColumn(name, library.column(function, arguments), owner)
            except ValueError as error:
                raise PluginError(f"{asker} requires {name!r}: {owner} says: {error}") from None
            except Exception as error:
                raise PluginError(f"{asker} requires {name!r}: {owner} failed: {why(error)}") from error
    offered = [each for library, _ in libraries for each in library.names]
    hint = did_you_mean(function, offered) if offered else 'add [[features]] use = "..." to the deployment'
    raise PluginError(f"{asker} requires {name!r}, and no feature library offers {function!r}: {hint}")
