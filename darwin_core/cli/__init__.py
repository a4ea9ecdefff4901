"""The command line. This module imports nothing heavy: a command's own module is imported when it is called."""

from __future__ import annotations

import sys

COMMANDS = {
    "backtest": "run a deployment over its history",
    "sweep": "run a grid of parameters over all cores",
    "check": "validate a deployment without running it",
    "runs": "list, show and compare stored runs",
    "plugins": "list what is installed",
    "new-plugin": "start a plugin of your own",
    "evaluate": "show how an agent does against its baseline",
    "bench": "measure the inference backends",
    "graduation": "say where an agent stands on the way to active; promote, demote",
    "train": "train an agent on recorded runs, judge it on held-out time, publish it signed",
    "models": "list, verify, promote and roll back trained policies; make keys",
    "live": "trade a deployment, or rehearse it on the past",
    "parity": "compare a live session with the backtest of its tape, byte for byte",
    "replay": "run a recorded live session again through the unchanged plugins",
    "status": "show what a session is doing, or was doing last",
    "halt": "take no new risk in a running session",
    "resume": "let a halted session trade again; --release opens the kill latch",
    "flatten": "kill switch: close the latch, cancel every order, close every position",
    "watchdog": "flatten by itself when the trader is frozen or dead",
    "override": "change an agent's mode, or deny or allow a symbol, in a running session",
    "token": "say who may do what to a session: add, list, revoke, require",
    "checks": "list the pre-trade controls of live trading",
    "audit": "check a live journal for tampering, copy it while it runs",
    "archive": "move old journal records to columnar files",
    "warmup": "compile the kernels, so that the next run need not",
}

_USAGE = """\
usage: darwin COMMAND ...

learning agents between a trading signal and an order, trusted by evidence

commands:
{commands}

darwin COMMAND --help says more; every command takes --json.
A word that is no command is taken as the name of an installed plugin that brings commands of its own.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        print(_USAGE.format(commands="\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())), end="")  # noqa: T201
        return 0 if words else 2
    if words[0] in ("--version", "-V"):
        from darwin_core import __version__

        print(f"darwin {__version__}")  # noqa: T201
        return 0
    from darwin_core.cli.running import run_command

    return run_command(words[0], words[1:])
