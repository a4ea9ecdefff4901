"""The campaign: the kill switch from random points, under every condition in which it is hard; the figures are printed.

    pytest -m slow -s tests/live/test_kill_switch.py
    DARWIN_POINTS=50 pytest -m slow -s tests/live/test_kill_switch.py     # fewer points, for a look

A short sample of each condition runs in `test_killing.py` and `test_watchdog.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from attrs import evolve
from campaigns.evidence import End, wrong
from campaigns.rehearsal import rehearse
from switching import CONDITIONS, Point, SmallDisk, Switched, Trader, deploy, flat, held, last_order, orders_after

from darwin_core.live.control import places
from darwin_core.live.watchdog import watchdog_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from darwin_core.live.session import Session

pytestmark = pytest.mark.slow
POINTS = int(os.environ.get("DARWIN_POINTS", "500"))
_EACH = 50
"""Kills of one session, before another one begins."""


def report(condition: str, points: list[Point]) -> None:
    """Print the figures of a condition."""
    names = ("gate_s", "flat_s", "record_s")
    gate, flat_s, record = (np.array([getattr(point, name) for point in points]) for name in names)
    print(  # noqa: T201
        f"\n{condition}: {len(points)} points; latch on disk p50 {_ms(gate, 50)}, p99 {_ms(gate, 99)}, "
        f"max {_ms(gate, 100)} ms; its record synced p50 {_ms(record, 50)}, p99 {_ms(record, 99)} ms; flat and proven p50 {_ms(flat_s, 50)}, p99 {_ms(flat_s, 99)}, "
        f"max {_ms(flat_s, 100)} ms; {sum(point.closed for point in points)} closing orders, "
        f"{sum(point.in_flight for point in points)} in flight, {sum(len(point.added) for point in points)} added risk, "
        f"{sum(not point.flat for point in points)} not flat"
    )


def _ms(seconds: np.ndarray, percent: float) -> str:
    return f"{np.percentile(seconds, percent) * 1e3:.1f}"


def sessions(many: int) -> Iterable[tuple[int, int]]:
    """Yield the numbers of sessions, and how many kills each has."""
    for n in range(0, many, _EACH):
        yield n // _EACH, min(_EACH, many - n)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_killed_at_random_points_it_is_flat_and_has_added_no_risk(condition: str, tmp_path: Path) -> None:
    points: list[Point] = []
    for seed, many in sessions(POINTS):
        with Switched(tmp_path / str(seed), condition, seed) as session:
            points += [session.kill() for _ in range(many)]
        assert session.problem is None
        if condition not in ("orders of others", "orders meanwhile"):
            assert wrong(session.session, End.of(session.runtime)) == []
    report(condition, points)
    assert [point.added for point in points if point.added] == []
    assert all(point.flat for point in points)


@pytest.mark.skipif(not SmallDisk.possible(), reason="a disk of its own cannot be mounted")
def test_killed_on_a_full_disk_it_is_flat_and_comes_up_latched_with_a_book_that_is_right(tmp_path: Path) -> None:
    points: list[Point] = []
    for seed, many in sessions(POINTS):
        with (
            SmallDisk(tmp_path / str(seed)) as disk,
            Switched(disk.place / "session", "disk full", seed, disk) as session,
        ):
            points += [session.kill_on_full_disk() for _ in range(many)]
    report("disk full", points)
    assert [point.added for point in points if point.added] == []
    assert all(point.flat for point in points)


def test_frozen_at_random_points_the_watchdog_flattens_and_the_thawed_trader_adds_no_risk(tmp_path: Path) -> None:
    dice, points = random.Random(1), []  # noqa: S311
    for seed, many in sessions(POINTS):
        with Trader(deploy(tmp_path / str(seed), bars=200_000), speed=500.0) as trader:
            for _ in range(many):
                trader.until(lambda: held(trader.session))
                time.sleep(dice.uniform(0.0, 0.05))
                points.append(frozen(trader))
            trader.signal(signal.SIGTERM)
            trader.process.wait(30.0)
            again = rehearse(trader.path, stop=1)
        assert wrong(again.session, End.of(again)) == []
    report("frozen, the watchdog's patience 0.5 s", points)
    assert [point.added for point in points if point.added] == []
    assert all(point.flat for point in points)


def writable(session: Session) -> bool:
    """Return whether nobody holds the venue's file."""
    file = sqlite3.connect(session.folder / "paper.sqlite", timeout=0.05, isolation_level=None)
    try:
        file.execute("BEGIN IMMEDIATE")
        file.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        file.close()
    return True


