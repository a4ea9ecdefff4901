"""``darwin checks``: every pre-trade control with its limit, from the code that enforces it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import add_deployment, changes, console, escape

if TYPE_CHECKING:
    import argparse

    from darwin_core.live.controls.table import Row


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
    found = rows(read(tables, source))
    if not arguments.json:
        _show(found)
    return {"controls": [row.facts() for row in found]}


def _show(found: tuple[Row, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("control", "limit", "exits", "state", "last use"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "limit")
    for row in found:
        cells = (row.name, row.limit if row.on else "off", row.exits, row.state, row.last_use)
        table.add_row(*map(escape, cells), style=None if row.on else "yellow")
    console().print(table)
