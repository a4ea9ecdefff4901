"""``darwin parity``: a live session against the backtest of the same tape."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from darwin_core.cli.running import FAILED, console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from darwin_core.live.explaining import Difference
    from darwin_core.live.parity import Parity
    from darwin_core.live.session import Session

_ROOMY, _SYMBOLS, _SHOWN = 110, 4, 3


def add_session(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a session."""
    parser.add_argument(
        "name", nargs="?", default="last", metavar="RUN",
        help="a session: its folder, its name or the beginning of it, or: last (last)",
    )  # fmt: skip
    parser.add_argument("--deployment", default="darwin.toml", metavar="FILE", help="whose sessions (darwin.toml)")


def find(arguments: argparse.Namespace) -> Session:
    """Return the session that the arguments name."""
    from darwin_core.live import session

    return session.find(arguments.name, Path(arguments.deployment))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_session(parser)
    parser.add_argument(
        "--as-corrected", action="store_true",
        help="against the bars as they were corrected afterwards: what the corrections would have changed",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Compare; the exit status is 0 when both are equal or every difference has its cause."""
    from darwin_core.live.parity import parity

    found = parity(find(arguments), as_corrected=arguments.as_corrected)
    if not arguments.json:
        _show(found, console())
    plain = {**asdict(found), "causes": _counts(found.differences), "unexplained": len(found.unexplained)}
    return plain, FAILED if found.unexplained else 0


def _counts(differences: Sequence[Difference]) -> dict[str, int]:
    """Return how many differences each cause has made, in the order of the causes."""
    from darwin_core.live.attributing import CAUSES

    made = [each.cause for each in differences]
    return {cause: made.count(cause) for cause in CAUSES if cause in made}


def _show(found: Parity, out: Console) -> None:
    from darwin_core.screen.words import count, line, money

    against = "its tape as it was corrected" if found.as_corrected else "its tape"
    size = f"  against the backtest of {against}: {count(found.bars)} bars, {count(found.rows)} decisions"
    out.print(line((found.session, "bold"), (size, "")))
    if found.equal:
        out.print(line(("equal: every decision and every balance, byte for byte", "green")))
    else:
        many, style = len(found.differences), "yellow"
        said = f"{count(many)} differences, each with its cause"
        if found.unexplained:
            said, style = f"{count(len(found.unexplained))} of {count(many)} differences are unexplained", "bold red"
        out.print(line((said, style), (f"; {count(found.differing)} rows of the decision logs differ", "")))
        out.print(_table(found, roomy=out.width >= _ROOMY))
        backtest, live = found.equity
        out.print(line((f"equity at the end: backtest {money(backtest)}, live {money(live)}", "dim")))
        for each in found.unexplained[:_SHOWN]:
            out.print(line((f"{_stamp(each.bar)}: ", "bold red"), (each.text, "")))
    out.print(line(("backtest  ", "dim"), (found.backtest, "")))
    out.print(line(("live      ", "dim"), (found.live, "" if found.equal else "yellow")))


def _table(found: Parity, *, roomy: bool) -> Table:
    """Return a row for each cause: what it did on its own bars; and one for what followed from all of them."""
    from rich.table import Table
    from rich.text import Text

    from darwin_core.screen.words import clean, colour, count, money

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("cause", "count", "rows", "first bar", "symbols", "money", *(("the first",) if roomy else ())):
        right = heading in ("count", "rows", "money")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "the first")
    followed = found.equity[1] - found.equity[0]
    for cause, times in _counts(found.differences).items():
        mine = [each for each in found.differences if each.cause == cause]
        effect = sum(each.money for each in mine)
        followed -= effect
        table.add_row(
            Text(cause, "bold red" if cause == "unexplained" else ""),
            count(times),
            count(sum(each.rows for each in mine)),
            _stamp(min(each.bar for each in mine)),
            Text(clean(_symbols({symbol for each in mine for symbol in each.symbols}))),
            Text(money(effect, sign=True), colour(effect)),
            *((Text(clean(mine[0].text), "dim"),) if roomy else ()),
        )
    table.add_row("what followed", "", "", "", "", Text(money(followed, sign=True), colour(followed)), style="dim")
    return table


def _symbols(names: set[str]) -> str:
    shown = sorted(names)
    more = f" +{len(shown) - _SYMBOLS}" if len(shown) > _SYMBOLS else ""
    return ", ".join(shown[:_SYMBOLS]) + more or "-"


def _stamp(bar: int) -> str:
    from darwin_core.evaluate import stamp

    return stamp(bar)
