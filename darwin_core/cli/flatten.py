"""``darwin flatten``: the kill switch. The latch closes first; then all orders are cancelled, all positions closed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting
from darwin_core.cli.running import console, escape
from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_TODO = "as far as is known nothing was cancelled and no position closed; the watchdog does that, or the broker's page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help=acting.SESSION)
    parser.add_argument("--yes", action="store_true", help="do not ask again")
    acting.add_arguments(parser)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Ask for it; where no process answers, close the latch on its file, and say that nothing was cancelled or sold."""
    from darwin_core.live.control import client, offline, sessions

    folder = sessions.find(arguments.session)
    request = acting.request(arguments, "flatten")
    if sys.stdin.isatty() and not arguments.yes:
        _confirm(folder)
    heard: list[str] = []

    def tell(latch: str) -> None:
        heard.append(latch)
        if not arguments.json:
            console(stderr=True).print(f"[bold]{escape(latch)}[/]; waiting for the trader ...")

    try:
        answer = client.ask(folder, request, tell=tell)
        if answer.get("closed") is False:
            said = offline.close(folder, request["token"], arguments.who, arguments.reason)
            answer = {**answer, "text": f"{answer['text']}; {said} on its file", "closed": True, "offline": True}
    except client.NoAnswer as error:
        said = offline.close(folder, request["token"], arguments.who, arguments.reason)
        text = f"{said} on its file; {error}: {_TODO}"
        answer = {"kind": "unanswered", "text": text, "closed": True, "offline": True}
    except KeyboardInterrupt:
        if not heard:
            raise
        answer = {"kind": "unanswered", "text": f"{heard[-1]}; you have not waited for the trader"}
    return acting.tell(arguments, folder, answer)


def _confirm(folder: Path) -> None:
    """Ask on the terminal; raise ConfigError unless the answer is yes."""
    ask = f"[bold red]cancel every order, close every position and latch[/] {escape(folder.name)}? (yes/no) "
    try:
        console(stderr=True).print(ask, end="")
        said = input().strip().lower()
    except EOFError:
        said = ""
    if said not in ("y", "yes"):
        raise ConfigError("nothing was done")
