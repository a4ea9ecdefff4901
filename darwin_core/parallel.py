"""Evaluate blocks in several processes. Each assembles the deployment for itself; results come back in order."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from attrs import define

from darwin_core import config
from darwin_core.assembly import assemble
from darwin_core.engine import plan
from darwin_core.errors import RunError
from darwin_core.evaluate import Evaluator
from darwin_core.law.audit import Auditor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from darwin_core.evaluate import Part
    from darwin_core.law.audit import Audited

_worker: dict[str, Any] = {}


@define(eq=False)
class Workers:
    """Processes that evaluate and audit blocks of one deployment."""

    path: Path
    changes: Mapping[str, Any]
    processes: int

    def parts(self, blocks: int) -> Iterator[tuple[Part, tuple[Audited, ...]]]:
        """Yield the blocks in order, each with what was audited in it."""
        with pool(self.processes, _start, self.path, dict(self.changes)) as workers:
            pending = [workers.submit(_evaluate, k) for k in range(min(blocks, 2 * self.processes))]
            for k in range(blocks):
                if k + len(pending) < blocks:
                    pending.append(workers.submit(_evaluate, k + len(pending)))
                yield pending.pop(0).result()


@contextmanager
def pool(processes: int, start: Callable[..., None], *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Start processes that each call `start` first; whatever ends the block, what has not begun is dropped.

    Raises
    ------
    RunError
        When a process dies.
    """
    context = get_context("spawn")  # a fork would copy locks and threads of Arrow in whatever state they are
    workers = ProcessPoolExecutor(processes, context, start, arguments)
    try:
        with _deaf():
            workers.submit(int)  # starts all of them
        yield workers
    except BrokenProcessPool:
        raise RunError("a worker process died (out of memory, or killed); try --processes 1") from None
    finally:
        workers.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Start processes that do not hear Ctrl-C: the parent decides what an interrupt means."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(path: Path, changes: Mapping[str, Any]) -> None:
    line = assemble(config.load(path, changes))
    blocks = plan(line, line.feed.times())
    _worker["evaluator"] = Evaluator(line, blocks)
    _worker["auditor"] = None if line.settings.run.audit == "off" else Auditor(line, blocks)


def _evaluate(k: int) -> tuple[Part, tuple[Audited, ...]]:
    evaluator, auditor = _worker["evaluator"], _worker["auditor"]
    part = evaluator.part(k)
    if auditor is None:
        return part, ()
    before = auditor.audited()
    auditor.check_market(k, evaluator, part)
    done = {a.component: a.prefixes for a in before}
    return part, tuple(type(a)(a.component, a.prefixes - done.get(a.component, 0)) for a in auditor.audited())
