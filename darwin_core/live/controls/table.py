"""The controls as a table for people: limit, state and last use, read from the controls themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from darwin_core.errors import ConfigError
from darwin_core.live.controls.review import Controls
from darwin_core.options import structure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.source import Source

NAME = "controls"


@frozen
class Use:
    """What a live session has to say of one control: how it stands, and when it last refused."""

    state: str
    last_use: str


@frozen
class Row:
    """One control.

    Parameters
    ----------
    exits
        Whether orders that only reduce a position are asked too: asked or pass.
    """

    name: str
    on: bool
    limit: str
    exits: str
    state: str
    last_use: str

    def facts(self) -> dict[str, Any]:
        """Return it as JSON-able data; null where no session has anything to say."""
        return {name: None if value == "-" else value for name, value in asdict(self).items()}


def rows(controls: Controls, uses: Mapping[str, Use] | None = None) -> tuple[Row, ...]:
    """Return every control in its order; `uses` comes from a live session, by name."""
    none = Use("-", "-")
    found = []
    for each in controls.all:
        use = (uses or {}).get(each.name, none)
        exits = "pass" if each.bounds_risk else "asked"
        found.append(Row(each.name, each.on, each.limit, exits, use.state, use.last_use))
    return tuple(found)


def read(tables: Mapping[str, Any], source: Source) -> Controls:
    """Return the controls of a deployment's tables; ConfigError names file, line and key."""
    table = tables.get(NAME, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{source.at((NAME,))}: a table is expected, not {table!r}")
    return structure(Controls, table, source, (NAME,))
