"""``darwin resume``: a halted session trades again; with --release, a named person opens the kill latch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting
from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help=acting.SESSION)
    parser.add_argument("--release", action="store_true", help="open the kill latch; this needs --who, too")
    acting.add_arguments(parser)


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Ask for it; where no process runs the session, release the latch on its file."""
    if not arguments.release:
        return acting.act(arguments, "resume")
    if not arguments.who.strip():
        raise ConfigError("the kill latch is released by a named person, with a reason: give --who NAME")
    from darwin_core.live.control import client, offline, sessions

    folder = sessions.find(arguments.session)
    try:
        answer = client.ask(folder, acting.request(arguments, "release"))
    except client.NoAnswer as error:
        if error.mute:
            raise ConfigError(f"{error}: end it first; the kill latch stays as it is") from None
        said = offline.release(folder, acting.secret(arguments), arguments.who, arguments.reason)
        answer = {"kind": "done", "text": f"{said} on its file; {error}", "offline": True}
    return acting.tell(arguments, folder, answer)
