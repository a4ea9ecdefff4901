"""The summary of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

def show_run(run: Run, console: Console) -> None:
    """Print a run's summary."""
    info = run.info
    console.print(_header(info))
    console.print()
    console.print(_figures(run, console))
    console.print()
    console.print(_curve(run, console))
    console.print()
    if info.get("agents"):
        console.print(_agents(info["agents"], console))
        console.print()
    console.print(_proofs(run))
    for warning in _warnings(info):
        console.print(_line(("warning: ", "bold yellow"), (warning, "")))


def _line(*parts: tuple[object, str]) -> Text:
    return Text.assemble(*((clean(text), style) for text, style in parts), overflow="fold")


def _header(info: Mapping[str, Any]) -> Text:
    symbols = info["symbols"]
    names = ", ".join(symbols) if len(symbols) <= 4 else f"{len(symbols):,} symbols"
    period = f"{info['first']} to {info['last']}"
    style = "yellow" if info["fill"] == "same_close" else "cyan"
    return Text("\n").join(
        [
            _line((info["deployment"], "bold"), ("  ", ""), (info["strategy"], "")),
            _line((f"{names}, {info['bars']:,} bars, {period} ({info['timezone']})", "dim")),
            _line(("Fills: ", "bold"), (info["fill_convention"], style)),
        ]
    )


def _figures(run: Run, console: Console) -> RenderableType:
    tables: list[RenderableType] = [_compared(run.info), _alone(run.info)]
    if console.width >= _ROOMY and (outcomes := _outcomes(run, console)):
        tables.append(outcomes)
    if console.width < _SIDE_BY_SIDE:
        return Group(*(part for table in tables for part in (table, Text()))) if len(tables) > 1 else tables[0]
    grid = Table.grid(padding=(0, 3))
    grid.add_row(*tables)
    return grid


def _numbers(*headings: str) -> Table:
    """Return an empty table of a name and right-aligned numbers, none of which may be cut."""
    table = Table(box=None, padding=(0, 0), pad_edge=False, header_style="dim", show_header=bool(headings))
    table.add_column("", overflow="fold")
    for heading in headings or ("",):
        table.add_column(heading, justify="right", no_wrap=True, min_width=11)
    return table


def _compared(info: Mapping[str, Any]) -> Table:
    table = _numbers("this run  ", "buy & hold  ")
    for key, label, write in _COMPARED:
        value = info["summary"].get(key)
        colour = _colour(value) if write is signed_percent else ""
        table.add_row(label, Text(write(value), f"bold {colour}".strip()), Text(write(info["benchmark"].get(key)), "dim"))
    return table


def _colour(value: object) -> str:
    number = known(value)
    if not number:
        return ""
    return "green" if number > 0.0 else "red"


def _alone(info: Mapping[str, Any]) -> Table:
    table = _numbers()
    for key, label, write in _ALONE:
        table.add_row(f"  {label}" if key == "fees" else label, Text(write(info["summary"].get(key)), "bold"))
    return table


def _proofs(run: Run) -> Table:
    info = run.info
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    if info["candidates"]["count"]:
        grid.add_row("Candidates", _candidates(info["candidates"]))
    grid.add_row("Audit", _audit(info["audit"]))
    grid.add_row("Digest", Text(info["digest"]))
    cpu = known(info.get("cpu_seconds"))
    took = "" if cpu is None else f", {cpu:,.2f} s of CPU"
    grid.add_row("Run", _line((run.id, ""), (f" in {_near(run.folder.parent)}{took}", "dim")))
    return grid


def _candidates(info: Mapping[str, Any]) -> Text:
    mean = ratio(info["mean_r"], sign=True).strip()
    outcome = "no R multiples (no stop)" if mean == MISSING else f"mean R of all {mean}"
    return Text(f"{info['count']:,}, of which {info['taken']:,} taken; {outcome}")


def _audit(info: Mapping[str, Any]) -> Text:
    prefixes = info["prefixes"]
    if info["level"] == "off" or not prefixes:
        return Text("off: nothing was checked for look-ahead" if info["level"] == "off" else "nothing to check", "yellow")
    total, parts = sum(prefixes.values()), len(prefixes)
    plural = "" if parts == 1 else "s"
    return Text(f"{total:,} prefixes of {parts:,} component{plural} evaluated again ({info['level']}): equal bit for bit")


def _near(folder: Path) -> str:
    """Return a folder relative to the present one where that is shorter."""
    from pathlib import Path as ConcretePath

    here = ConcretePath.cwd()
    whole = folder.resolve()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()


def _warnings(info: Mapping[str, Any]) -> list[str]:
    """Return everything that a reader of the figures must know."""
    warnings = []
    if info.get("halted"):
        warnings.append("trading was halted: the drawdown limit was reached and all positions were closed")
    for each in info.get("incidents", ()):
        times = "once" if each["count"] == 1 else f"{each['count']:,} times"
        warnings.append(f"agent {each['agent']}: {each['kind']}, {times}; the first: {each['first']}")
    findings = list(info.get("findings", ()))
    warnings += [f"data: {finding}" for finding in findings[:_MOST_WARNINGS]]
    if len(findings) > _MOST_WARNINGS:
        warnings.append(f"data: {len(findings) - _MOST_WARNINGS:,} more findings are in run.json")
    return warnings
