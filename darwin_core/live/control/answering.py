"""From a request to its answers: who asks, whether they may, what the session does, what goes on the record."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from darwin_core.errors import ConfigError, DarwinError, did_you_mean
from darwin_core.live.control import callers, requests, snapshot
from darwin_core.live.control.actions import REDUCING, Action, Answer, Desk, needed
from darwin_core.live.control.private import now_ns
from darwin_core.live.control.recording import Guesses, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from darwin_core.live.control.callers import Caller
    from darwin_core.live.control.requests import Request
    from darwin_core.live.status import Status

    IsOwner = Callable[[str], bool]

CLOSED = "the kill latch is closed"
_RECORD_S, _GUESS_S = 1.0, 1.0


@define(eq=False)
class Answering:
    """Answers the requests of one session.

    Parameters
    ----------
    patience_s
        How long the runtime has for an action.
    """

    folder: Path
    desk: Desk
    recorder: Recorder
    patience_s: float
    login: str = field(factory=callers.login)
    _guesses: Guesses = field(factory=Guesses)
    _shown: tuple[Status, bytes] | None = None
    _tasks: set[asyncio.Task[bytes]] = field(factory=set)

    async def answers(self, line: bytes, is_owner: IsOwner) -> AsyncIterator[bytes]:
        """Yield the answers to a line, each a line: one, and before it, for a flattening, what the latch says."""
        try:
            request = requests.parse(line)
            caller = self._caller(request, is_owner)
            if request.do == "status":
                yield await self._status(caller)
                return
            async for answer in self._carry_out(request, caller):
                yield answer
        except ConfigError as error:
            yield _line({"kind": "refused", "text": str(error)})
        except Exception as error:  # noqa: BLE001 - one bad request must not end the service
            yield _line({"kind": "failed", "text": f"the control socket failed: {type(error).__name__}"})

    def _caller(self, request: Request, is_owner: IsOwner) -> Caller:
        local = self.login if is_owner(request.key) else ""
        return callers.identify(self.folder, request.token, now_ns(), local=local)

    async def _status(self, caller: Caller) -> bytes:
        if problem := caller.refusal(None, "viewer"):
            if caller.guessing:
                await asyncio.sleep(_GUESS_S)
            return _line({"kind": "refused", "text": problem})
        status = self.desk.status()
        if self._shown is None or self._shown[0] is not status:
            self._shown = status, b'{"kind":"done","status":' + snapshot.encode(status) + b"}\n"
        return self._shown[1]

    async def _carry_out(self, request: Request, caller: Caller) -> AsyncIterator[bytes]:
        action = self._action(request, caller)
        if problem := caller.refusal(action.name, needed(action.name, action.details)):
            yield await self._refuse(action, caller, problem)
            return
        latch = self._kill(action) if action.name == "flatten" else ""
        # From here on it does not depend on the caller, who may go away.
        task = asyncio.create_task(self._finish(action, self._hand_over(action), latch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if latch:
            yield _line({"latch": latch, "closed": latch == CLOSED, "more": True})
        yield await asyncio.shield(task)

    async def _finish(self, action: Action, future: Future[str], latch: str) -> bytes:
        """Wait for the trader, put what became of the action on record, return the answer."""
        try:
            answer = await self._outcome(action, future)
        except asyncio.CancelledError:
            self.recorder.put(action, Answer("unanswered", "the control socket was closed before the trader answered"))
            raise
        if latch:
            answer = evolve(answer, text=f"{latch}; {answer.text}")
        recorded = await _settled(self.recorder.put(action, answer), _RECORD_S)
        found: dict[str, object] = {"kind": answer.kind, "text": answer.text, "recorded": recorded}
        return _line({**found, "latch": latch, "closed": latch == CLOSED} if latch else found)

    def _action(self, request: Request, caller: Caller) -> Action:
        assert request.do != "status"  # noqa: S101 - says it to the type checker
        details = dict(request.details)
        if "agent" in details:
            details["from"] = self._mode(details["agent"])
        if caller.emergency:
            details["tokens"] = caller.problem
        return Action(request.do, caller.named(request.who), caller.role or "viewer", request.why, details)

    def _mode(self, agent: str) -> str:
        """Return an agent's mode as last published, empty when nothing is."""
        try:
            modes = {line.name: line.mode for line in self.desk.status().agents}
        except Exception:  # noqa: BLE001 - without a status the greater right is needed
            return ""
        if agent not in modes:
            raise ConfigError(f"there is no agent {agent!r}: {did_you_mean(agent, modes)}")
        return modes[agent]

    async def _refuse(self, action: Action, caller: Caller, problem: str) -> bytes:
        answer: Answer | None = Answer("refused", problem)
        if caller.guessing:
            answer = self._guesses.writes(Answer("refused", problem), now_ns())
            await asyncio.sleep(_GUESS_S)
        recorded = answer is not None and await _settled(self.recorder.put(action, answer), _RECORD_S)
        return _line({"kind": "refused", "text": problem, "recorded": recorded})

    def _kill(self, action: Action) -> str:
        try:
            self.desk.kill(action)
        except Exception as error:  # noqa: BLE001 - the flattening goes on, and who asked is told
            return f"the kill latch is NOT closed ({_words(error)})"
        return CLOSED

    def _hand_over(self, action: Action) -> Future[str]:
        try:
            return self.desk.act(action)
        except Exception as error:  # noqa: BLE001 - as above
            failed: Future[str] = Future()
            failed.set_exception(error)
            return failed

    async def _outcome(self, action: Action, future: Future[str]) -> Answer:
        if await _settled(future, self.patience_s, good=False):
            return _outcome(future)
        late = f"the trader has not answered within {self.patience_s:g} s"
        if action.name not in REDUCING and future.cancel():
            return Answer("unanswered", f"{late}; the request was withdrawn")
        future.add_done_callback(lambda done: self.recorder.put(action, _outcome(done)))
        return Answer("unanswered", f"{late}; it has the request and may still carry it out")


def _outcome(future: Future[str]) -> Answer:
    """Return what a finished future says."""
    if future.cancelled():
        return Answer("failed", "the trader dropped the request")
    error = future.exception()
    if error is not None:
        return Answer("refused" if isinstance(error, DarwinError) else "failed", _words(error))
    return Answer("done", requests.clean(str(future.result()), 1_000))


def _words(error: BaseException) -> str:
    text = requests.clean(str(error), 500)
    return text if isinstance(error, DarwinError) else f"{type(error).__name__}: {text}"


async def _settled(future: Future[Any], timeout_s: float, *, good: bool = True) -> bool:
    """Wait for a future without ever cancelling it; return whether it is done and, if `good`, without an error."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def tell(_future: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop may be closed by then
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(tell)
    with suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), timeout_s)
    return future.done() and not (good and (future.cancelled() or future.exception()))


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


TOO_LONG = _line({"kind": "refused", "text": f"a request has at most {requests.LIMIT:,} bytes"})
