"""``darwin sweep``: run a deployment at every point of a grid, rank what came out, store it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import FAILED, INTERRUPTED, add_deployment, changes, console

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_deployment(parser)
    parser.add_argument(
        "--grid", action="append", default=[], metavar="KEY=VALUES",
        help="values of a key, strategy.fast=5,10,20 or strategy.slow=50:200:25 (start:stop:step); may be repeated",
    )  # fmt: skip
    parser.add_argument("--metric", default="sharpe", help="the figure that ranks the points (sharpe)")
    parser.add_argument("--processes", type=int, help="how many processes share the points (one a core)")
    parser.add_argument("--top", type=int, default=10, help="how many points the table shows (10)")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Sweep; return what the sweep's JSON says, and 1 when nothing could be run or a component looked ahead.

    An interrupted sweep shows and stores the points that are done, and ends with the status of an interrupt.
    """
    from darwin_core import compiled, screen

    show = console(stderr=True)
    if not arguments.json:
        compiled.on_compile(lambda: show.print("[dim]compiling the kernels: once per machine, some seconds[/]"))
    from darwin_core.sweep import running as sweep
    from darwin_core.sweep.grid import parse

    grid = dict(parse(text) for text in arguments.grid)
    with screen.progress(show, quiet=arguments.json) as tell:
        stored, swept = sweep.sweep(
            Path(arguments.deployment),
            changes(arguments.settings),
            grid,
            metric=arguments.metric,
            processes=processes(arguments.processes),
            tell=tell,
        )
    if not arguments.json:
        from darwin_core.screen.sweeping import show_sweep

        show_sweep(swept, stored.folder, console(), top=arguments.top)
    failed = swept.broke_the_law or swept.info["failed"] == swept.info["done"]
    status = INTERRUPTED if swept.info["interrupted"] else FAILED if failed else 0
    return {"folder": stored.folder.as_posix(), **stored.info, "trials": sweep.rows(swept)}, status


def processes(wanted: int | None) -> int:
    """Return how many processes to use: as many as wanted, or one for each core that this process may use."""
    if wanted is not None:
        if not 1 <= wanted <= 256:
            from darwin_core.errors import ConfigError

            raise ConfigError(f"--processes {wanted}: write a number from 1 to 256")
        return wanted
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
