"""Lines that differ from one another in a few keys: what a change does not touch is made once.

A grid mostly changes options of the strategy, or costs, exits and limits. Then the feed, the columns, the agents
and the monitors stay, with all that has been computed of them. Any other key makes a line from scratch.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from darwin_core import config
from darwin_core.assembly import Line, StrategyPart, assemble, libraries_of, limits_of, required, resolve
from darwin_core.engine import History
from darwin_core.errors import DarwinError
from darwin_core.options import Options
from darwin_core.plugins import Plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.assembly import NamedColumn
    from darwin_core.plugins import Owner
    from darwin_core.protocols import Features
    from darwin_core.source import Source
    from darwin_core.sweep.grid import Grid

ROOM = 1 << 30
"""Bytes of columns and bars that a process keeps for the next points."""
_RULES = ("execution", "exits", "safety")


@define(eq=False)
class Base:
    """A line whose strategy and rules can be changed cheaply."""

    line: Line
    plugins: Plugins
    _columns: dict[str, NamedColumn] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the line's own columns."""
        self._columns = {named.name: named for named in self.line.columns}

    @cached_property
    def history(self) -> History:
        """The feed, and what has been computed of it."""
        return History.of(self.line, ROOM)

    @cached_property
    def _libraries(self) -> list[tuple[Features, Owner]]:
        return libraries_of(self.plugins, self.line.settings)

    def with_strategy(self, options: Mapping[str, Any]) -> Line:
        """Return the line with some options of its strategy changed."""
        settings = self.line.settings
        use = settings.strategy
        source = settings.source
        changed = evolve(use, options=Options({**use.options.table, **options}, source, use.options.key))
        where = source.at(("strategy", "use"))
        made = self.plugins.make("make_strategy", "strategy", use.use, where, options=changed.options)
        strategy = StrategyPart(*made)
        wanted = required(strategy, self.line.agents, self.line.monitors)
        columns = tuple(self._column(name, owner) for name, owner in wanted.items())
        return evolve(self.line, settings=evolve(settings, strategy=changed), strategy=strategy, columns=columns)

    def _column(self, name: str, owner: Owner) -> NamedColumn:
        if name not in self._columns:
            self._columns[name] = resolve(self._libraries, name, owner)
        return self._columns[name]


@define(eq=False)
class Remaker:
    """Makes the line of each point of a grid.

    Parameters
    ----------
    source, changes
        The deployment, and what is changed in it for all points.
    """

    source: Source
    changes: Mapping[str, Any]
    _plugins: Plugins = field(init=False)
    _made: tuple[dict[str, Any], Base] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Load each plugin once."""
        self._plugins = Plugins(self.source.path.parent)

    def line(self, point: Mapping[str, Any]) -> tuple[Line, History]:
        """Return the line of a point, and its feed's history; raise what a backtest would."""
        options = {key.removeprefix("strategy."): value for key, value in point.items() if _is_option(key)}
        rules = {key: value for key, value in point.items() if key.partition(".")[0] in _RULES}
        rest = {key: value for key, value in point.items() if not _is_cheap(key)}
        base = self._base(rest, point)
        line = base.with_strategy(options) if options else base.line
        if rules:
            line = _with_rules(line, config.settings(self.source, {**self.changes, **point}))
        return line, base.history

    def _base(self, rest: dict[str, Any], point: Mapping[str, Any]) -> Base:
        """Return what all points with the same `rest` share; only the last one is kept."""
        if self._made is None or self._made[0] != rest:
            self._made = None  # first let go of the old one's data
            self._made = rest, Base(self._assembled(rest, point), self._plugins)
        return self._made[1]

    def _assembled(self, rest: Mapping[str, Any], point: Mapping[str, Any]) -> Line:
        """Assemble the deployment, without what is remade for each point, if it is complete without it."""
        try:
            return assemble(config.settings(self.source, {**self.changes, **rest}), self._plugins)
        except DarwinError:
            return assemble(config.settings(self.source, {**self.changes, **point}), self._plugins)


def dear(grid: Grid, number: int) -> tuple[int, ...]:
    """Return which of the dear values a point has, by their places: points that share them should run together."""
    places = grid.places(number)
    return tuple(at for key, at in zip(grid.keys, places, strict=True) if not _is_cheap(key))


def _is_cheap(key: str) -> bool:
    return _is_option(key) or key.partition(".")[0] in _RULES


def _is_option(key: str) -> bool:
    """Whether a key is a plain option of the strategy's plugin."""
    return key.startswith("strategy.") and key != "strategy.use" and key.count(".") == 1


def _with_rules(line: Line, settings: config.Settings) -> Line:
    """Return the line with other costs, exits and limits."""
    return evolve(
        line,
        settings=evolve(line.settings, execution=settings.execution, exits=settings.exits, safety=settings.safety),
        limits=limits_of(settings, line.monitors),
    )
