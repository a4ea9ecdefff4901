"""``darwin status``: what a session is doing, or what it was doing when its process was last there."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting
from darwin_core.cli.running import FAILED, console, escape

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from rich.console import Console

    from darwin_core.live.status import Status

_SCREEN = "darwin_core.screen.live"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help=acting.SESSION)
    acting.add_token(parser)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Show the status; the exit status is 0 when the session's process answers."""
    from darwin_core.live.control import client, places, sessions

    folder = sessions.find(arguments.session)
    answer: dict[str, Any] = {}
    problem = ""
    try:
        answer = client.ask(folder, {"do": "status", "token": acting.secret(arguments)})
        if answer.get("kind") != "done":
            return acting.tell(arguments, folder, answer)
        value, age = answer.get("status"), 0.0
    except client.NoAnswer as error:
        problem = str(error)
        value, age = _left_behind(folder)
    latch = places.latch(folder).state().closed
    if not arguments.json:
        _tell(value, age, problem, latch)
    found = {"session": folder.as_posix(), "running": not problem, "problem": problem, "age_s": age, "latch": latch}
    return {**found, "status": value}, FAILED if problem else 0


def _left_behind(folder: Path) -> tuple[dict[str, Any] | None, float]:
    """Return the status in the folder and its age, s."""
    from darwin_core.live.control import snapshot

    last = snapshot.last(folder)
    return (snapshot.plain(last[0]), last[1]) if last else (None, 0.0)


def _tell(value: Any, age: float, problem: str, latch: str) -> None:
    from rich.text import Text

    from darwin_core.live.control import snapshot

    out = console()
    above = []
    if problem:
        known = f"its last known state, {_ago(age)} old:" if value else "and it has left no status behind"
        above = [f"[bold red]{escape(problem)}[/]", f"[yellow]{known}[/]"]
    said = f"[bold red]closed:[/] {escape(latch)}" if latch else "[green]open[/]"
    below = f"kill latch: {said}"
    for line in above:
        out.print(line, soft_wrap=True)
    if value:
        taken = sum(-(-Text.from_markup(line).cell_len // out.width) for line in (*above, below))
        show(snapshot.decode(value), out, out.height - taken - 1)  # a line is left for the prompt
    out.print(below, soft_wrap=True)


def show(status: Status, out: Console, rows: int) -> None:
    """Show a status: as a screen of so many rows on a terminal, else in a few lines."""
    if out.is_terminal and find_spec(_SCREEN) is not None:
        out.print(import_module(_SCREEN).render(status, out.width, rows))
        return
    below = f"{1.0 - status.equity / status.peak:.2%} below its highest" if status.peak > 0.0 else "-"
    why = f" ({status.why})" if status.why else ""
    of = f" of {status.bars_total:,}" if status.bars_total else ""
    lines = [
        f"{status.deployment}, {status.kind}: {status.state}{why}",
        f"bars {status.bars:,}{of}; feed {status.feed_late_s:.1f} s late; broker {status.broker or '-'}",
        f"equity {status.equity:,.2f}, {below}; cash {status.cash:,.2f}",
        f"gross {status.gross:,.2f}, net {status.net:,.2f}",
        f"{len(status.holdings)} positions; {status.open_orders} open orders, {status.unknown} unknown",
    ]
    lines += [f"agent {each.name}: {each.mode}, circuit {each.state}" for each in status.agents]
    lines += [f"{each.level}: {each.source}: {each.text}" for each in status.alerts]
    for line in lines:
        out.print(escape(line), soft_wrap=True)


def _ago(seconds: float) -> str:
    """Write an age as people do."""
    for size, unit in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
