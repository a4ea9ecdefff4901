"""A small desk with a real latch, in this process or, run as a program, in one of its own.

    python fake_desk.py FOLDER [well|asleep|busy|mute]

well: the main loop carries actions out; asleep: it sleeps for ever; busy: it spins; mute: the socket's thread stands
still, too.
"""

from __future__ import annotations

import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict, define, evolve, field

from darwin_core.errors import ConfigError
from darwin_core.live.control import places, snapshot
from darwin_core.live.control.server import Server
from darwin_core.live.status import AgentLine, ControlLine, Holding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_core.live.control.actions import Action, Answer
    from darwin_core.live.latch import Latch

STATUS = Status(
    "demo", "demo-1", "paper", "trading", "", 1_700_000_000 * 10**9, 1_700_000_000 * 10**9, 7, 0, 98_000.0, 50_000.0,
    100_000.0, 99_000.0, 48_000.0, 48_000.0, curve=(100_000.0, 98_000.0),
    holdings=(Holding("AAA", 10.0, 4_800.0, 48_000.0, 0.49, -0.02),),
    agents=(
        AgentLine("gate", "canary", "closed", 7, 1, 0, math.nan, "pass"),
        AgentLine("master", "active", "open", 7, 0, 2, 0.5, "hold"),
    ),
    controls=(ControlLine("price_collar", "5 %", math.nan, 0, ""),), broker="paper",
)  # fmt: skip


@define(eq=False, slots=False)
class FakeDesk:
    """Carries out what its main loop takes from the queue; remembers what the socket did."""

    folder: Path
    heard: list[Action] = field(factory=list)
    killed: list[Action] = field(factory=list)
    records: list[tuple[Action, Answer]] = field(factory=list)
    waiting: queue.SimpleQueue[tuple[Action, Future[str]] | None] = field(factory=queue.SimpleQueue)
    shown: Status = STATUS
    latch: Latch = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.latch = places.latch(self.folder)
        self.latch.prepare()

    def status(self) -> Status:
        return self.shown

    def act(self, action: Action) -> Future[str]:
        future: Future[str] = Future()
        self.heard.append(action)
        self.waiting.put((action, future))
        return future

    def kill(self, action: Action) -> None:
        self.begun = time.perf_counter()
        self.killed.append(action)
        self.latch.close(action.who, action.why, time.time_ns())
        with (self.folder / "kills").open("a") as file:
            file.write(f"{self.begun}\n")

    def record(self, action: Action, answer: Answer) -> None:
        self.records.append((action, answer))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Carry actions out in a thread of its own."""
        thread = threading.Thread(target=self.work)
        thread.start()
        try:
            yield
        finally:
            self.waiting.put(None)
            thread.join()

    def work(self) -> None:
        """Carry out what comes."""
        while (each := self.waiting.get()) is not None:
            self.carry_out(*each)

    def carry_out(self, action: Action, future: Future[str]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        if action.why == "refuse me":
            future.set_exception(ConfigError("the trader does not like it"))
        elif action.why == "break":
            future.set_exception(ZeroDivisionError("oh"))
        else:
            if action.name == "release":
                self.latch.release(action.who, action.why, time.time_ns())
            self.shown = evolve(self.shown, why=action.name)
            future.set_result(f"did {action.name}")


class Scribe:
    """Writes each record as a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, action: Action, answer: Answer) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({**asdict(action), "details": dict(action.details), **asdict(answer)}) + "\n")


class Mute(FakeDesk):
    """Its status never returns."""

    def status(self) -> Status:
        time.sleep(600)
        return STATUS

    def kill(self, action: Action) -> None:
        time.sleep(600)


@contextmanager
def process(folder: Path, manner: str) -> Iterator[subprocess.Popen[str]]:
    """A desk in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    words = [sys.executable, __file__, str(folder), manner]
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


def main(folder: Path, manner: str) -> None:
    desk = (Mute if manner == "mute" else FakeDesk)(folder)
    snapshot.write(folder, STATUS)
    with Server(folder, desk, Scribe(folder / "records.jsonl"), patience_s=0.5 if manner != "well" else 5.0):
        print("ready", flush=True)  # noqa: T201
        if manner == "well":
            desk.work()
        if manner == "busy":
            number = 0
            while True:
                number += 1
        time.sleep(600)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "well")
