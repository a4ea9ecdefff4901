"""``darwin watchdog``: a process of its own that flattens when the trader is frozen or dead."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

from darwin_core.cli import acting
from darwin_core.cli.running import FAILED, console, escape

if TYPE_CHECKING:
    import argparse

    from darwin_core.live.watchdog import Watchdog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help=acting.SESSION)
    parser.add_argument("--patience", metavar="SECONDS", help="how long the trader may stand still ([live] watchdog_s)")
    parser.add_argument("--once", action="store_true", help="look once, act if need be, and end")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Watch until it is stopped; the exit status of ``--once`` is 1 when it had to act."""
    from darwin_core import clock
    from darwin_core.live import session as sessions
    from darwin_core.live.control import sessions as folders
    from darwin_core.live.watchdog import watchdog_of

    out = console(stderr=True)

    def say(text: str) -> None:
        out.print(escape(f"{clock.now():%Y-%m-%dT%H:%M:%SZ} watchdog: {text}"), soft_wrap=True)

    session = sessions.load(folders.find(arguments.session))
    patience = _patience(arguments.patience, session.settings.live.watchdog_s)
    dog = watchdog_of(session, patience, say)
    say(f"watches {session.id}: flattens it when the trader stands still for {patience:g} s")
    acted = asyncio.run(_until_stopped(dog, once=arguments.once))
    said = "it has acted: the kill latch is closed, and the account flat" if acted else "it had nothing to do"
    say(said)
    return {"session": session.folder.as_posix(), "acted": acted, "text": said}, FAILED if acted else 0


def _patience(given: str | None, default: float) -> float:
    from darwin_core.errors import ConfigError

    try:
        seconds = default if given is None else float(given)
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds < float("inf"):
        raise ConfigError(f"--patience {given}: write a number of seconds, 1 or more")
    return seconds


async def _until_stopped(dog: Watchdog, *, once: bool) -> bool:
    """Watch; Ctrl-C and SIGTERM end it, whatever it is doing."""
    task = asyncio.create_task(dog.watch(once=once))
    if sys.platform != "win32":
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return False
