"""Many runs, and two runs compared."""

from __future__ import annotations

def show_runs(runs: Sequence[Run], unfinished: Sequence[Path], console: Console) -> None:
    """Print the finished runs, a line each, and what interrupted ones left behind."""
    console.print(_list_of(runs, roomy=console.width >= _ROOMY) if runs else "there are no runs: make one with darwin backtest")
    if unfinished:
        names = ", ".join(folder.name for folder in unfinished)
        console.print(_line((f"left by interrupted runs, safe to delete: {names}", "dim")))


def _list_of(runs: Sequence[Run], *, roomy: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("run", overflow="fold")
    for heading in ("period", "strategy") if roomy else ():
        table.add_column(heading, overflow="fold")
    for heading in ("return", "Sharpe", "drawdown", "trades"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in runs:
        info = run.info
        summary = info.get("summary", {})
        where = (f"{info.get('first', MISSING)[:10]} to {info.get('last', MISSING)[:10]}", info.get("strategy", MISSING)) if roomy else ()
        table.add_row(
            Text(clean(run.id), "bold"),
            *(Text(clean(text)) for text in where),
            Text(signed_percent(summary.get("total_return")).strip(), _colour(summary.get("total_return"))),
            ratio(summary.get("sharpe")).strip(),
            percent(summary.get("max_drawdown")).strip(),
            count(summary.get("trades")).strip(),
        )
    return table


def show_diff(found: Mapping[str, Any], console: Console) -> None:
    """Print what `darwin_core.comparing.compare` found."""
    console.print(_line(("A  ", "bold"), (found["a"], "")))
    console.print(_line(("B  ", "bold"), (found["b"], "")))
    console.print()
    if found["same_decisions"]:
        console.print(_line(("the same decisions, bit for bit (equal digests)", "green")))
    elif found["parting"] is None:
        console.print(_line(("equal rows of decisions under different symbols or stages", "yellow")))
    else:
        console.print(_line((f"they part at decision {found['parting']['row'] + 1:,}", "bold yellow")))
        console.print(_parting(found["parting"]))
    for heading, key in (("facts", "facts"), ("settings", "settings"), ("figures", "summary")):
        if found[key]:
            console.print()
            console.print(_three(heading, found[key], figures=key == "summary"))


def _parting(parting: Mapping[str, Any]) -> Table:
    first, second = parting["a"] or {}, parting["b"] or {}
    table = _columns("decision")
    for key in dict.fromkeys([*first, *second]):
        a, b = (clean(row.get(key, "the log has ended")) for row in (first, second))
        table.add_row(key, Text(a), Text(b), style="" if a == b else "bold yellow")
    return table


def _three(heading: str, rows: Sequence[Sequence[Any]], *, figures: bool) -> Table:
    table = _columns(heading)
    for name, a, b in rows:
        write = _FORMATS.get(name, clean) if figures else clean
        texts = [write(a).strip(), write(b).strip()]
        if texts[0] == texts[1]:
            texts = [clean(a), clean(b)]  # they differ further down than is usually shown
        table.add_row(Text(clean(name)), *(Text(text) for text in texts))
    return table


def _columns(heading: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in (heading, "A", "B"):
        table.add_column(name, overflow="fold")
    return table
