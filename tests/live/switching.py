"""Kills real sessions at random moments, under conditions in which it is hard, and holds them against the venue's file.

    with Switched(folder, condition) as session:
        points = [session.kill() for _ in range(20)]     # each: kill, wait until flat, look at the venue, release

A session runs in a thread of its own, on the made-up market of the campaigns; the paper broker is its venue. What the
venue has in its own order log after the trigger is what counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import define, evolve, field, frozen
from campaigns.rehearsal import begun, deployment

from darwin_core.errors import DarwinError
from darwin_core.live import session as sessions
from darwin_core.live.control import client, snapshot
from darwin_core.live.control.actions import Action, as_entry
from darwin_core.live.control.server import Server
from darwin_core.live.latch import Latch
from darwin_core.live.orders import Approved, Intent, Refused
from darwin_core.live.running import open_runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.session import Session

SLOW = Path(__file__).with_name("slow_agent.py")
HUNG = threading.Event()
"""While it is set, the agent of `slow_agent.py` does not answer."""
sys.modules.setdefault("switching", sys.modules[__name__])

FAULTS = {"hang": 0.15, "unknown_before": 0.1, "unknown_after": 0.1, "partial": 0.3, "late_fill": 0.2}
CONDITIONS = (
    "plain", "loop blocked", "model hung", "stream down", "orders in doubt", "orders of others", "orders meanwhile",
    "venue that refuses", "venue that fills half",
)  # fmt: skip


@frozen
class Point:
    """What came of one kill, and what the venue had since.

    Seconds until the latch was closed on disk for everybody who looks, until it was flat, and until the latch's record
    was synced.
    """

    gate_s: float
    flat_s: float
    record_s: float
    added: tuple[str, ...]
    in_flight: int
    flat: bool
    closed: int


@define(eq=False)
class Wire:
    """The venue, with a note of every order at the moment at which it is handed over."""

    inner: Any
    calls: dict[str, tuple[float, Intent]] = field(factory=dict)
    down: bool = False
    refuse: int = 0
    halves: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def submit(self, order: Approved) -> Any:
        self.calls[order.client_id] = time.perf_counter(), order
        if order.leg == "flatten":
            if self.refuse > 0:
                self.refuse -= 1
                return Refused("later", "not now")
            if self.halves and abs(order.quantity) > 1.0:
                order = Approved(evolve(order, quantity=order.quantity / 2.0))
        return await self.inner.submit(order)

    async def events(self, cursor: str) -> AsyncIterator[Any]:
        if self.down:
            raise ConnectionError("the stream is down")
        async for event in self.inner.events(cursor):
            if self.down:
                raise ConnectionError("the stream is down")
            yield event


def deploy(folder: Path, condition: str = "plain", bars: int = 60_000, **live: Any) -> Path:
    """Write a deployment for a condition."""
    tables: dict[str, Any] = {"live": {"answer_s": 0.5, "patience_s": 20.0, **live}}
    if condition == "orders in doubt":
        tables["broker"] = FAULTS
    if condition == "model hung":
        tables["agents"] = [{"use": SLOW, "name": "careful", "mode": "active", "deadline_ms": 20_000.0}]
    calm = {"feed": {"bars": bars, "missing": 0.02, "move": 0.0005}, "strategy": {"stop": 0.05, "take": 0.08}}
    return deployment(folder, **calm, **tables)


def opened(path: Path, speed: float = 0.0) -> tuple[Runtime, Wire]:
    """Open the session of a deployment with its wire; begin it when there is none."""
    session = begun(path) or sessions.begin(path, {}, replay=":")
    runtime = open_runtime(session, speed, lambda status: snapshot.write(session.folder, status))
    wire = Wire(runtime.broker)
    runtime.broker = runtime.ordering.broker = runtime.killer.broker = wire
    return runtime, wire


@define(eq=False)
class Switched:
    """A session that runs in a thread, to be killed."""

    folder: Path
    condition: str = "plain"
    seed: int = 0
    disk: SmallDisk | None = None
    runtime: Runtime = field(init=False)
    wire: Wire = field(init=False)
    path: Path = field(init=False)
    problem: BaseException | None = field(default=None, init=False)
    _thread: threading.Thread = field(init=False)
    _random: random.Random = field(init=False)
    _number: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        self._random = random.Random(f"{self.condition} {self.seed}")  # noqa: S311
        self.path = deploy(self.folder, self.condition)
        self._start()
        return self

    def _start(self) -> None:
        session = begun(self.path) or sessions.begin(self.path, {}, replay=":")
        if self.disk is not None:
            self.disk.venue_of(session, self.seed)
        self.runtime, self.wire = opened(self.path)
        self.problem = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        HUNG.clear()
        with contextlib.suppress(RuntimeError):  # it may have ended by itself
            self.loop.call_soon_threadsafe(self.runtime.stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self.runtime.run())
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.problem = error

    @property
    def session(self) -> Session:
        return self.runtime.session

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        while self.runtime.inbox.loop is None:
            time.sleep(0.001)
        return self.runtime.inbox.loop

    def kill(self) -> Point:
        """Let it trade for a moment, kill it, wait until it is flat, release it."""
        self._number += 1
        self.trade()
        before = last_order(self.session)
        with self._made_hard():
            begun_at, shut_at, recorded_at = self.pull()
            while not self.runtime.killer.done:
                assert self._thread.is_alive(), self.problem
                time.sleep(0.001)
            flat_at = time.perf_counter()
        point = self.seen(before, shut_at, shut_at - begun_at, flat_at - begun_at, recorded_at - begun_at)
        self.release()
        return point

    def kill_on_full_disk(self) -> Point:
        """Fill the disk and kill it; when it has ended, make room, and let it come up again: latched, its book right."""
        assert self.disk is not None
        self._number += 1
        self.trade()
        before = last_order(self.session)
        self.disk.fill()
        begun_at, shut_at, recorded_at = self.pull()
        while not self.runtime.killer.done and self._thread.is_alive():
            time.sleep(0.001)
        flat_at, killed = time.perf_counter(), self.runtime.killer.done
        point = self.seen(before, shut_at, shut_at - begun_at, flat_at - begun_at, recorded_at - begun_at)
        self._thread.join()
        assert isinstance(self.problem, DarwinError), self.problem
        self.disk.free()
        self._start()
        while self.runtime.state == "starting" or not self.runtime.killer.done:
            assert self._thread.is_alive(), self.problem
            time.sleep(0.001)
        assert self.runtime.shut()
        time.sleep(0.02)
        assert not any(self.runtime.course.held().values()), self.runtime.course.held()
        self.release()
        # A bar may have found the disk full before the kill: then the session had ended, and it was no case of this.
        return point if killed else self.kill_on_full_disk()

    def trade(self) -> None:
        """Wait until something is held or ordered, and a random moment longer."""
        until = time.perf_counter() + 30.0
        bars = self.runtime.course.bars
        while self.runtime.course.bars < bars + 3 or not held(self.session):
            assert self._thread.is_alive(), self.problem
            assert time.perf_counter() < until, self.runtime.stance.closed
            time.sleep(0.002)
        time.sleep(self._random.uniform(0.0, 0.03))

    def release(self) -> None:
        """Release the latch as a person does."""
        self.runtime.act(Action("release", "Ada", "admin", "the campaign goes on")).result(30.0)
        self.runtime.act(Action("resume", "Ada", "admin", "the campaign goes on")).result(30.0)

    @contextlib.contextmanager
    def _made_hard(self) -> Iterator[None]:
        """Bring the condition about just before the kill, and take it away after."""
        other: Other | None = None
        if self.condition == "loop blocked":
            self.loop.call_soon_threadsafe(time.sleep, 0.3)
            time.sleep(self._random.uniform(0.0, 0.02))
        elif self.condition == "model hung":
            HUNG.set()
            time.sleep(self._random.uniform(0.0, 0.02))
        elif self.condition == "stream down":
            self.wire.down = True
        elif self.condition == "venue that refuses":
            self.wire.refuse = 3
        elif self.condition == "venue that fills half":
            self.wire.halves = True
        elif self.condition.startswith("orders of") or self.condition == "orders meanwhile":
            other = Other(self.runtime, f"{self._number}", 1 if self.condition.startswith("orders of") else 4)
            other.start()
            other.first.wait()
        try:
            yield
        finally:
            HUNG.clear()
            self.wire.down = self.wire.halves = False
            self.wire.refuse = 0
            if other is not None:
                other.join()

    def pull(self) -> tuple[float, float, float]:
        """Kill it; return when that began, when the latch was seen closed on disk, and when its record was synced."""
        disk, recorded_at = Latch(self.session.latch, must_exist=True), [0.0]

        def kill() -> None:
            self.runtime.kill(Action("flatten", "Ada", "admin", f"point {self._number}"))
            recorded_at[0] = time.perf_counter()

        killing = threading.Thread(target=kill)
        begun_at = time.perf_counter()
        killing.start()
        while not disk.state().closed:
            time.sleep(0.0002)
        shut_at = time.perf_counter()
        killing.join()
        return begun_at, shut_at, recorded_at[0]

    def seen(self, before: int, shut_at: float, gate_s: float, flat_s: float, record_s: float) -> Point:
        """Look into the venue's own file."""
        added, in_flight, closed = [], 0, 0
        for row in orders_after(self.session, before):
            name, leg, reduces = row["client_id"], row["leg"], bool(row["reduce_only"])
            called = self.wire.calls.get(name)
            if leg == "flatten" and reduces:
                closed += 1
            elif called is not None and called[0] > shut_at and called[1].leg != "flatten":
                added.append(f"{name} {leg} {row['quantity']:g}")
            elif called is not None:
                in_flight += 1
        return Point(gate_s, flat_s, record_s, tuple(added), in_flight, flat(self.session), closed)


