"""``darwin.toml`` as frozen, validated settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import Factory, evolve, field, fields, frozen
from attrs.validators import and_, ge, gt, in_, le, lt, matches_re, max_len, optional, or_

from darwin_core.errors import ConfigError, did_you_mean
from darwin_core.graduation.table import GraduationTable
from darwin_core.live.controls.review import Controls
from darwin_core.live.safemode import Triggers
from darwin_core.options import Options, structure
from darwin_core.registry.table import RegistryTable
from darwin_core.source import Source
from darwin_core.types import Fill, Limits, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Block = Literal["auto", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "whole"]
Audit = Literal["off", "cheap", "full"]
_SHARE = and_(ge(0.0), le(1.0))
_FRACTION = and_(ge(0.0), lt(1.0))
_NAME = and_(matches_re(r"[A-Za-z0-9][A-Za-z0-9_.-]*"), max_len(80))


@frozen
class DeploymentTable:
    """Who this is. `seed` feeds every random choice of the run."""

    name: str = field(default="darwin", validator=_NAME)
    seed: int = field(default=0, validator=ge(0))


@frozen
class Execution:
    """The account and what trading costs.

    Parameters
    ----------
    fill
        When an order decided at a bar's close is filled: at the next bar's open, the next bar's close, or
        this very close (which no live run can do).
    cash
        Money at the start, in the account's currency.
    fee, fee_per_unit, fee_per_order
        Costs of a fill: share of its value, money per unit, money per order.
    slippage, spread
        Shares of the price: a fill is worse than the bar's price by ``slippage + spread / 2``.
    lot
        Smallest quantity step; 0 for fractional quantities.
    min_order
        Orders of less value than this are not sent; closing a position is always sent.
    band
        A position is rebalanced when its weight is further than this from its target; 0: only when the
        target itself changes.
    """

    fill: Fill = "next_open"
    cash: float = field(default=100_000.0, validator=gt(0.0))
    fee: float = field(default=0.0, validator=_FRACTION)
    fee_per_unit: float = field(default=0.0, validator=ge(0.0))
    fee_per_order: float = field(default=0.0, validator=ge(0.0))
    slippage: float = field(default=0.0, validator=_FRACTION)
    spread: float = field(default=0.0, validator=_FRACTION)
    lot: float = field(default=0.0, validator=ge(0.0))
    min_order: float = field(default=0.0, validator=ge(0.0))
    band: float = field(default=0.0, validator=_FRACTION)


@frozen
class Exits:
    """Exits that the core keeps for every position; 0 is none.

    Parameters
    ----------
    stop, take_profit
        Distance from the entry price, as a fraction.
    horizon
        Bars after which a position is closed.
    """

    stop: float = field(default=0.0, validator=_FRACTION)
    take_profit: float = field(default=0.0, validator=ge(0.0))
    horizon: int = field(default=0, validator=ge(0))


@frozen
class Safety:
    """The deployment's own limits; see `darwin_core.types.Limits`."""

    max_weight: float = field(default=1.0, validator=gt(0.0))
    max_gross: float = field(default=1.0, validator=gt(0.0))
    max_drawdown: float = field(default=1.0, validator=and_(gt(0.0), le(1.0)))
    allow_short: bool = False

    @property
    def limits(self) -> Limits:
        """The same as the value that flows."""
        return Limits(self.max_weight, self.max_gross, self.max_drawdown, self.allow_short)


@frozen
class RunTable:
    """How a run is carried out; none of this changes a decision but `block`."""

    store: str = "runs"
    block: Block = "auto"
    processes: int = field(default=1, validator=and_(ge(1), le(256)))
    audit: Audit = "cheap"


@frozen
class LiveTable:
    """How a live session runs.

    Parameters
    ----------
    calendar
        When the market is open: an exchange's code (XNYS), or 24/7.
    replay, speed
        What ``darwin live`` replays when the feed has no live bars and no ``--replay`` is given, as ``FROM:TO`` (dates,
        either may be empty), and how many bars a second; 0 is as fast as it can.
    deadline_s
        Seconds after a bar's end for which its missing symbols are waited for.
    max_jump
        Largest change of a close from the last one, as a fraction, that is believed; 0 believes all.
    patience_s
        Seconds that a feature library, the strategy or a monitor may take for a bar.
    answer_s
        Seconds within which the venue has to answer; after that an order is unknown.
    reconcile_bars
        Bars between two comparisons with what the venue says.
    unwind_bars
        Bars over which positions are closed in safe mode; 0 leaves them to the strategy's exits.
    on_stop
        What a stop does with positions: keep or flatten.
    watchdog_s
        Seconds that the trader may stand still before ``darwin watchdog`` flattens.
    """

    calendar: str = "24/7"
    replay: str = ""
    speed: float = field(default=0.0, validator=ge(0.0))
    deadline_s: float = field(default=5.0, validator=gt(0.0))
    max_jump: float = field(default=0.5, validator=ge(0.0))
    patience_s: float = field(default=5.0, validator=gt(0.0))
    answer_s: float = field(default=5.0, validator=gt(0.0))
    reconcile_bars: int = field(default=1, validator=ge(1))
    unwind_bars: int = field(default=0, validator=ge(0))
    on_stop: Literal["keep", "flatten"] = "keep"
    watchdog_s: float = field(default=10.0, validator=ge(1.0))


