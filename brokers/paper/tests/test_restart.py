"""The account outlives its process bit for bit, wherever it ends, and may be used by two at a time."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import traceback
from pathlib import Path

import pytest
from darwin_paper import broker as home
from paper_cases import MINUTE, connected, show, state, told

from darwin_core import Accepted, FillReport, Refused
from darwin_core.testing.broker_base import sample_order

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
PACKAGE = str(Path(home.__file__).parent)
FAULTS = {"partial": 0.5, "late_fill": 0.5}
BARS = 24


async def session(broker, clock):
    """Trade with orders of every kind. What was done already is done again, and changes nothing."""
    for minute in range(1, BARS):
        clock[0] = minute * MINUTE
        await show(broker, minute, 100.0 + minute % 3, low=88.0 if minute % 5 == 0 else 0.0)
        way = 1.0 if minute % 4 < 2 else -1.0
        number = 10 * minute
        for waiting in await broker.open_orders():
            if waiting.time < clock[0] - 2 * MINUTE:
                await broker.cancel(waiting.client_id)
        orders = [
            sample_order("AAA", way * 7.0, number, time_in_force="ioc", stop=0.1),
            sample_order("AAA", -5.0, number + 2, kind="limit", limit_price=101.5, time_in_force="gtc"),
        ]
        if minute % 2:  # the rest of a partial order is filled by then
            orders.append(sample_order("BBB", way * 3.0, number + 1, stop=0.05, take_profit=0.005))
        outcomes = await asyncio.gather(*map(broker.submit, orders))
        assert {outcome.code for outcome in outcomes if isinstance(outcome, Refused)} <= {"duplicate"}


async def trade(folder):
    clock = [0]
    async with connected(folder, FAULTS, now=lambda: clock[0]) as broker:
        await session(broker, clock)


def contents(folder):
    """Return every byte that the venue remembers."""
    connection = sqlite3.connect(folder / "paper.sqlite")
    try:
        orders = connection.execute("select * from orders order by number").fetchall()
        account = connection.execute("select * from account").fetchall()
        blocks = connection.execute("select entries from log order by last").fetchall()
        return orders, account, b"".join(block[0] for block in blocks)
    finally:
        connection.close()


def forked(work):
    """Run something in a copy of this process; return the copy's id, and where it writes the text of the result."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        os.write(writing, str(work()).encode())
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of the copy may go on
        traceback.print_exc()
    finally:
        os._exit(code)


def joined(child, reading):
    """Wait for a copy; return how it ended and what it wrote."""
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    return os.waitpid(child, 0)[1], text


def killed_at(line, folder):
    """Trade, and die at a line of the broker's code; with 0 count the lines."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        count += event == "line"
        if line and count >= line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def work():
        sys.settrace(trace)
        asyncio.run(trade(folder))
        sys.settrace(None)
        return count

    return joined(*forked(work))


def test_killed_at_any_line_it_goes_on_as_if_nothing_had_been(tmp_path):
    status, text = killed_at(0, tmp_path / "whole")
    assert status == 0
    whole = contents(tmp_path / "whole")
    assert len(whole[0]) > 40
    lines, points = int(text), 60
    for point in range(points):
        folder = tmp_path / str(point)
        line = 1 + (lines - 1) * point // points + point * 7 % 97
        status, _ = killed_at(line, folder)
        assert os.WIFSIGNALED(status)
        asyncio.run(trade(folder))
        assert contents(folder) == whole, f"killed at line {line} of {lines}"


def test_the_session_that_is_killed_has_everything_in_it(tmp_path):
    asyncio.run(trade(tmp_path))
    orders, _, _ = contents(tmp_path)
    assert {row[3] for row in orders} == {"target", "stop", "take_profit"}
    assert {row[13] for row in orders} >= {2, 3}

    async def ask():
        async with connected(tmp_path, FAULTS) as broker:
            return await state(broker)

    open_orders, (fills, _), positions, account = asyncio.run(ask())
    check_books(fills, positions, account)
    assert len(open_orders) > 0


def check_books(fills, positions, account):
    held = {}
    for fill in fills:
        held[fill.symbol] = held.get(fill.symbol, 0.0) + fill.quantity
    assert {p.symbol: p.quantity for p in positions} == {s: q for s, q in held.items() if q}
    assert account.cash == pytest.approx(100_000.0 - sum(f.quantity * f.price + f.fee for f in fills))
    assert len({fill.fill_id for fill in fills}) == len(fills)


async def watch(folder):
    """Cancel and flatten again and again, as a watchdog would; return the orders that were taken."""
    taken = []
    async with connected(folder) as broker:
        for number in range(1_000_000, 1_000_060):
            for order in await broker.open_orders():
                await broker.cancel(order.client_id)
            for held in await broker.positions():
                order = sample_order(held.symbol, -held.quantity, number, time_in_force="ioc", reduce_only=True)
                outcome = await broker.submit(order)
                assert isinstance(outcome, Accepted | Refused), outcome
                if isinstance(outcome, Accepted):
                    taken.append(order.client_id)
            await asyncio.sleep(0.002)
    return " ".join(taken)


async def trade_beside(folder):
    """Trade until the stream has told of somebody else's fills; return the orders that were taken, and the fills."""
    taken, fills = [], []
    async with connected(folder) as broker:

        async def follow():
            async for event in broker.events(""):
                if isinstance(event.body, FillReport):
                    fills.append(event.body)

        following = asyncio.create_task(follow())
        minute, others = 0, 0
        while minute < 60 or others < 5:
            minute += 1
            await show(broker, minute)
            for k, symbol in enumerate(("AAA", "BBB")):
                order = sample_order(symbol, 5.0, 3 * minute + k)
                if isinstance(await broker.submit(order), Accepted):
                    taken.append(order.client_id)
            await asyncio.sleep(0.001)
            others = sum(fill.client_id not in taken for fill in fills)
    await following
    return taken, fills