@define(eq=False)
class Trader:
    """A session in a process of its own, which can be frozen and killed."""

    path: Path
    speed: float = 200.0
    process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def start(self) -> None:
        """Start it; return when it trades."""
        words = [sys.executable, "-W", "ignore", __file__, str(self.path), str(self.speed)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    @property
    def session(self) -> Session:
        found = begun(self.path)
        assert found is not None
        return found

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Ask its control socket."""
        return client.ask(self.session.folder, {"do": do, "token": "", "who": "Ada", "why": "a test", **details})

    def status(self) -> dict[str, Any]:
        """Return its status."""
        found: dict[str, Any] = self.ask("status")["status"]
        return found

    def until(self, what: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait for something."""
        until = time.perf_counter() + seconds
        while not what():
            assert time.perf_counter() < until, "it has not come about"
            assert self.process.poll() is None, self.process.returncode
            time.sleep(0.005)


def main(path: Path, speed: float) -> None:
    """Trade, in a process of its own."""
    runtime, _ = opened(path, speed)

    async def trade() -> None:
        running = asyncio.create_task(runtime.run())
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, runtime.stop)
        while runtime.state == "starting" and not running.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        print("ready", flush=True)  # noqa: T201
        await running

    with Server(runtime.session.folder, runtime, lambda action, answer: runtime.record(as_entry(action, answer))):
        asyncio.run(trade())