@frozen
class CircuitTable:
    """When the circuit breaker of an agent opens in live: its baseline then stands in.

    Parameters
    ----------
    failures, window
        At so many failed calls (an exception, a wrong shape, a missed deadline) among the latest `window`.
    latency_ms, slow_calls
        At so many calls in a row that took longer than this.
    override_rate
        When an agent that has a limit on departures wants to depart in more than this share of its decisions.
    cooldown_s
        Seconds until it is tried again, with one call.
    """

    failures: int = field(default=5, validator=ge(1))
    window: int = field(default=20, validator=and_(ge(1), le(100_000)))
    latency_ms: float = field(default=250.0, validator=gt(0.0))
    slow_calls: int = field(default=4, validator=ge(1))
    override_rate: float = field(default=0.5, validator=and_(gt(0.0), le(1.0)))
    cooldown_s: float = field(default=900.0, validator=gt(0.0))


@frozen
class Use:
    """One plugin: its name (or ``./file.py``) and its options."""

    use: str
    options: Options


@frozen
class Trust:
    """What the core allows an agent.

    Parameters
    ----------
    name
        Names the agent in the log and the reports; by default its plugin's name.
    mode
        off, observe (decides, is recorded, changes nothing), canary (acts on a share of the symbols), active.
    share
        The share of symbols in canary mode, chosen by a hash of agent and symbol.
    deadline_ms
        Time within which it must have decided; kept in live, counted in a backtest.
    max_overrides, override_window
        Largest share of its decisions that may depart from its baseline and be applied, over so many decisions in a
        row; what exceeds it is recorded and not applied. Without it the agent's own limit holds, if it has one.
    fallback
        Name of an earlier agent whose decision is this one's baseline, row for row; without it the agent's own word
        holds, if it has one, and else its constant baseline.
    experiment
        Agents of one experiment are its arms, in their order: each acts on a part of the symbols of its own, chosen by
        a hash of experiment and symbol. They all decide, and are recorded, everywhere.
    """

    name: str = field(validator=_NAME)
    mode: Mode = "observe"
    share: float = field(default=0.1, validator=_SHARE)
    deadline_ms: float = field(default=150.0, validator=gt(0.0))
    max_overrides: float | None = field(default=None, validator=optional(_SHARE))
    override_window: int = field(default=100, validator=and_(ge(1), le(100_000)))
    fallback: str = ""
    experiment: str = field(default="", validator=or_(in_(("",)), _NAME))


@frozen
class AgentTable:
    """One agent: its plugin, the plugin's options, what the core allows it, and what runs its policy."""

    use: str
    options: Options
    trust: Trust
    backend: Use | None = None


@frozen
class Settings:
    """A whole deployment, validated but for the plugins' own options."""

    source: Source
    feed: Use
    strategy: Use
    deployment: DeploymentTable = Factory(DeploymentTable)
    features: tuple[Use, ...] = ()
    exits: Exits = Factory(Exits)
    agents: tuple[AgentTable, ...] = ()
    safety: Safety = Factory(Safety)
    monitors: tuple[Use, ...] = ()
    execution: Execution = Factory(Execution)
    broker: Use | None = None
    live: LiveTable = Factory(LiveTable)
    controls: Controls = Factory(Controls)
    triggers: Triggers = Factory(Triggers)
    circuit: CircuitTable = Factory(CircuitTable)
    registry: RegistryTable = Factory(RegistryTable)
    graduation: GraduationTable = Factory(GraduationTable)
    reporters: tuple[Use, ...] = ()
    run: RunTable = Factory(RunTable)
    sweep: Mapping[str, tuple[Any, ...]] = Factory(dict)


_PLAIN = {
    "deployment": DeploymentTable,
    "exits": Exits,
    "safety": Safety,
    "execution": Execution,
    "run": RunTable,
    "live": LiveTable,
    "controls": Controls,
    "triggers": Triggers,
    "circuit": CircuitTable,
    "registry": RegistryTable,
    "graduation": GraduationTable,
}
_ONE = ("feed", "strategy", "broker")
_MANY = ("features", "agents", "monitors", "reporters")
_KNOWN = (*_PLAIN, *_ONE, *_MANY, "sweep")


def load(path: Path, changes: Mapping[str, Any] | None = None) -> Settings:
    """Read a deployment file; `changes` sets dotted keys on top (``strategy.fast`` = 10)."""
    return settings(Source.load(path), changes or {})


