"""The record of actions, written by a thread of its own: a slow disk or a busy journal never holds up a kill."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeAlias

from attrs import define, evolve, field

from darwin_core.live.control.actions import Action, Answer

Record: TypeAlias = Callable[[Action, Answer], None]
_WAITING = 1_000
_MINUTE_NS = 60 * 10**9


@define(eq=False)
class Recorder:
    """Hands actions to the runtime's journal, in order."""

    write: Record
    _waiting: queue.Queue[tuple[Action, Answer, Future[None]] | None] = field(factory=lambda: queue.Queue(_WAITING))
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the thread; `start` starts it."""
        self._thread = threading.Thread(target=self._run, name="darwin-control-record", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, action: Action, answer: Answer) -> Future[None]:
        """Hand over what became of an action; the future is done when it is written."""
        future: Future[None] = Future()
        try:
            self._waiting.put_nowait((action, answer, future))
        except queue.Full:
            future.set_exception(RuntimeError("too many records are waiting"))
        return future

    def stop(self, timeout_s: float) -> None:
        """Write what is waiting, for at most so long."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (each := self._waiting.get()) is not None:
            action, answer, future = each
            try:
                self.write(action, answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, who asked is told
                future.set_exception(error)
            else:
                future.set_result(None)


@define(eq=False)
class Guesses:
    """Counts wrong tokens, so that a flood of them does not fill the journal: so many a minute are written down.

    Right tokens are never locked out: somebody who guesses must not keep the one away who has to stop the trader.
    """

    most: int = 10
    _times: list[int] = field(factory=list)
    _unwritten: int = 0

    def writes(self, answer: Answer, at: int) -> Answer | None:
        """Return what to write of a wrong token at a time (ns): nothing, or the answer with how many went before."""
        self._times = [each for each in self._times if at - each < _MINUTE_NS]
        if len(self._times) >= self.most:
            self._unwritten += 1
            return None
        self._times.append(at)
        unwritten, self._unwritten = self._unwritten, 0
        return evolve(answer, text=f"{answer.text}; {unwritten} more before it") if unwritten else answer
