"""``darwin replay``: fold a session's journal again over its tape, and compare every byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict

from darwin_core.cli.parity import add_session, find
from darwin_core.cli.running import FAILED, console

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from darwin_core.live.replaying import Replay

_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_session(parser)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Run a session again; the exit status is 0 when every byte is as it was recorded."""
    from darwin_core.live.replaying import replay

    found = replay(find(arguments))
    if not arguments.json:
        _show(found, console())
    return {**asdict(found), "equal": found.equal}, 0 if found.equal else FAILED


def _show(found: Replay, out: Console) -> None:
    from darwin_core.screen.words import count, line

    out.print(line((found.session, "bold"), (f"  {count(found.bars)} bars, {count(found.orders)} orders again", "")))
    if found.equal:
        out.print(line(("every decision, order and balance as it was recorded, byte for byte", "green")))
    else:
        out.print(line((f"{count(found.differing)} bars differ from what was recorded", "bold red")))
        out.print(_table(found))
        if len(found.mismatches) > _SHOWN:
            out.print(line((f"and more on later bars: --json lists {count(len(found.mismatches))}", "dim")))
        out.print(line(("recorded  ", "dim"), (found.recorded, "")))
    out.print(line(("digest    ", "dim"), (found.digest, "")))


def _table(found: Replay) -> Any:
    from rich.table import Table
    from rich.text import Text

    from darwin_core.evaluate import stamp
    from darwin_core.screen.words import clean

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("bar", "symbol", "stage", "recorded", "now"):
        table.add_column(heading, overflow="fold")
    for each in found.mismatches[:_SHOWN]:
        table.add_row(*(Text(clean(text)) for text in (
            stamp(each.bar), each.symbol, each.stage, each.recorded, each.now,
        )))  # fmt: skip
    return table