def settings(source: Source, changes: Mapping[str, Any]) -> Settings:
    """Validate a parsed deployment with some keys changed; its `source` has the changed tables, for whoever asks it."""
    tables = source.tables
    for dotted, value in changes.items():
        tables = set_key(tables, dotted, value)
    source = evolve(source, tables=tables)
    for name in tables:
        if name not in _KNOWN:
            raise ConfigError(f"{source.at((name,))}: unknown table: {did_you_mean(name, _KNOWN)}")
    for name in ("feed", "strategy"):
        if name not in tables:
            raise ConfigError(f"{source.path}: the table [{name}] is missing")
    values: dict[str, Any] = {"source": source}
    for name, table in tables.items():
        values[name] = _table(name, table, source)
    _refuse_twins(values.get("agents", ()), source)
    _refuse_lone_arms(values.get("agents", ()), source)
    return Settings(**values)


def _table(name: str, table: Any, source: Source) -> Any:
    if name in _PLAIN:
        return structure(_PLAIN[name], _mapping(table, source, (name,)), source, (name,))
    if name in _ONE:
        return _use(_mapping(table, source, (name,)), source, (name,))
    if name == "sweep":
        return _sweep(_mapping(table, source, (name,)), source)
    if not isinstance(table, list):
        raise ConfigError(f"{source.at((name,))}: write [[{name}]], with two brackets: there may be several")
    make = _agent if name == "agents" else _use
    return tuple(make(_mapping(each, source, (name, i)), source, (name, i)) for i, each in enumerate(table))


def _mapping(table: Any, source: Source, key: tuple[str | int, ...]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ConfigError(f"{source.at(key)}: a table is expected, not {table!r}")
    return table


def _use(table: dict[str, Any], source: Source, key: tuple[str | int, ...]) -> Use:
    name = table.get("use")
    if not isinstance(name, str) or not name:
        raise ConfigError(f'{source.at(key)}: the key \'use\' is missing: write use = "PLUGIN" or "./file.py"')
    return Use(name, Options({k: v for k, v in table.items() if k != "use"}, source, key))


def _agent(table: dict[str, Any], source: Source, key: tuple[str | int, ...]) -> AgentTable:
    keys = {field.name for field in fields(Trust)}
    plugin = _use({k: v for k, v in table.items() if k not in keys and k != "backend"}, source, key)
    default = plugin.use.removesuffix(".py").rsplit("/", 1)[-1]
    own = {"name": default, **{k: v for k, v in table.items() if k in keys}}
    place = (*key, "backend")
    backend = _use(_mapping(table["backend"], source, place), source, place) if "backend" in table else None
    return AgentTable(plugin.use, plugin.options, structure(Trust, own, source, key), backend)


def _refuse_twins(agents: tuple[AgentTable, ...], source: Source) -> None:
    seen: set[str] = set()
    for number, agent in enumerate(agents):
        if agent.trust.name in seen:
            where = source.at(("agents", number, "name"))
            raise ConfigError(f"{where}: two agents are named {agent.trust.name!r}: give one a `name` of its own")
        seen.add(agent.trust.name)


def _refuse_lone_arms(agents: tuple[AgentTable, ...], source: Source) -> None:
    """Refuse an experiment of one agent: its other half would be nobody's."""
    names = [agent.trust.experiment for agent in agents]
    for number, name in enumerate(names):
        if name and names.count(name) == 1:
            where = source.at(("agents", number, "experiment"))
            known = [each for each in dict.fromkeys(names) if each not in ("", name)]
            hint = did_you_mean(name, known) if known else "give the agent that it is compared with the same one"
            raise ConfigError(f"{where}: the experiment {name!r} has one agent, and it takes two or more: {hint}")


def _sweep(table: dict[str, Any], source: Source) -> dict[str, tuple[Any, ...]]:
    for name, values in table.items():
        if not isinstance(values, list) or not values:
            where = source.at(("sweep", name))
            raise ConfigError(f'{where}: write a list of values: "strategy.fast" = [5, 10, 20]')
    return {name: tuple(values) for name, values in table.items()}


def set_key(tables: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """Return a copy of the tables with one dotted key set; ``agents.0.mode`` reaches into an array."""
    head, _, rest = dotted.partition(".")
    if not rest:
        return {**tables, head: value}
    inner = tables.get(head, {})
    if isinstance(inner, list):
        number, _, rest = rest.partition(".")
        if not number.isdigit() or int(number) >= len(inner) or not rest:
            msg = f"{dotted!r}: write {head}.N.KEY, N from 0 to {len(inner) - 1}"
            raise ConfigError(msg)
        changed = [set_key(t, rest, value) if i == int(number) else t for i, t in enumerate(inner)]
        return {**tables, head: changed}
    if not isinstance(inner, dict):
        msg = f"{dotted!r}: {head!r} is a value, not a table"
        raise ConfigError(msg)
    return {**tables, head: set_key(inner, rest, value)}
