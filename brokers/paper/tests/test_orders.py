"""What becomes of orders at the venue, beyond what every broker owes."""

from __future__ import annotations

import numpy as np
import pytest
from paper_cases import MINUTE, SYMBOLS, run, show, state, told

from darwin_core import Absent, Accepted, DataError, FillReport, OrderReport, Refused, exit_order_id, ledger
from darwin_core.config import Execution, Exits
from darwin_core.testing.broker_base import sample_order, sample_slice
from darwin_core.types import Limits

DAY = 1_440


def rules(fill="next_open", *, has_range=True, gross=2.0, **execution):
    limits = Limits(1.0, gross, 1.0, allow_short=True)
    return ledger.rules(Execution(fill=fill, **execution), Exits(), limits, has_range=has_range, own_stops=True)


def limit(quantity, price, number=0, **changes):
    return sample_order("AAA", quantity, number, kind="limit", limit_price=price, **{"time_in_force": "gtc", **changes})


async def fills_of(broker, order):
    return [(f.quantity, f.price) for f in (await broker.fills_since(""))[0] if f.client_id == order.client_id]


def test_a_second_market_order_for_a_symbol_is_refused_until_the_first_is_gone(tmp_path):
    async def case(broker):
        await show(broker, 1)
        first, second, third = (sample_order("AAA", 5.0, number) for number in range(3))
        assert isinstance(await broker.submit(first), Accepted)
        refused = await broker.submit(second)
        assert isinstance(refused, Refused)
        assert refused.code == "busy"
        assert isinstance(await broker.submit(sample_order("BBB", 5.0, 9)), Accepted)
        assert await broker.order(second.client_id) == Absent(authoritative=True)
        await broker.cancel(first.client_id)
        assert isinstance(await broker.submit(third), Accepted)
        await show(broker, 2)
        assert await fills_of(broker, third) == [(5.0, 100.0)]

    run(case, tmp_path)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": 0.0}, "bad_quantity"),
        ({"quantity": float("nan")}, "bad_quantity"),
        ({"symbol": "XYZ"}, "unknown_symbol"),
        ({"kind": "limit"}, "bad_price"),
        ({"kind": "limit", "limit_price": -1.0}, "bad_price"),
        ({"stop": -0.1}, "bad_exit"),
        ({"take_profit": float("inf")}, "bad_exit"),
        ({"reduce_only": True}, "nothing_to_reduce"),
        ({"time_in_force": "ioc"}, "no_price"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_code(tmp_path, changes, code):
    async def case(broker):
        order = sample_order(changes.pop("symbol", "AAA"), changes.pop("quantity", 5.0), 1, **changes)
        outcome = await broker.submit(order)
        assert isinstance(outcome, Refused)
        assert outcome.code == code
        assert outcome.text

    run(case, tmp_path)


def test_what_the_gross_limit_has_no_room_for_is_cancelled(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order, none = sample_order("AAA", 3000.0, 1), sample_order("BBB", 10.0, 2)
        await broker.submit(order)
        await show(broker, 2)
        report = await broker.order(order.client_id)
        assert report.status == "cancelled"
        assert report.quantity == 3000.0
        assert report.filled == pytest.approx(2000.0)
        assert "gross limit" in report.text
        await broker.submit(none)
        await show(broker, 3)
        report = await broker.order(none.client_id)
        assert (report.status, report.filled) == ("cancelled", 0.0)
        assert not await broker.open_orders()

    run(case, tmp_path)


def test_an_order_that_may_not_wait_is_filled_at_the_last_close_with_slippage_and_fees(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 10.0, 1, time_in_force="ioc")
        await broker.submit(order)
        (fill,) = (await broker.fills_since(""))[0]
        assert (fill.quantity, fill.price, fill.fee) == (10.0, 101.0, 0.001 * 1010.0)
        assert (await broker.account()).cash == 100_000.0 - 1010.0 - fill.fee

    run(case, tmp_path, rules=rules(slippage=0.01, fee=0.001))


def test_an_order_at_once_leaves_the_waiting_one_as_it_was(tmp_path):
    async def case(broker):
        await show(broker, 1)
        waits = sample_order("AAA", 10.0, 1, stop=0.05)
        await broker.submit(waits)
        await broker.submit(sample_order("AAA", 4.0, 2, time_in_force="ioc", stop=0.5))
        assert [p.quantity for p in await broker.positions()] == [4.0]
        await show(broker, 2)
        assert [p.quantity for p in await broker.positions()] == [14.0]
        await show(broker, 3, low=94.0)
        assert (await broker.order(exit_order_id(waits.client_id, "stop"))).filled == -14.0

    run(case, tmp_path)


def test_exits_that_came_with_an_order_at_once_hold(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 4.0, 2, time_in_force="ioc", stop=0.05)
        await broker.submit(order)
        await show(broker, 2, low=94.0)
        report = await broker.order(exit_order_id(order.client_id, "stop"))
        assert (report.leg, report.parent, report.filled) == ("stop", order.client_id, -4.0)

    run(case, tmp_path)


def test_reduce_only_is_cut_to_what_is_held_when_it_is_filled(tmp_path):
    async def case(broker):
        await show(broker, 1)
        await broker.submit(sample_order("AAA", 10.0, 1, time_in_force="ioc"))
        waits = sample_order("AAA", -8.0, 2, reduce_only=True)
        await broker.submit(waits)
        await broker.submit(sample_order("AAA", -7.0, 3, time_in_force="ioc", reduce_only=True))
        await show(broker, 2)
        report = await broker.order(waits.client_id)
        assert (report.status, report.filled, report.quantity) == ("cancelled", -3.0, -8.0)
        assert "smaller" in report.text
        assert not await broker.positions()

    run(case, tmp_path)


def test_reduce_only_that_has_nothing_left_to_reduce_is_cancelled(tmp_path):
    async def case(broker):
        await show(broker, 1)
        await broker.submit(sample_order("AAA", 10.0, 1, time_in_force="ioc"))
        waits, rests = sample_order("AAA", -8.0, 2, reduce_only=True), limit(-8.0, 90.0, 4, reduce_only=True)
        for order in (waits, rests):
            await broker.submit(order)
        await broker.submit(sample_order("AAA", -10.0, 3, time_in_force="ioc", reduce_only=True))
        await show(broker, 2)
        for order in (waits, rests):
            report = await broker.order(order.client_id)
            assert (report.status, report.filled, report.text) == ("cancelled", 0.0, "nothing is left to reduce")

    run(case, tmp_path)


@pytest.mark.parametrize(
    ("quantity", "price", "first", "low", "high", "paid"),
    [
        (10.0, 95.0, 100.0, 94.0, 101.0, 95.0),
        (10.0, 95.0, 90.0, 89.0, 99.0, 90.0),
        (10.0, 95.0, 100.0, 95.0, 101.0, 95.0),
        (10.0, 95.0, 100.0, 95.5, 101.0, None),
        (-10.0, 105.0, 100.0, 99.0, 106.0, 105.0),
        (-10.0, 105.0, 110.0, 104.0, 111.0, 110.0),
        (-10.0, 105.0, 100.0, 99.0, 104.5, None),
    ],
)
def test_a_limit_order_is_filled_at_its_limit_or_a_better_open(tmp_path, quantity, price, first, low, high, paid):
    async def case(broker):
        await show(broker, 1)
        order = limit(quantity, price)
        await broker.submit(order)
        bar = sample_slice(SYMBOLS, 2 * MINUTE, 100.0)
        bar.values[:4] = np.array([first, high, low, 100.0])[:, None]
        await broker.market(bar)
        assert await fills_of(broker, order) == ([] if paid is None else [(quantity, paid)])

    run(case, tmp_path, rules=rules(slippage=0.01))


def test_on_closes_alone_a_limit_order_is_filled_at_the_close(tmp_path):
    async def case(broker):
        order = limit(10.0, 95.0)
        await broker.submit(order)
        for minute, close in enumerate((100.0, 96.0, 93.0), 1):
            bar = sample_slice(SYMBOLS, minute * MINUTE, close)
            bar.values[0] = close
            await broker.market(type(bar)(bar.time, bar.values[:1], bar.reference, bar.arrival))
        assert await fills_of(broker, order) == [(10.0, 93.0)]

    run(case, tmp_path, fields=("close",), rules=rules("next_close", has_range=False))


def test_after_a_limit_fill_the_account_is_valued_at_the_close(tmp_path):
    async def case(broker):
        await broker.submit(limit(10.0, 95.0))
        await show(broker, 1, 100.0, low=94.0)
        account = await broker.account()
        assert (account.cash, account.equity) == (100_000.0 - 950.0, 100_000.0 + 50.0)

    run(case, tmp_path)


def test_what_a_bar_moves_against_a_limit_order_counts_as_after_its_fill(tmp_path):
    async def case(broker):
        order = limit(10.0, 95.0, stop=0.1, take_profit=0.01)
        await broker.submit(order)
        await show(broker, 1, 100.0, low=80.0)
        report = await broker.order(exit_order_id(order.client_id, "stop"))
        assert report.filled == -10.0
        assert (await fills_of(broker, report)) == [(-10.0, 95.0 * 0.9)]

    run(case, tmp_path)


def test_market_orders_of_a_bar_come_before_limit_orders(tmp_path):
    async def case(broker):
        await show(broker, 1)
        await broker.submit(sample_order("AAA", 10.0, 1, time_in_force="ioc"))
        closes, takes = sample_order("AAA", -10.0, 2, reduce_only=True), limit(-10.0, 105.0, 3, reduce_only=True)
        for order in (closes, takes):
            await broker.submit(order)
        bar = sample_slice(SYMBOLS, 2 * MINUTE, 100.0)
        bar.values[1] = 110.0
        await broker.market(bar)
        assert await fills_of(broker, closes) == [(-10.0, 100.0)]
        assert await fills_of(broker, takes) == []

    run(case, tmp_path)


def test_a_day_order_ends_with_the_first_day_that_it_saw(tmp_path):
    async def case(broker):
        await show(broker, DAY - 1)
        day, gtc = limit(10.0, 50.0, 1, time_in_force="day"), limit(10.0, 50.0, 2)
        for order in (day, gtc):
            await broker.submit(order)
        for minute in (DAY + 1, DAY + 2, 2 * DAY - 1):
            await show(broker, minute)
            assert len(await broker.open_orders()) == 2
        await show(broker, 3 * DAY, low=40.0)
        report = await broker.order(day.client_id)
        assert (report.status, report.filled) == ("expired", 0.0)
        assert (await broker.order(gtc.client_id)).status == "filled"

    run(case, tmp_path)


def test_an_exit_uses_up_the_order_that_waits_for_the_close(tmp_path):
    async def case(broker):
        await show(broker, 1)
        await broker.submit(sample_order("AAA", 10.0, 1, time_in_force="ioc", stop=0.1))
        await broker.submit(sample_order("BBB", 10.0, 2, time_in_force="ioc", stop=0.1))
        adds, turns = sample_order("AAA", 5.0, 3), sample_order("BBB", -25.0, 4)
        for order in (adds, turns):
            await broker.submit(order)
        await show(broker, 2, low=80.0)
        report = await broker.order(adds.client_id)
        assert (report.status, report.filled) == ("cancelled", 0.0)
        assert "exit" in report.text
        report = await broker.order(turns.client_id)
        assert (report.status, report.quantity, report.filled) == ("filled", -15.0, -15.0)
        assert {p.symbol: p.quantity for p in await broker.positions()} == {"BBB": -15.0}

    run(case, tmp_path, rules=rules("next_close"))


def test_an_exit_is_reported_working_then_filled_then_ended(tmp_path):
    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 10.0, 1, stop=0.1)
        await broker.submit(order)
        await show(broker, 2)
        cursor = await show(broker, 3, low=80.0)
        name = exit_order_id(order.client_id, "stop")
        bodies = [event.body for event in await told(broker, cursor) if getattr(event.body, "client_id", "") == name]
        assert [type(body) for body in bodies] == [OrderReport, FillReport, OrderReport]
        assert [body.status for body in bodies[::2]] == ["working", "filled"]
        assert {(body.parent, body.leg, body.quantity) for body in bodies[::2]} == {(order.client_id, "stop", -10.0)}
        assert bodies[1].quantity == -10.0

    run(case, tmp_path)


def test_the_cursor_of_market_is_behind_all_that_the_bar_did(tmp_path):
    async def case(broker):
        await show(broker, 1)
        for number, symbol in enumerate(SYMBOLS):
            await broker.submit(sample_order(symbol, 10.0, number))
        cursor = await show(broker, 2)
        fills = [event.body.fill_id for event in await told(broker, cursor) if isinstance(event.body, FillReport)]
        assert fills == [fill.fill_id for fill in (await broker.fills_since(""))[0]]
        assert len(fills) == 2
        assert await show(broker, 1) == cursor

    run(case, tmp_path)


def test_submits_of_one_moment_share_a_commit_and_keep_their_order(tmp_path):
    import asyncio

    async def case(broker):
        await show(broker, 1)
        before = broker.storage._connection.total_changes
        orders = [limit(1.0, 50.0, number) for number in range(100)]
        twice = [*orders, orders[0]]
        outcomes = await asyncio.gather(*(broker.submit(order) for order in twice))
        assert [type(each) for each in outcomes] == [Accepted] * 100 + [Refused]
        assert outcomes[-1].code == "duplicate"
        assert broker.storage._connection.total_changes - before == 100 + 1  # the orders, and one block of the log
        assert [report.client_id for report in await broker.open_orders()] == [order.client_id for order in orders]

    run(case, tmp_path)


def test_what_is_asked_in_one_moment_is_answered_in_its_order(tmp_path):
    import asyncio

    async def case(broker):
        await show(broker, 1)
        order = sample_order("AAA", 10.0, 1, time_in_force="ioc", stop=0.1)
        bar = sample_slice(SYMBOLS, 2 * MINUTE, 100.0, low=80.0)
        absent, _, report, _, exit_report = await asyncio.gather(
            broker.order(order.client_id), broker.submit(order), broker.order(order.client_id), broker.market(bar),
            broker.order(exit_order_id(order.client_id, "stop")),
        )  # fmt: skip
        assert absent == Absent(authoritative=True)
        assert report.status == "filled"
        assert exit_report.filled == -10.0

    run(case, tmp_path)


def test_the_file_of_another_deployment_is_refused_in_words(tmp_path):
    run(state, tmp_path)
    with pytest.raises(DataError, match="is the account of 'sample', and not of 'other'"):
        run(state, tmp_path, name="other")
    with pytest.raises(DataError, match="an account for other symbols"):
        run(state, tmp_path, symbols=("AAA", "CCC"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "paper.sqlite").write_bytes(b"no database at all, and long enough to be looked at" * 10)
    with pytest.raises(DataError, match="no account of the paper broker"):
        run(state, tmp_path / "bad")


def test_without_a_connection_nothing_is_done_and_nothing_is_known(tmp_path):
    import asyncio

    from darwin_paper.broker import PaperBroker
    from darwin_paper.faults import Faults

    from darwin_core import Unknown
    from darwin_core.testing.broker_base import sample_deployed

    async def case():
        broker = PaperBroker(Faults(), sample_deployed(tmp_path / "new"))
        assert isinstance(await broker.submit(sample_order("AAA", 1.0)), Unknown)
        with pytest.raises(ConnectionError, match="not connected"):
            await broker.account()
        assert not (tmp_path / "new").exists()

    asyncio.run(case())
