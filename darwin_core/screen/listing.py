"""Many runs, and two runs compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from darwin_core.screen.words import FORMATS, MISSING, clean, colour, count, gain, line, percent, period, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from darwin_core.store import Run

_ROOMY = 110


def show_runs(runs: Sequence[Run], unfinished: Sequence[Path], console: Console) -> None:
    """Print the finished runs, a row each, and what interrupted ones left behind."""
    if runs:
        console.print(_rows(runs, roomy=console.width >= _ROOMY))
    else:
        console.print("there are no runs: make one with darwin backtest", highlight=False)
    if unfinished:
        names = ", ".join(folder.name for folder in unfinished)
        console.print(line((f"left by interrupted runs, safe to delete: {names}", "dim")))


def _rows(runs: Sequence[Run], *, roomy: bool) -> Table:
    table = _table("run", *(("period", "strategy") if roomy else ()))
    for heading in ("return", "Sharpe", "drawdown", "trades"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in runs:
        summary = run.info.get("summary", {})
        table.add_row(
            Text(clean(run.id), "bold"),
            *(_where(run.info) if roomy else ()),
            Text(gain(summary.get("total_return")), colour(summary.get("total_return"))),
            ratio(summary.get("sharpe")),
            percent(summary.get("max_drawdown")),
            count(summary.get("trades")),
        )
    return table


def _where(info: Mapping[str, Any]) -> tuple[Text, Text]:
    return Text(clean(period(info))), Text(clean(info["strategy"]))


def show_diff(found: Mapping[str, Any], console: Console) -> None:
    """Print what `darwin_core.comparing.compare` found."""
    console.print(line(("A  ", "bold"), (found["a"], "")))
    console.print(line(("B  ", "bold"), (found["b"], "")))
    parting = found["parting"]
    if found["same_decisions"]:
        console.print(line(("the same decisions, bit for bit: their digests are equal", "green")))
    elif parting is None:
        console.print(line(("equal rows of decisions, but about other symbols or stages", "yellow")))
    else:
        console.print(line((f"they part at decision {count(parting['row'] + 1)}", "bold yellow")))
        console.print(_parting(parting))
    for heading, key in (("fact", "facts"), ("setting", "settings"), ("figure", "summary")):
        if found[key]:
            console.print()
            console.print(_differing(heading, found[key]))


def _parting(parting: Mapping[str, Any]) -> Table:
    first, second = parting["a"] or {}, parting["b"] or {}
    table = _table("decision", "A", "B")
    for key in dict.fromkeys([*first, *second]):
        a, b = (clean(row[key]) if key in row else "the log has ended" for row in (first, second))
        table.add_row(Text(clean(key)), Text(a), Text(b), style="" if a == b else "bold yellow")
    return table


def _differing(heading: str, rows: Sequence[Sequence[Any]]) -> Table:
    table = _table(heading, "A", "B")
    for name, a, b in rows:
        write = FORMATS.get(name, _plain) if heading == "figure" else _plain
        texts = write(a), write(b)
        if texts[0] == texts[1]:
            texts = _plain(a), _plain(b)  # they differ further down than is usually shown
        table.add_row(Text(clean(name)), *map(Text, texts))
    return table


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{clean(key)} {clean(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(clean, value))
    return MISSING if value is None else clean(value)


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
