"""Each fault can be seen, meets the same orders in every run, and takes nothing away for good."""

from __future__ import annotations

import asyncio

import pytest
from paper_cases import connected, run, show, state, told

from darwin_core import (
    Absent,
    Accepted,
    ConfigError,
    FillReport,
    Heartbeat,
    OrderReport,
    Refused,
    StreamDown,
    StreamUp,
    Unknown,
)
from darwin_core.testing import fake_options
from darwin_core.testing.broker_base import sample_order


def resting(number):
    return sample_order("AAA", 5.0, number, kind="limit", limit_price=50.0, time_in_force="gtc")


async def answers(broker):
    """Submit forty orders; return what was said, and what is there."""
    orders = [resting(number) for number in range(40)]
    said = await asyncio.gather(*(broker.submit(order) for order in orders))
    there = [isinstance(await broker.order(order.client_id), OrderReport) for order in orders]
    return [type(each).__name__ for each in said], there


@pytest.mark.parametrize(
    ("fault", "answer", "is_there"),
    [("reject", "Refused", False), ("unknown_before", "Unknown", False), ("unknown_after", "Unknown", True)],
)
def test_a_share_of_submits_meets_the_fault_and_the_same_ones_every_time(tmp_path, fault, answer, is_there):
    said, there = run(answers, tmp_path / "one", {fault: 0.5})
    assert 8 < said.count(answer) < 32
    assert said.count("Accepted") == 40 - said.count(answer)
    assert [here for each, here in zip(said, there, strict=True) if each == answer] == [is_there] * said.count(answer)
    assert run(answers, tmp_path / "again", {fault: 0.5}) == (said, there)
    assert run(answers, tmp_path / "other", {fault: 0.5, "seed": 1}) != (said, there)
    assert run(answers, tmp_path / "deployment", {fault: 0.5}, seed=1) != (said, there)
    assert run(answers, tmp_path / "all", {fault: 1.0})[0] == [answer] * 40
    assert run(answers, tmp_path / "none")[0] == ["Accepted"] * 40


def test_a_submit_that_hangs_is_never_answered_and_half_of_them_are_there(tmp_path):
    async def case(broker):
        orders = [resting(number) for number in range(40)]
        sent = [asyncio.create_task(broker.submit(order)) for order in orders]
        await broker.account()
        await broker.account()
        assert not any(each.done() for each in sent)
        there = len(await broker.open_orders())
        for each in sent:
            each.cancel()
        assert 8 < there < 32

    run(case, tmp_path, {"hang": 1.0})


def test_latency_comes_after_the_venue_has_acted(tmp_path):
    async def case(broker):
        order = resting(1)
        sent = asyncio.create_task(broker.submit(order))
        while isinstance(await broker.order(order.client_id), Absent):
            pass
        assert not sent.done()
        sent.cancel()

    run(case, tmp_path, {"latency_ms": 1e6})


def test_a_partial_order_is_filled_over_two_bars(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 10.0, 1)
        await broker.submit(order)
        await show(broker, 2)
        report = await broker.order(order.client_id)
        assert report.status == "partial"
        assert 0.0 < report.filled < 10.0
        assert report.filled == round(report.filled)
        await show(broker, 3)
        report = await broker.order(order.client_id)
        assert (report.status, report.filled) == ("filled", 10.0)
        assert len((await broker.fills_since(""))[0]) == 2
        assert [p.quantity for p in await broker.positions()] == [10.0]

    run(case, tmp_path, {"partial": 1.0})


def test_the_rest_of_a_partial_order_can_be_cancelled(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 10.0, 1)
        await broker.submit(order)
        await show(broker, 2)
        held = (await broker.positions())[0].quantity
        assert isinstance(await broker.cancel(order.client_id), Accepted)
        await show(broker, 3)
        report = await broker.order(order.client_id)
        assert (report.status, report.filled) == ("cancelled", held)

    run(case, tmp_path, {"partial": 1.0})


def test_an_exit_takes_the_rest_of_a_partial_order_with_it(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 10.0, 1, stop=0.1)
        await broker.submit(order)
        await show(broker, 2, low=80.0)
        report = await broker.order(order.client_id)
        assert report.status == "cancelled"
        assert 0.0 < report.filled < 10.0
        await show(broker, 3)
        assert not await broker.positions()

    run(case, tmp_path, {"partial": 1.0})


async def some_trading(broker):
    """Trade over ten bars; return the cursor behind it all."""
    await show(broker, 1)
    for minute in range(2, 12):
        for k, symbol in enumerate(("AAA", "BBB")):
            await broker.submit(sample_order(symbol, 1.0, 2 * minute + k))
        cursor = await show(broker, minute)
    return cursor


def cleanly_told(tmp_path):
    async def case(broker):
        return [event.body for event in await told(broker, await some_trading(broker))]

    return run(case, tmp_path / "clean")


