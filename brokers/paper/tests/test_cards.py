"""Each card of the brokers' suite fails on a broker that breaks it, and says what is wrong."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from attrs import evolve
from darwin_paper.broker import PaperBroker
from darwin_paper.faults import Faults

from darwin_core import Absent, Accepted, Event, FillReport, Heartbeat, OrderReport, StreamUp
from darwin_core.testing import broker_base
from darwin_core.testing.brokers import BrokerTests


class ForgetsIds(PaperBroker):
    async def submit(self, order):
        self.count = getattr(self, "count", 0) + 1
        return await super().submit(evolve(order, client_id=f"{order.client_id}{self.count}"))


class Raises(PaperBroker):
    async def submit(self, order):
        if order.quantity and order.symbol in self.deployed.symbols:
            return await super().submit(order)
        raise ValueError(order)


class CancelsNothing(PaperBroker):
    async def _cancel(self, is_it):
        return Accepted("P1")


class CancelsForTheRecord(PaperBroker):
    async def cancel(self, client_id):
        self._storage._connection.execute("update orders set status = 3 where client_id = ?", (client_id,))
        return await super().cancel(client_id)


class NeverFinds(PaperBroker):
    async def order(self, client_id):
        found = await super().order(client_id)
        return OrderReport(client_id, "P9", "AAA", "working", 5.0, 0.0, 0) if isinstance(found, Absent) else found


class ListsHalf(PaperBroker):
    async def open_orders(self):
        return (await super().open_orders())[:1]


class SkipsAFill(PaperBroker):
    async def fills_since(self, cursor):
        fills, after = await super().fills_since(cursor)
        return fills[1:] if cursor else fills, after


class OneFillId(PaperBroker):
    async def fills_since(self, cursor):
        fills, after = await super().fills_since(cursor)
        return [evolve(fill, fill_id="F1") for fill in fills], after


class RunsAhead(PaperBroker):
    async def events(self, cursor):
        async for event in super().events(cursor):
            yield Event(event.body, str(int(event.cursor or 0) + 1))


class TellsNoFills(PaperBroker):
    async def events(self, cursor):
        async for event in super().events(cursor):
            if not isinstance(event.body, FillReport):
                yield event


class NeverBeats(PaperBroker):
    async def events(self, cursor):
        async for event in super().events(cursor):
            if not isinstance(event.body, Heartbeat):
                yield event


class BeginsInSilence(PaperBroker):
    async def events(self, cursor):
        async for event in super().events(cursor):
            if not isinstance(event.body, StreamUp):
                yield event


class Lags(PaperBroker):
    async def positions(self):
        return []


class FeesForgotten(PaperBroker):
    async def account(self):
        account = await super().account()
        return evolve(account, cash=account.cash + 1.0)


class CancelsAll(PaperBroker):
    async def close(self):
        if self.connected:
            for order in await self.open_orders():
                await self.cancel(order.client_id)
        await super().close()


class WaitsAnyway(PaperBroker):
    async def submit(self, order):
        return await super().submit(evolve(order, time_in_force="gtc"))


class ForgetsReduceOnly(PaperBroker):
    async def submit(self, order):
        return await super().submit(evolve(order, reduce_only=False))


class AcceptsAnything(PaperBroker):
    async def submit(self, order):
        await super().submit(order)
        return Accepted("P1")


class IgnoresLimits(PaperBroker):
    async def submit(self, order):
        return await super().submit(evolve(order, kind="market", limit_price=None))


class ForgetsExits(PaperBroker):
    async def submit(self, order):
        return await super().submit(evolve(order, stop=0.0))


class NamesExitsItself(PaperBroker):
    async def order(self, client_id):
        found = await super().order(client_id)
        return evolve(found, parent="") if isinstance(found, OrderReport) else found


class TradesTwice(PaperBroker):
    async def market(self, bar):
        self._account.bar_time = 0
        return await super().market(bar)


class WritesTooEarly(PaperBroker):
    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.deployed.folder.mkdir(parents=True)


class ChangesItsMind(PaperBroker):
    @property
    def capabilities(self):
        self.sessions += 1
        return evolve(super().capabilities, fence_s=float(self.sessions))


TWINS = [
    (ChangesItsMind, "K1", "change between two looks"),
    (WritesTooEarly, "K2", "is there before `connect`"),
    (ForgetsIds, "K3", "it is working"),
    (ForgetsIds, "K4", "the same order again is Accepted"),
    (CancelsNothing, "K5", "it is cancelled"),
    (CancelsForTheRecord, "K6", "after a late cancel"),
    (NeverFinds, "K7", "an order that never came is OrderReport"),
    (CancelsNothing, "K7", "the cancel of an order that never came"),
    (ListsHalf, "K8", "two orders are open"),
    (WaitsAnyway, "K9", "it has come to its end"),
    (ForgetsReduceOnly, "K10", "nothing is held any more"),
    (AcceptsAnything, "K11", "is Accepted"),
    (Raises, "K11", None),
    (IgnoresLimits, "K12", "at 100 an order to buy at 95 is filled"),
    (ListsHalf, "K13", "20 are open"),
    (SkipsAFill, "K14", "from cursor"),
    (OneFillId, "K14", "two fills have the same id"),
    (RunsAhead, "K15", "the stream tells no more than"),
    (TellsNoFills, "K15", "the stream tells no more than"),
    (NeverBeats, "K16", "the stream beats"),
    (BeginsInSilence, "K16", "the stream begins with"),
    (Lags, "K17", "positions are"),
    (FeesForgotten, "K17", "cash is"),
    (CancelsAll, "K18", "after it was made again"),
    (ForgetsExits, "K19", "the stop is filled"),
    (NamesExitsItself, "K19", "the exit is reported as"),
    (TradesTwice, "K20", "the same bar again"),
]


@pytest.mark.parametrize(("broken", "card", "says"), TWINS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_broker_fails_its_card(tmp_path, monkeypatch, broken, card, says):
    class Suite(BrokerTests):
        use = "paper"

        def make(self):
            return broken(Faults(), self.deployed(self.folder))

    monkeypatch.setattr(broker_base, "PATIENCE_S", 1.5 if card == "K16" else 0.3)
    (name,) = [
        name
        for name, case in inspect.getmembers(BrokerTests, inspect.isfunction)
        if (case.__doc__ or "").startswith(f"{card}:")
    ]
    case = getattr(Suite(), name)
    with pytest.raises(ValueError if says is None else AssertionError, match=says):
        case(tmp_path) if "tmp_path" in inspect.signature(case).parameters else case()


def test_every_card_has_a_broken_twin():
    cards = {(case.__doc__ or "").partition(":")[0] for _, case in inspect.getmembers(BrokerTests, inspect.isfunction)}
    assert {card for card in cards if card.startswith("K")} == {card for _, card, _ in TWINS}


def test_a_venue_with_a_market_of_its_own_is_told_what_to_override(tmp_path):
    class OwnMarket(PaperBroker):
        @property
        def capabilities(self):
            return evolve(super().capabilities, simulated=False)

    class Suite(BrokerTests):
        use = "paper"

        def make(self):
            return OwnMarket(Faults(), self.deployed(self.folder))

    with pytest.raises(NotImplementedError, match=r"Suite\.trade: say how your venue is made to trade"):
        Suite().test_lists_what_is_open(tmp_path)
    assert asyncio.iscoroutinefunction(Suite.trade)
