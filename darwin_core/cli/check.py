"""``darwin check``: everything that can be found out about a deployment without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import add_deployment, changes, console, escape

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_deployment(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Assemble the deployment, read its data, and say what it is."""
    from darwin_core.assembly import assemble
    from darwin_core.backtest import CONVENTIONS, resolved
    from darwin_core.config import load
    from darwin_core.engine import plan, ready
    from darwin_core.evaluate import stamp

    line = assemble(load(Path(arguments.deployment), changes(arguments.settings)))
    time = line.feed.times()
    ready(line, time)
    facts = {
        "deployment": line.settings.deployment.name,
        "bars": len(time),
        "first": stamp(time[0]),
        "last": stamp(time[-1]),
        "symbols": list(line.feed.symbols),
        "fields": list(line.feed.fields),
        "findings": list(line.feed.findings()),
        "blocks": len(plan(line, time)),
        "strategy": str(line.strategy.owner),
        "columns": [column.name for column in line.columns],
        "agents": [f"{part.owner}, {part.trust.mode}" for part in line.agents],
        "monitors": [str(part.owner) for part in line.monitors],
        "reporters": [str(owner) for _, owner in line.reporters],
        "fill": CONVENTIONS[line.settings.execution.fill],
        "limits": {"max_weight": line.limits.max_weight, "max_gross": line.limits.max_gross,
                   "max_drawdown": line.limits.max_drawdown, "allow_short": line.limits.allow_short},
    }  # fmt: skip
    if not arguments.json:
        _show(facts)
    return {"valid": True, **facts, "resolved": resolved(line.settings)}


def _show(facts: dict[str, Any]) -> None:
    out = console()
    for name, value in facts.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            text = ", ".join(f"{key} {each}" for key, each in value.items())
        out.print(f"[bold]{name:>10}[/]  {escape(str(text if text != '' else '-'))}")
    out.print("[green]the deployment is valid[/]")
