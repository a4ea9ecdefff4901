"""``darwin plugins``: what is installed, from metadata alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command: it has no arguments of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """List the installed plugins; none of them is imported."""
    from darwin_core.plugins import installed

    found = installed().values()
    if not arguments.json:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("plugin", "distribution", "what it is"):
            table.add_column(heading, overflow="fold")
        for plugin in found:
            fault = f"\n[red]needs {escape(plugin.needs)}[/]" if plugin.needs else ""
            table.add_row(escape(plugin.name), escape(str(plugin)), escape(plugin.summary) + fault)
        out = console()
        out.print(table if found else "no plugins are installed")
    return {
        "plugins": [
            {
                "name": p.name,
                "distribution": p.distribution,
                "version": p.version,
                "summary": p.summary,
                "needs": p.needs,
            }
            for p in found
        ]
    }