@pytest.mark.parametrize("fault", ["duplicate", "reorder"])
def test_events_come_twice_or_in_disorder_and_none_is_lost(tmp_path, fault):
    clean = cleanly_told(tmp_path)

    async def case(broker):
        cursor = await some_trading(broker)
        bodies = [event.body for event in await told(broker, cursor)]
        assert set(bodies) == set(clean)
        if fault == "duplicate":
            assert len(bodies) > len(clean) + 4
        else:
            assert bodies != clean
            assert sorted(map(repr, bodies)) == sorted(map(repr, clean))

    run(case, tmp_path, {fault: 0.4})


def test_streams_that_end_say_so_and_going_on_from_the_last_cursor_loses_nothing(tmp_path):
    clean = cleanly_told(tmp_path)

    async def case(broker):
        target, cursor, seen, ends = int(await some_trading(broker)), "", [], 0
        while int(cursor or 0) < target:
            async for event in broker.events(cursor):
                seen.append(event.body)
                cursor = event.cursor
                if int(cursor) == target:
                    break
            ends += isinstance(seen[-1], StreamDown)
        assert ends > 1
        assert seen.count(StreamUp()) in (ends, ends + 1)
        assert [body for body in seen if isinstance(body, FillReport)] == [
            b for b in clean if isinstance(b, FillReport)
        ]

    run(case, tmp_path, {"drop": 1.0})


def test_a_mute_stream_stays_open_and_says_nothing_not_even_that_it_lives(tmp_path):
    async def case(broker):
        target = await some_trading(broker)
        seen = await told(broker, target, wait=2.5)
        assert seen[0].body == StreamUp()
        assert 0 < int(seen[-1].cursor) < int(target)
        assert not any(isinstance(event.body, Heartbeat) for event in seen)

    run(case, tmp_path, {"mute": 1.0})


def test_a_mute_stream_ends_when_the_broker_is_closed(tmp_path):
    async def case(broker):
        await some_trading(broker)
        reading = asyncio.create_task(told(broker, 10**9, wait=30.0))
        await asyncio.sleep(0.1)
        await broker.close()
        await reading

    run(case, tmp_path, {"mute": 1.0})


def test_a_late_fill_is_known_at_once_and_told_after_the_next_bar(tmp_path):
    async def begin(broker):
        await show(broker, 1)
        await broker.submit(sample_order("AAA", 10.0, 1))
        await broker.submit(resting(7))
        return await show(broker, 2)

    async def after(broker, first):
        assert not [e for e in await told(broker, first) if isinstance(e.body, FillReport)]
        (fill,) = (await broker.fills_since(""))[0]
        last = await show(broker, 3, low=40.0)
        bodies = [event.body for event in await told(broker, last, cursor=first)]
        fills = [body for body in bodies if isinstance(body, FillReport)]
        assert fills == [fill]
        assert bodies[-1] == fill
        assert any(isinstance(body, OrderReport) and body.status == "filled" for body in bodies)

    async def both():
        async with connected(tmp_path, {"late_fill": 1.0}) as broker:
            first = await begin(broker)
        async with connected(tmp_path, {"late_fill": 1.0}) as broker:
            await after(broker, first)

    asyncio.run(both())


def test_positions_can_lag_a_bar_behind(tmp_path):
    async def case(broker):
        await show(broker, 1)
        await broker.submit(sample_order("AAA", 10.0, 1))
        await show(broker, 2)
        assert not await broker.positions()
        assert (await broker.fills_since(""))[0]
        await show(broker, 3)
        assert [p.quantity for p in await broker.positions()] == [10.0]

    run(case, tmp_path, {"lag_positions": True})


def test_faults_of_the_stream_leave_the_account_as_it_is(tmp_path):
    async def case(broker):
        await some_trading(broker)
        return await state(broker)

    faults = {"duplicate": 0.5, "reorder": 0.5, "late_fill": 0.5, "mute": 0.5, "drop": 0.5}
    *_, positions, account = run(case, tmp_path / "one")
    *_, positions_too, account_too = run(case, tmp_path / "other", faults)
    assert (positions, account) == (positions_too, account_too)


@pytest.mark.parametrize(
    ("options", "what"),
    [({"reject": 1.5}, "<= 1"), ({"latency_ms": -1.0}, ">= 0"), ({"partal": 0.5}, "did you mean 'partial'")],
)
def test_wrong_options_are_refused_with_their_place(options, what):
    from darwin_paper.faults import Faults

    with pytest.raises(ConfigError, match=what):
        fake_options(options).into(Faults)


def test_without_faults_every_answer_is_clean(tmp_path):
    async def case(broker):
        outcomes = await answers(broker)
        assert not isinstance(outcomes, Refused | Unknown)
        return outcomes

    assert run(case, tmp_path) == (["Accepted"] * 40, [True] * 40)