def frozen(trader: Trader) -> Point:
    """Freeze a trader, let a watchdog act, thaw it, look what it did then, release it."""
    session = trader.session
    trader.signal(signal.SIGSTOP)
    while not writable(session):  # it was just writing the venue's file, which no real venue shares with a trader
        trader.signal(signal.SIGCONT)
        time.sleep(0.01)
        trader.signal(signal.SIGSTOP)
    before, began, shut = last_order(session), time.perf_counter(), 0.0

    async def watch() -> None:
        nonlocal shut
        dog = asyncio.create_task(watchdog_of(session, 0.5, lambda _text: None).watch(once=True))
        while not shut and not dog.done():
            if places.latch(session.folder).state().closed:
                shut = time.perf_counter()
            await asyncio.sleep(0.001)
        assert await asyncio.wait_for(dog, 30.0)

    asyncio.run(watch())
    flat_at = time.perf_counter()
    was_flat = flat(session)
    trader.signal(signal.SIGCONT)
    bars = trader.status()["bars"]
    trader.until(lambda: trader.status()["bars"] > bars + 10)
    rows = orders_after(session, before)
    added = tuple(f"{row['client_id']} {row['leg']}" for row in rows if row["leg"] != "flatten" and row["filled"])
    found = flat(session)
    assert trader.ask("release")["kind"] == "done"
    closed = sum(row["leg"] == "flatten" for row in rows)
    in_flight = sum(row["leg"] != "flatten" for row in rows) - len(added)
    return Point(shut - began, flat_at - began, float("nan"), added, in_flight, was_flat and found, closed)


def test_killed_with_its_loop_blocked_for_good_the_watchdog_flattens(tmp_path: Path) -> None:
    points: list[Point] = []
    with Switched(tmp_path, "loop blocked for good") as session:
        for _ in range(max(POINTS // 10, 1)):
            session.trade()
            before, blocked = last_order(session.session), threading.Event()
            session.loop.call_soon_threadsafe(blocked.wait)
            began, shut, recorded = session.pull()
            dog = watchdog_of(session.session, 10.0, lambda _text: None)
            asyncio.run(asyncio.wait_for(dog.watch(once=True), 30.0))
            flat_s = time.perf_counter() - began
            found = flat(session.session)
            blocked.set()
            while not session.runtime.killer.done:
                time.sleep(0.001)
            point = session.seen(before, shut, shut - began, flat_s, recorded - began)
            points.append(evolve(point, flat=found and point.flat))
            session.release()
    assert session.problem is None
    report("loop blocked for good, the watchdog's patience 10 s", points)
    assert [point.added for point in points if point.added] == []
    assert all(point.flat for point in points)
    assert wrong(session.session, End.of(session.runtime)) == []


def test_killed_with_its_process_the_watchdog_flattens_and_the_next_one_comes_up_right(tmp_path: Path) -> None:
    dice, points = random.Random(2), []  # noqa: S311
    trader = Trader(deploy(tmp_path, bars=200_000), speed=500.0)
    for _ in range(max(POINTS // 10, 1)):
        with trader:
            trader.until(lambda: held(trader.session))
            time.sleep(dice.uniform(0.0, 0.05))
            trader.process.kill()
            trader.process.wait()
            before, began = last_order(trader.session), time.perf_counter()
            dog = watchdog_of(trader.session, 0.5, lambda _text: None)
            assert asyncio.run(asyncio.wait_for(dog.watch(once=True), 30.0))
            flat_s = time.perf_counter() - began
            rows = orders_after(trader.session, before)
            added = tuple(row["client_id"] for row in rows if row["leg"] != "flatten")
            points.append(
                Point(float("nan"), flat_s, float("nan"), added, 0, flat(trader.session), len(rows) - len(added))
            )
        again = rehearse(trader.path, stop=3)
        assert again.shut()
        assert not any(again.course.held().values())
        assert wrong(again.session, End.of(again)) == []
        places.latch(trader.session.folder).release("Ada", "the campaign goes on", 1)
    report("process killed, the watchdog's patience 0.5 s", points)
    assert [point.added for point in points if point.added] == []
    assert all(point.flat for point in points)
