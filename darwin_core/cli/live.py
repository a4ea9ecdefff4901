"""``darwin live``: run a deployment on the market, or rehearse it on the past."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.cli.running import add_deployment, changes, console, escape

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from darwin_core.live.control.actions import Action, Answer
    from darwin_core.live.runtime import Runtime
    from darwin_core.live.session import Session
    from darwin_core.live.status import Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_deployment(parser)
    parser.add_argument("--replay", metavar="FROM:TO", help="rehearse on the feed's past, 2015-01-01:2016-01-01")
    parser.add_argument("--speed", help="bars a second of a replay, or max")
    parser.add_argument("--resume", metavar="SESSION", help="go on with a session that was interrupted")
    parser.add_argument("--plain", action="store_true", help="one line a bar instead of the screen, for logs")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run a session until its bars end or somebody stops it; return how it stands."""
    from darwin_core import compiled
    from darwin_core.live import session as sessions
    from darwin_core.live.control import snapshot
    from darwin_core.live.control.actions import as_entry
    from darwin_core.live.control.server import Server
    from darwin_core.live.running import open_runtime
    from darwin_core.screen.live import LiveScreen

    show = console(stderr=True)
    if not arguments.json:
        compiled.on_compile(lambda: show.print("[dim]compiling the kernels: once per machine, some seconds[/]"))
    asked = _speed(arguments.speed)
    session = _session(arguments, show)
    speed = session.settings.live.speed if asked is None else asked
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(LiveScreen(console(), as_lines=arguments.plain)) if not arguments.json else None

        def publish(status: Status) -> None:
            snapshot.write(session.folder, status)
            if screen is not None:
                screen.show(status)

        try:
            runtime = open_runtime(session, speed, publish)
        except BaseException:
            sessions.forget(session)
            raise

        def record(action: Action, answer: Answer) -> None:
            runtime.record(as_entry(action, answer))

        stack.enter_context(Server(session.folder, runtime, record))
        sys.setswitchinterval(0.001)  # the control socket's thread must not wait for a busy one
        asyncio.run(_until_stopped(runtime))
    _remember(session, show)
    status = runtime.status()
    if not arguments.json:
        console().print(f"[dim]session[/] {escape(session.id)}  [dim]digest[/] {status.digest[:16]}", soft_wrap=True)
    return {"folder": session.folder.as_posix(), **snapshot.plain(status)}


def _remember(session: Session, show: Console) -> None:
    """Put what the session's agents decided into the state database."""
    from darwin_core.errors import DarwinError
    from darwin_core.live.session import home
    from darwin_core.state import FILE
    from darwin_core.state.sessions import record_session

    try:
        record_session(home(session.settings).parent / FILE, session)
    except DarwinError as error:
        show.print(f"[yellow]not recorded: {escape(str(error))}[/]")


def _session(arguments: argparse.Namespace, show: Console) -> Session:
    """Begin a session, or take up the one that is there."""
    from darwin_core import config
    from darwin_core.errors import ConfigError
    from darwin_core.live import session as sessions

    path, given = Path(arguments.deployment), changes(arguments.settings)
    if arguments.resume is not None:
        if given or arguments.replay is not None:
            raise ConfigError("--resume goes on with what the session was begun with: leave --set and --replay out")
        found = sessions.find(arguments.resume, path)
        if not sessions.unchanged(found):
            note = f"{found.info['deployment']} has changed since; the session goes on with the words it was begun with"
            show.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
        return found
    settings = config.load(path, given)
    replay = settings.live.replay if arguments.replay is None else arguments.replay
    if arguments.replay == "":
        raise ConfigError("--replay is empty: write FROM:TO, 2015-01-01:2016-01-01; either may be empty")
    return sessions.begin(path, given, replay=replay or None)


def _speed(given: str | None) -> float | None:
    from darwin_core.errors import ConfigError

    if given is None:
        return None
    if given == "max":
        return 0.0
    try:
        speed = float(given)
    except ValueError:
        speed = -1.0
    if not speed > 0.0:
        raise ConfigError(f"--speed {given}: write a number of bars a second, or max")
    return speed


async def _until_stopped(runtime: Runtime) -> None:
    """Run; the first Ctrl-C or SIGTERM stops after the bar at work, a second one at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(runtime.run())
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            runtime.stop()
        else:
            task.cancel()

    for name in ("SIGINT", "SIGTERM"):
        if sys.platform != "win32":
            loop.add_signal_handler(getattr(signal, name), stop)
    try:
        await task
    except asyncio.CancelledError:
        if asked < 2:
            raise
