"""``darwin backtest``: run a deployment over its history, show it, store it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import add_deployment, changes, console, escape, without_none

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_deployment(parser)
    parser.add_argument("--processes", type=int, help="how many processes evaluate blocks")
    parser.add_argument("--audit", choices=("off", "cheap", "full"), help="how much is re-evaluated at prefixes")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Backtest and return what the run's JSON says."""
    from darwin_core import compiled, screen

    show = console(stderr=True)
    if not arguments.json:
        compiled.on_compile(lambda: show.print("[dim]compiling the kernels: once per machine, some seconds[/]"))
    from darwin_core.backtest import backtest
    from darwin_core.reporting import report

    given = without_none({"run.processes": arguments.processes, "run.audit": arguments.audit})
    path = Path(arguments.deployment)
    with screen.progress(show, quiet=arguments.json) as tell:
        stored, line = backtest(path, {**changes(arguments.settings), **given}, tell=tell)
    if not arguments.json:
        screen.show_run(stored, console())
    told = report(line, stored)
    if not arguments.json:
        for text in told:
            console().print(escape(text), soft_wrap=True)
    return {"folder": stored.folder.as_posix(), **stored.info, "reports": told}
