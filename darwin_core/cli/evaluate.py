"""``darwin evaluate``: how an agent does from day to day, measured against its baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import console, escape

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from darwin_core.state import Health
    from darwin_core.state.intervals import Interval
    from darwin_core.training.serving import Comparison

_SHOWN_DAYS = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("agent", nargs="?", metavar="AGENT", help="its name in the deployment; without one: list all")
    parser.add_argument("--db", default="runs/state.sqlite", metavar="FILE", help="the database (runs/state.sqlite)")
    parser.add_argument("--days", type=_days, metavar="N", help="only the last N calendar days that it holds (all)")
    parser.add_argument("--rows", metavar="RUN", help="compare what it was shown with training on this run")
    deployment = "for --rows: the deployment with the agent (darwin.toml)"
    parser.add_argument("--deployment", default="darwin.toml", metavar="FILE", type=Path, help=deployment)
    parser.add_argument("--run", metavar="RUN", dest="session", help="a run's id or its beginning (live, else newest)")


def _days(text: str) -> int:
    import argparse

    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text}: write a number of days, 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> dict[str, Any] | tuple[dict[str, Any], int]:
    """Show one agent's health, or compare what it was shown, or list the agents."""
    import attrs

    from darwin_core import state
    from darwin_core.state.sessions import record_sessions

    path = Path(arguments.db)
    for problem in record_sessions(path):
        console(stderr=True).print(f"[yellow]{escape(problem)}[/]")
    if arguments.agent is None:
        rows = state.listing(path)
        if not arguments.json:
            _show_list(rows, path, console())
        return {"db": path.as_posix(), "agents": rows}
    if arguments.rows is not None:
        return _compare(arguments, path)
    found = state.health(path, arguments.agent, arguments.days, arguments.session)
    if not arguments.json:
        _show(found, console())
    return {"db": path.as_posix(), **attrs.asdict(found)}


def _compare(arguments: argparse.Namespace, path: Path) -> tuple[dict[str, Any], int]:
    """Compare what a policy was shown with a stored run; the status is 1 when a row differs."""
    import attrs

    from darwin_core import config, state
    from darwin_core.store import Store
    from darwin_core.training.serving import compare

    settings = config.load(arguments.deployment)
    stored = Store(arguments.deployment.parent / settings.run.store).get(arguments.rows)
    rows = state.shown(path, arguments.agent, arguments.days, arguments.session)
    found = compare(rows, stored, arguments.deployment, arguments.agent)
    if not arguments.json:
        _show_rows(found, arguments.agent, console())
    facts = {"db": path.as_posix(), "sessions": rows.sessions, **attrs.asdict(found)}
    return facts, 1 if found.first else 0


def _show_rows(found: Comparison, agent: str, out: Console) -> None:
    from darwin_core.screen.words import count, line

    out.print(line((agent, "bold"), (f"  {found.version}, against run {found.run}", "")), soft_wrap=True)
    out.print(line((f"{count(found.decisions)} decisions, {count(found.hashed)} with the hash of their row", "")))
    if not found.compared:
        out.print(line(("that run knows none of these rows: it has other bars or symbols", "yellow")), soft_wrap=True)
        return
    style = "green" if found.first is None else "red"
    rows = f"{count(found.equal)} of {count(found.compared)} rows"
    said = f"{rows} that training sees in that run are the same to the bit"
    out.print(line((said, style)), soft_wrap=True)
    if found.first is not None:
        first = found.first
        values = ", ".join(f"{name} {value:.6g}" for name, value in first.values.items())
        both = f"{first.served} served, {first.trained} in training"
        where = f"the first that differs: {first.symbol} at {first.time}, {both}"
        out.print(line((where, "red")), soft_wrap=True)
        out.print(line((f"training sees {values}", "dim")), soft_wrap=True)


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, heading in enumerate(headings):
        first = number == 0
        table.add_column(heading, justify="left" if first else "right", overflow="fold", no_wrap=not first)
    return table


