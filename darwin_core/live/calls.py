"""Calls into plugins that may hang: each component has a thread of its own, and nobody waits for it longer than agreed.

A thread cannot be killed, so a component that hangs keeps its thread until it returns; until then it is not called.
"""

from __future__ import annotations

from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Hung(Exception):  # noqa: N818 - it is a state, and caught where the call was made
    """A component did not answer in time."""


@define(eq=False)
class _Worker:
    """One thread that runs one job at a time."""

    name: str
    _jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = field(factory=SimpleQueue, init=False)
    last: Future[Any] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Start the thread; it never keeps the process alive."""
        Thread(target=self._run, name=self.name, daemon=True).start()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Hand a job over."""
        done: Future[T] = Future()
        self.last = done
        self._jobs.put((job, done))
        return done

    def _run(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            try:
                done.set_result(job())
            except BaseException as error:  # noqa: BLE001 - whoever waits is told
                done.set_exception(error)
            del item, job, done

    def stop(self) -> None:
        """End the thread once it is free."""
        self._jobs.put(None)


@define(eq=False)
class Calls:
    """The threads of a session's components, by name."""

    _workers: dict[str, _Worker] = field(factory=dict, init=False)

    def start(self, name: str, job: Callable[[], T]) -> Future[T]:
        """Run a job in the thread of `name`.

        Raises
        ------
        Hung
            The thread is still busy with an earlier one.
        """
        worker = self._workers.get(name)
        if worker is None:
            worker = self._workers[name] = _Worker(name)
        if worker.last is not None and not worker.last.done():
            raise Hung("is still busy with an earlier bar")
        return worker.submit(job)

    def run(self, name: str, job: Callable[[], T], seconds: float) -> T:
        """Return what a job returns, or raise what it raises; Hung when that takes longer than `seconds`."""
        done = self.start(name, job)
        try:
            return done.result(seconds)
        except TimeoutError:
            if done.done():
                raise
            raise Hung(f"took longer than {seconds * 1000:g} ms") from None

    def close(self) -> None:
        """Let the threads end."""
        for worker in self._workers.values():
            worker.stop()