class Other(threading.Thread):
    """Somebody else who trades in the same account: a limit order that rests, a market order, a position."""

    def __init__(self, runtime: Runtime, name: str, times: int) -> None:
        super().__init__()
        self.runtime, self.tag, self.times = runtime, name, times
        self.first = threading.Event()

    def run(self) -> None:
        asyncio.run(self._trade())

    async def _trade(self) -> None:
        from darwin_core.assembly import broker_of

        broker: Any = broker_of(self.runtime.line, self.runtime.session.folder, self.runtime.clock.now)
        await broker.connect()
        try:
            for n in range(self.times):
                for order in self._orders(n):
                    await broker.submit(Approved(order))
                self.first.set()
                await asyncio.sleep(0.03 if n + 1 < self.times else 0.0)
        finally:
            self.first.set()
            await broker.close()

    def _orders(self, n: int) -> list[Intent]:
        first = Intent(f"X-{self.tag}-{n}-a", "other", 0, "S0", "manual", 0, 5.0, 0.0, time_in_force="ioc")
        return [
            first,
            evolve(first, client_id=f"X-{self.tag}-{n}-b", symbol="S1", kind="limit", limit_price=1.0,
                   time_in_force="gtc"),
            evolve(first, client_id=f"X-{self.tag}-{n}-c", symbol="S2", time_in_force="day"),
        ]  # fmt: skip


def _rows(session: Session, query: str, *values: object) -> list[dict[str, Any]]:
    path = session.folder / "paper.sqlite"
    if not path.exists():
        return []
    connection = sqlite3.connect(path, timeout=5.0)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(query, values)]
    except sqlite3.OperationalError:  # it is being made
        return []
    finally:
        connection.close()


def last_order(session: Session) -> int:
    """Return the venue's number of its newest order."""
    found = _rows(session, "select coalesce(max(number), 0) as number from orders")
    return int(found[0]["number"]) if found else 0


def orders_after(session: Session, number: int) -> list[dict[str, Any]]:
    """Return the venue's orders behind a number."""
    return _rows(session, "select * from orders where number > ? order by number", number)


def held(session: Session) -> dict[int, float]:
    """Return the venue's net quantities by the symbol's number, of all orders ever, whosever they were."""
    rows = _rows(session, "select symbol, sum(filled) as net from orders group by symbol")
    return {row["symbol"]: row["net"] for row in rows if abs(row["net"]) > 1e-9}


def live(session: Session) -> int:
    """Return how many orders may trade at the venue."""
    return int(_rows(session, "select count(*) as n from orders where status <= 1")[0]["n"])


def flat(session: Session) -> bool:
    """Return whether the venue has no order that may trade and no position."""
    return live(session) == 0 and not held(session)


class SmallDisk:
    """A disk of its own for a session, which can be filled; the venue's file lies elsewhere. Needs the right to mount."""

    def __init__(self, folder: Path) -> None:
        self.place, self.venue = folder / "disk", folder / "venue"
        self.place.mkdir(parents=True)
        self.venue.mkdir()
        self._filler = self.place / "filler"

    @staticmethod
    def possible() -> bool:
        """Return whether this user may mount one."""
        return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount") is not None

    def __enter__(self) -> Self:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.place)], check=True)
        return self

    def __exit__(self, *_error: object) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)

    def venue_of(self, session: Session, number: int) -> None:
        """Put a session's paper account on the other disk."""
        link = session.folder / "paper.sqlite"
        if not link.is_symlink():
            link.symlink_to(self.venue / f"{number}.sqlite")

    def fill(self) -> None:
        """Leave no room at all."""
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