def _show_list(rows: Sequence[Mapping[str, Any]], path: Path, out: Console) -> None:
    from rich.text import Text

    from darwin_core.screen.words import clean, count, line, percent

    if not rows:
        out.print(line((f"{path} holds no decision of any agent", "")))
        return
    table = _table("agent", "decisions", "applied", "agreed", "last day")
    session, keys = "", [(row["session_id"], row["agent_name"]) for row in rows]
    for row in rows:
        if row["session_id"] != session:
            session = row["session_id"]
            table.add_row(Text(f"{row['kind']} {clean(session)}", "dim"))
        many = keys.count((row["session_id"], row["agent_name"])) > 1
        name = Text(f"  {clean(row['agent_name'])}", "bold") + Text(f" {clean(row['agent_version'])}" * many, "")
        cells = (count(row["decisions"]), count(row["applied"]), percent(row["agreement"]), row["last_utc"][:10])
        table.add_row(name, *cells)
    out.print(table)
    out.print(line(("darwin evaluate AGENT says more", "dim")))


def _show(health: Health, out: Console) -> None:
    from rich.table import Table

    out.print(_header(health))
    out.print()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in (
        ("Decisions", _decisions(health)),
        ("Agreement", _agreement(health)),
        ("Skipped", _skipped(health)),
        *_impact(health),
        *_experiment(health),
        ("Latency", _latency(health)),
        ("Incidents", _incidents(health)),
    ):
        if text is not None:
            grid.add_row(name, text)
    out.print(grid)
    out.print()
    out.print(_last_days(health))


def _header(health: Health) -> Text:
    from rich.text import Text

    from darwin_core.screen.words import line

    where = health.sessions[0] if len(health.sessions) == 1 else f"{len(health.sessions)} sessions"
    lines = [
        line((health.agent, "bold"), (f"  {health.version}, {' and '.join(health.modes)}", "")),
        line((f"{health.kind} {where}", "dim")),
        line((f"{health.first} to {health.last} ({health.timezone})", "dim")),
    ]
    if health.others:
        lines.append(line((f"not counted: decisions of version {', '.join(health.others)}", "yellow")))
    return Text("\n").join(lines)


def _decisions(health: Health) -> Text:
    from darwin_core.screen.words import count, line

    changes = " changes of action" if health.moment == "bar" else ""
    said = f"{count(health.decisions)}{changes}, {count(health.applied)} applied"
    fell = f"fell back {_times(health.fallbacks)}" if health.fallbacks else "never fell back"
    return line((f"{said}; ", ""), (fell, "yellow" if health.fallbacks else ""))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _agreement(health: Health) -> Text:
    from darwin_core.screen.words import count, line, percent

    said = f"{percent(health.agreement)} with its baseline; {count(health.overrides)} overrides"
    judged = health.right + health.wrong
    right = f", {percent(health.right / judged)} of {count(judged)} right" if judged else ", none judged"
    return line((said + (right if health.overrides and health.moment == "candidate" else ""), ""))


def _skipped(health: Health) -> Text | None:
    from darwin_core.screen.words import line, percent

    if health.moment != "candidate":
        return None
    said = f"{percent(health.skipped)} of the candidates, {percent(health.winners_missed)} of those with a gain"
    return line((said, ""))


def _impact(health: Health) -> list[tuple[str, Text]]:
    """Return a line a measure, each with its interval, and what they rest on."""
    from darwin_core.screen.words import count, line, money

    measures: tuple[tuple[Interval | None, str, Callable[..., str]], ...] = (
        (health.impact_r, "R a decision", _r),
        (health.impact_money, "in money, all decisions", money),
        (health.account, "a day on the whole account", _basis_points),
    )
    rows = [_with_interval(interval, unit, write) for interval, unit, write in measures if interval is not None]
    if not rows:
        why = "no outcome is known yet" if health.moment == "candidate" else "the account without it is not recorded"
        return [("Impact", line((f"not known: {why}", "yellow")))]
    applied = "" if health.applied == health.decisions else ", applied or not"
    known = f"; {count(health.resolved)} outcomes known" if health.moment == "candidate" else ""
    # A baseline need not be what there is without the agent: an expert's is to decline.
    if health.impact_r is not None or health.impact_money is not None:
        rows.append(line((f"against its baseline{applied}{known}", "dim")))
    if health.account is not None:
        rows.append(line(("the account: against one without the agent", "dim")))
    rows.append(line((_about_intervals(health), "dim")))
    return [("Impact" if number == 0 else "", row) for number, row in enumerate(rows)]


