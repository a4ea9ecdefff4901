"""A thread that writes the journal, so that the event loop never waits for a disk.

What is handed over while a commit is under way goes into the next commit together: under load, many writers share one
sync. The order in which things are handed over is the order of the records.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from attrs import define, field

from darwin_core.live.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darwin_core.live.journal import Journal, Written
    from darwin_core.live.schema import Entry

_TOGETHER = 64


@define
class _Job:
    entries: Sequence[Entry]
    done: Future[Written] = field(factory=Future)


@define(eq=False)
class Writer:
    """Writes a journal from any thread or coroutine.

    The journal's book changes in the writer's thread, so a coroutine reads it only after its own `write` has returned
    and before it awaits anything else, or asks for what it needs inside what it writes.
    """

    journal: Journal
    failed: str = field(default="", init=False)
    _jobs: SimpleQueue[_Job | None] = field(factory=SimpleQueue, init=False)
    _thread: Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Start the thread."""
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, entries: Sequence[Entry]) -> Future[Written]:
        """Hand entries over; the future ends when they are on disk, or with what `Journal.append` raises."""
        job = _Job(tuple(entries))
        self._jobs.put(job)
        return job.done

    async def write(self, entries: Sequence[Entry]) -> Written:
        """Return when entries are on disk; raise what `Journal.append` raises.

        A cancelled caller does not take its entries back: they may be on disk already.
        """
        return await asyncio.shield(asyncio.wrap_future(self.submit(entries)))

    def note(self, entries: Sequence[Entry]) -> None:
        """Hand over what nobody waits for; a failure stands in `failed`."""
        self.submit(entries).add_done_callback(self._noted)

    def _noted(self, done: Future[Written]) -> None:
        error = done.exception()
        if error is not None:
            self.failed = str(error)

    def close(self) -> None:
        """Write what was handed over, end the thread, and close the journal."""
        self._jobs.put(None)
        self._thread.join()
        self.journal.close()

    def _run(self) -> None:
        going = True
        while going:
            jobs = [self._jobs.get()]
            while len(jobs) < _TOGETHER and not self._jobs.empty():
                jobs.append(self._jobs.get())
            going = None not in jobs
            self._write([job for job in jobs if job is not None])

    def _write(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        try:
            results = self.journal.append_groups([job.entries for job in jobs])
        except Exception as error:  # noqa: BLE001 - every caller is told
            self.failed = str(error)
            for job in jobs:
                job.done.set_exception(error if isinstance(error, JournalError) else JournalError(str(error)))
            return
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, Exception):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)
