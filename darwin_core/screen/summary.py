"""The summary of one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from darwin_core.screen.agents import show_agents, show_calls
from darwin_core.screen.drawing import curve, outcomes
from darwin_core.screen.words import (
    ALONE,
    COMPARED,
    MISSING,
    aligned,
    clean,
    colour,
    count,
    gain,
    known,
    line,
    money,
    period,
    ratio,
    widths,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

    from darwin_core.store import Run

    Info = Mapping[str, Any]

_TWO_BESIDE, _THREE_BESIDE, _GAP = 78, 120, 4
_MOST_FINDINGS = 8
_FEW_SYMBOLS = 4


def show_run(run: Run, console: Console) -> None:
    """Print a run's summary; it fits 80 columns and 24 rows."""
    console.print(_header(run.info))
    console.print()
    console.print(_figures(run, console))
    console.print(curve(run, console))
    if run.info["agents"]:
        console.print()
        console.print(show_agents(run.info["agents"], console))
        if calls := show_calls(run.info["agents"]):
            console.print(calls)
    console.print()
    console.print(_proofs(run))
    for warning in _warnings(run.info):
        console.print(line(("warning: ", "bold yellow"), (warning, "")))


def _header(info: Info) -> Text:
    symbols = info["symbols"]
    names = ", ".join(symbols) if len(symbols) <= _FEW_SYMBOLS else f"{len(symbols):,} symbols"
    lines = (
        line((info["deployment"], "bold"), ("  ", ""), (info["strategy"], "")),
        line((f"{names}, {count(info['bars'])} bars, {period(info)} ({info['timezone']})", "dim")),
        line(("Fills: ", "bold"), (info["fill_convention"], "yellow" if info["fill"] == "same_close" else "cyan")),
    )
    return Text("\n").join(lines)


def _figures(run: Run, console: Console) -> RenderableType:
    """Return the tables beside one another, as many as there is room for without cutting a number."""
    if console.width < _TWO_BESIDE:
        return Group(_compared(run.info, 10), _alone(run.info, 10))
    two = [_compared(run.info, 18), _alone(run.info, 18)]
    spread = outcomes(run, console) if console.width >= _THREE_BESIDE else None
    three = _beside([*two, spread], console) if spread else None
    return three or _beside(two, console) or Group(*two)


def _beside(tables: Sequence[Table], console: Console) -> Table | None:
    """Return tables in a row, each as wide as it needs and, while there is room, as it likes; None without room."""
    needs = [widths(table, console) for table in tables]
    spare = console.width - _GAP * (len(tables) - 1) - sum(least for least, _ in needs)
    if spare < 0:
        return None
    grid = Table.grid(padding=(0, _GAP))
    for least, most in needs:
        more = min(most - least, spare)
        spare -= more
        grid.add_column(width=least + more)
    grid.add_row(*tables)
    return grid


def _compared(info: Info, names: int) -> Table:
    rows = []
    for key, label, write in COMPARED:
        own, other = info["summary"].get(key), info["benchmark"].get(key)
        style = f"bold {colour(own)}".strip() if write is gain else "bold"
        rows.append((label, Text(aligned(write(own)), style), Text(aligned(write(other)), "dim")))
    return _numbers(rows, names, "this run  ", "buy & hold  ")


def _alone(info: Info, names: int) -> Table:
    rows = []
    fees = known(info["summary"].get("fees"))
    for key, label, write in ALONE:
        name = f"{label}, fees {money(fees)}" if key == "costs" and fees else label
        rows.append((name, Text(aligned(write(info["summary"].get(key))), "bold")))
    return _numbers(rows, names)


def _numbers(rows: Sequence[tuple[str | Text, ...]], names: int, *headings: str) -> Table:
    """Return a table of names, at least `names` wide, and right-aligned numbers, none of which may be cut."""
    table = Table(box=None, padding=0, pad_edge=False, header_style="dim", show_header=bool(headings))
    table.add_column("", overflow="fold", min_width=names)
    for heading, *texts in zip(headings or ("",), *(row[1:] for row in rows), strict=True):
        width = max(13, *(len(text) + 1 for text in texts))
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*row)
    return table


def _proofs(run: Run) -> Table:
    """Return what lets a reader check the run and find it again."""
    info = run.info
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    if info["candidates"]["count"]:
        grid.add_row("Candidates", _candidates(info["candidates"]))
    grid.add_row("Audit", _audit(info["audit"]))
    grid.add_row("Digest", line((info["digest"], "")))
    cpu = known(info.get("cpu_seconds"))
    took = "" if cpu is None else f", {cpu:,.2f} s of CPU"
    grid.add_row("Run", line((run.id, ""), (f" in {_near(run.folder.parent)}{took}", "dim")))
    return grid


def _candidates(info: Info) -> Text:
    mean = ratio(info["mean_r"], sign=True)
    outcome = "no R multiple known" if mean == MISSING else f"mean R of all {mean}"
    return Text(f"{count(info['count'])}, of which {count(info['taken'])} taken; {outcome}")


def _audit(info: Info) -> Text:
    if info["level"] == "off":
        return Text("off: nothing was checked for look-ahead", "yellow")
    prefixes = info["prefixes"]
    if not prefixes:
        return Text(f"{info['level']}: there was nothing to check", "yellow")
    components = "1 component" if len(prefixes) == 1 else f"{len(prefixes):,} components"
    return Text(f"{info['level']}: {sum(prefixes.values()):,} prefixes of {components} run again, equal bit for bit")


def _near(folder: Path) -> str:
    """Return a folder, relative to the present one when it is inside."""
    whole, here = folder.resolve(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()


def _warnings(info: Info) -> list[str]:
    """Return everything that a reader of the figures must know."""
    warnings = []
    if info["halted"]:
        warnings.append("trading was halted: the drawdown limit was reached and all positions were closed")
    for each in info["incidents"]:
        times = "once" if each["count"] == 1 else f"{each['count']:,} times"
        warnings.append(f"agent {clean(each['agent'])}: {each['kind']}, {times}; the first: {each['first']}")
    findings = info["findings"]
    warnings += [f"data: {finding}" for finding in findings[:_MOST_FINDINGS]]
    if len(findings) > _MOST_FINDINGS:
        warnings.append(f"data: {len(findings) - _MOST_FINDINGS:,} more findings are in run.json")
    return warnings
