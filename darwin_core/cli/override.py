"""``darwin override``: change an agent's mode, or deny or allow a symbol, while the session runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its two forms."""
    forms = parser.add_subparsers(metavar="agent|symbol", required=True)
    agent = forms.add_parser("agent", help="change an agent's mode: downwards an operator may, upwards the role risk")
    agent.add_argument("name", metavar="NAME", help="the agent's name in the deployment")
    agent.add_argument("mode", choices=("off", "observe", "canary", "active"), help="its mode from the next bar on")
    symbol = forms.add_parser("symbol", help="deny or allow new risk in a symbol")
    symbol.add_argument("name", metavar="SYMBOL")
    symbol.add_argument("rule", choices=("deny", "allow"))
    symbol.set_defaults(run=_symbol)
    for form in (agent, symbol):
        form.add_argument("--session", metavar="SESSION", help=acting.SESSION)
        acting.add_arguments(form)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Change an agent's mode."""
    return acting.act(arguments, "override", {"agent": arguments.name, "mode": arguments.mode})


def _symbol(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    return acting.act(arguments, "override", {"symbol": arguments.name, "rule": arguments.rule})