def test_two_processes_work_on_one_account(tmp_path):
    other = forked(lambda: asyncio.run(watch(tmp_path)))
    try:
        taken, seen = asyncio.run(asyncio.wait_for(trade_beside(tmp_path), 60))
    finally:
        status, text = joined(*other)
    assert status == 0
    assert min(len(taken), len(text.split())) > 4

    async def look():
        async with connected(tmp_path) as broker:
            fills, _ = await broker.fills_since("")
            assert list(fills[: len(seen)]) == seen
            check_books(fills, await broker.positions(), await broker.account())
            for name in [*taken, *text.split()]:
                assert (await broker.order(name)).client_id == name
            assert {fill.client_id for fill in fills} <= {*taken, *text.split()}

    asyncio.run(look())


def test_processes_that_begin_at_the_same_moment_share_the_account(tmp_path):
    async def begin(attempt, number):
        async with connected(tmp_path / str(attempt)) as broker:
            return type(await broker.submit(sample_order("AAA", 1.0, number, kind="limit", limit_price=1.0))).__name__

    for attempt in range(10):
        copies = [forked(lambda k=k: asyncio.run(begin(attempt, k))) for k in range(4)]  # noqa: B023
        assert [joined(*each) for each in copies] == [(0, "Accepted")] * 4


def test_a_write_that_fails_leaves_the_account_as_it_was(tmp_path):
    async def case():
        async with connected(tmp_path) as broker:
            await show(broker, 1)
            await broker.submit(sample_order("AAA", 10.0, 1))
            before = await state(broker)
            connection = broker.storage._connection
            connection.execute("create trigger full before insert on log begin select raise(abort, 'disk full'); end")
            with pytest.raises(OSError, match="disk full"):
                await show(broker, 2)
            outcome = await broker.submit(sample_order("AAA", 5.0, 2, time_in_force="ioc"))
            assert type(outcome).__name__ == "Unknown"
            connection.execute("drop trigger full")
            assert await state(broker) == before
            cursor = await show(broker, 2)
            assert [e.body.quantity for e in await told(broker, cursor) if isinstance(e.body, FillReport)] == [10.0]

    asyncio.run(case())


def test_a_first_bar_that_could_not_be_written_leaves_an_empty_account(tmp_path):
    async def case():
        async with connected(tmp_path) as broker:
            before = await state(broker)
            connection = broker.storage._connection
            connection.execute("create trigger full before insert on account begin select raise(abort, 'full'); end")
            with pytest.raises(OSError, match="full"):
                await show(broker, 1)
            connection.execute("drop trigger full")
            assert await state(broker) == before
            refused = await broker.submit(sample_order("AAA", 5.0, 2, time_in_force="ioc"))
            assert refused.code == "no_price"

    asyncio.run(case())