def _experiment(health: Health) -> list[tuple[str, Text]]:
    """Return a line an arm: where it acts, what it adds there, and how that compares with the first one."""
    from darwin_core.screen.words import clean, count, line

    found = health.experiment
    if found is None:
        return []
    lines = [line((clean(found.name), "bold"), ("; each arm on its own symbols", "dim"))]
    for arm in found.arms:
        where = f"{count(arm.symbols)} symbols, {count(arm.decisions)} decisions, {count(arm.applied)} applied"
        lines.append(line((clean(arm.agent), "bold"), (f" {clean(arm.version)}: {where}", "")))
        if arm.uplift is None:
            lines.append(line(("  nothing known: no outcome of a decision about a candidate", "yellow")))
            continue
        lines.append(line(("  ", "")) + _with_interval(arm.uplift, "R a decision", _r))
        if arm.lead is not None:
            lines.append(line(("  ", "")) + _with_interval(arm.lead, f"R against {clean(health.agent)}", _r))
    return [("Experiment" if number == 0 else "", each) for number, each in enumerate(lines)]


def _r(value: float, *, sign: bool = False) -> str:
    """Return R with the digits that a mean over many decisions needs: an end of -0.003 is not 0."""
    from darwin_core.screen.words import fixed

    return fixed(value, 3, sign=sign)


def _basis_points(value: float, *, sign: bool = False) -> str:
    from darwin_core.screen.words import ratio

    return f"{ratio(value * 1e4, sign=sign)} bp"


def _with_interval(interval: Interval, unit: str, write: Callable[..., str]) -> Text:
    from darwin_core.screen.words import colour, known, line

    sure = known(interval.low) is not None
    clear = sure and interval.low * interval.high > 0.0
    ends = f" [{write(interval.low, sign=True)} to {write(interval.high, sign=True)}]" if sure else ""
    style = colour(interval.value) if clear else ""
    return line((write(interval.value, sign=True), f"bold {style}".strip()), (f" {unit}{ends}", ""))


def _about_intervals(health: Health) -> str:
    from darwin_core.state.intervals import LEAST_BLOCKS

    found = [each for each in (health.impact_r, health.impact_money, health.account) if each is not None]
    blocks = " and ".join(dict.fromkeys(f"{each.blocks:,} blocks of a {each.unit}" for each in found))
    if all(each.blocks < LEAST_BLOCKS for each in found):
        return f"no interval: {blocks}, and it takes {LEAST_BLOCKS}"
    return f"95 %, bootstrap of {blocks}, fixed seed"


def _latency(health: Health) -> Text:
    from darwin_core.screen.words import known, line

    p50, p99 = health.latency
    if known(p50) is None:
        return line(("not measured" + (": a backtest asks for a block at once" * (health.kind == "backtest")), "dim"))
    return line((f"p50 {p50:,.2f} ms, p99 {p99:,.2f} ms", ""))


def _incidents(health: Health) -> Text:
    from rich.text import Text

    from darwin_core.screen.words import line

    if not health.incidents:
        return line(("none", "green"))
    return Text("\n").join(
        line((f"{each['kind']} {_times(each['count'])}", "bold yellow"), (f"; the first: {each['what']}", ""))
        for each in health.incidents
    )


def _last_days(health: Health) -> Table:
    from rich.text import Text

    from darwin_core.screen.words import colour, count, money, percent, ratio

    table = _table("last days", "decisions", "applied", "agreed", "resolved", "R", "money", "incidents")
    for day in health.days[-_SHOWN_DAYS:]:
        table.add_row(
            day["day"],
            count(day["decisions"]),
            count(day["applied"]),
            percent(day["agreement"]),
            count(day["resolved"]),
            Text(ratio(day["reward_r"], sign=True), colour(day["reward_r"])),
            Text(money(day["reward_money"], sign=True), colour(day["reward_money"])),
            count(day["incidents"]),
        )
    return table
