"""``darwin checks``: every pre-trade control with its limit, from the code that enforces it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import add_deployment, changes, console, escape

if TYPE_CHECKING:
    import argparse

    from darwin_core.live.controls.table import Row, Use


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_deployment(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Show the controls of a deployment in the order in which they are asked."""
    from darwin_core.config import set_key
    from darwin_core.live.controls.table import read, rows
    from darwin_core.source import Source

    source = Source.load(Path(arguments.deployment))
    tables = source.tables
    for key, value in changes(arguments.settings).items():
        tables = set_key(tables, key, value)
    found = rows(read(tables, source), _last_uses(Path(arguments.deployment)))
    if not arguments.json:
        _show(found)
    return {"controls": [row.facts() for row in found]}


def _last_uses(deployment: Path) -> dict[str, Use]:
    """Return how the controls stood in the deployment's live session when it was last seen."""
    from darwin_core.live.control import snapshot
    from darwin_core.live.control.sessions import Home
    from darwin_core.live.controls.table import Use

    home = Home.of(deployment)
    seen = snapshot.last(home.folder / home.name)
    if seen is None:
        return {}
    uses = {}
    for line in seen[0].controls:
        state = "-" if math.isnan(line.used) else f"{line.used:.0%} of the limit"
        last = f"refused {line.refusals} times, last: {line.last}" if line.refusals else "never refused"
        uses[line.name] = Use(state, last)
    return uses


def _show(found: tuple[Row, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("control", "limit", "exits", "state", "last use"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "limit")
    for row in found:
        cells = (row.name, row.limit if row.on else "off", row.exits, row.state, row.last_use)
        table.add_row(*map(escape, cells), style=None if row.on else "yellow")
    console().print(table)
