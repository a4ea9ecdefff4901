"""The control socket of a running session, in a thread with an event loop of its own.

So it answers, and closes the kill latch, while the trader's event loop is blocked. What it cannot outlive is code that
holds the interpreter's lock, or a frozen process; the watchdog is there for those.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from attrs import define, field

from darwin_core.errors import ConfigError
from darwin_core.live.control import listening
from darwin_core.live.control.answering import TOO_LONG, Answering
from darwin_core.live.control.recording import Record, Recorder
from darwin_core.live.control.requests import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from darwin_core.live.control.actions import Desk
    from darwin_core.live.control.listening import Listening

_MOST, _IDLE_S, _SEND_S, _PAUSE_S = 16, 60.0, 5.0, 0.005


@define(eq=False)
class _Connection:
    """A caller's connection, and since when it has been idle; busy: its request is being carried out."""

    writer: asyncio.StreamWriter
    since: float
    busy: bool = False


@define(eq=False)
class Server:
    """Serves one session.

    Parameters
    ----------
    folder
        The session's folder; it becomes its owner's alone.
    desk
        What the session offers.
    record
        Called for every action that was asked for, refused ones too, with what became of it, in a thread of its own.
        An action that the trader answers after its time comes a second time.
    patience_s
        How long the trader has for an action before the caller is told that it does not answer.
    """

    folder: Path
    desk: Desk
    record: Record
    patience_s: float = 5.0
    loopback: bool = listening.LOOPBACK
    _connections: dict[asyncio.Task[None], _Connection] = field(factory=dict, init=False)
    _answering: Answering = field(init=False)
    _recorder: Recorder = field(init=False)
    _listening: Listening | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _halt: Callable[[], object] | None = field(default=None, init=False)

    def start(self) -> None:
        """Listen, and answer from now on; raise ConfigError when the socket cannot be made."""
        self._listening = listening.listen(self.folder, loopback=self.loopback)
        self._recorder = Recorder(self.record)
        self._answering = Answering(self.folder, self.desk, self._recorder, self.patience_s)
        self._recorder.start()
        ready = threading.Event()
        where = self._listening
        self._thread = threading.Thread(target=self._run, args=(where, ready), name="darwin-control", daemon=True)
        self._thread.start()
        ready.wait()
        if self._halt is None:
            self.stop()
            raise ConfigError(f"{self.folder}: the thread of its control socket ended as it began")

    @property
    def alive(self) -> bool:
        """Whether it answers requests."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop answering, write the records that are waiting, and take the socket away."""
        if self._listening is None or self._thread is None:
            return
        if self._halt is not None:
            with suppress(RuntimeError):
                self._halt()
        self._thread.join(timeout_s)
        self._recorder.stop(timeout_s)
        self._listening.close()
        self._listening = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _run(self, where: Listening, ready: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve(where, ready))
        finally:
            ready.set()

    async def _serve(self, where: Listening, ready: threading.Event) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._hold(reader, writer, where)

        start = asyncio.start_server if where.address.port else asyncio.start_unix_server
        server = await start(serve, sock=where.opened, limit=LIMIT)
        self._halt = lambda: loop.call_soon_threadsafe(stopped.set)
        ready.set()
        await stopped.wait()
        server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: Listening) -> None:
        """Serve one connection to its end, whatever comes."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - says it to the type checker
        self._make_room()
        connection = _Connection(writer, asyncio.get_running_loop().time())
        self._connections[task] = connection
        try:
            await self._converse(reader, connection, where)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), _SEND_S)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # it went away or was too slow; nothing is owed to it
        finally:
            self._connections.pop(task, None)
            writer.transport.abort()

    def _make_room(self) -> None:
        """Drop the connection that has been idle longest where there are too many: the newest may be a kill."""
        if len(self._connections) >= _MOST:
            known = self._connections
            task = min(known, key=lambda each: (known[each].busy, known[each].since))
            task.cancel()
            del known[task]

    async def _converse(self, reader: asyncio.StreamReader, connection: _Connection, where: Listening) -> None:
        peer, loop = connection.writer.get_extra_info("socket"), asyncio.get_running_loop()
        while True:
            connection.busy, connection.since = False, loop.time()
            try:
                line = await asyncio.wait_for(reader.readuntil(b"\n"), _IDLE_S)
            except EOFError:
                return
            except asyncio.LimitOverrunError:
                connection.writer.write(TOO_LONG)
                return
            connection.busy = True
            async for answer in self._answering.answers(line, lambda key: where.is_owner(peer, key)):
                connection.writer.write(answer)
                await asyncio.wait_for(connection.writer.drain(), _SEND_S)
            # Whoever asks without end gets answers without end, but not the trader's processor.
            await asyncio.sleep(_PAUSE_S)
