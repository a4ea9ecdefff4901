"""The paper broker: an `Account` behind the protocol of a venue, kept in one file."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from darwin_core import (
    Absent,
    Accepted,
    AccountReport,
    Capabilities,
    DataError,
    OrderReport,
    PositionReport,
    Refused,
    Unknown,
)
from darwin_paper.entries import venue_id
from darwin_paper.faults import Dice
from darwin_paper.storage import Storage
from darwin_paper.stream import stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from darwin_core import Approved, Deployed, Event, FillReport, Outcome, Slice
    from darwin_paper.account import Account
    from darwin_paper.entries import Order
    from darwin_paper.faults import Faults

    T = TypeVar("T")

_FILE = "paper.sqlite"


@define(eq=False)
class PaperBroker:
    """A venue that fills as a backtest does.

    Parameters
    ----------
    faults
        What goes wrong on purpose.
    deployed
        What it trades, by which rules; where it keeps its file.
    """

    faults: Faults
    deployed: Deployed
    sessions: int = field(default=0, init=False)
    listeners: set[asyncio.Event] = field(factory=set, init=False)
    _dice: Dice = field(init=False)
    _storage: Storage | None = field(default=None, init=False)
    _asked: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        """Have dice that fall as the seed says."""
        self._dice = Dice(self.faults, self.deployed.seed)

    @cached_property
    def _account(self) -> Account:
        """The account, empty at first: a backtest only checks the options, and compiles no venue."""
        from darwin_paper.account import Account

        return Account(self.deployed, self._dice, self._client_id)

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; it keeps exits where bars have a range, as a backtest does."""
        return Capabilities(
            simulated=True,
            exits={"open", "high", "low"} <= set(self.deployed.fields),
            dedup="forever",
            fence_s=0.0,
            fractional=True,
            shorting=True,
        )

    def _client_id(self, number: int) -> str:
        return self.storage.client_id(number)

    @property
    def _path(self) -> Path:
        return self.deployed.folder / _FILE

    @property
    def connected(self) -> bool:
        """Whether the file is open."""
        return self._storage is not None

    @property
    def storage(self) -> Storage:
        """The open file; OSError when there is none."""
        if self._storage is None:
            raise ConnectionError("the paper broker is not connected")
        return self._storage

    async def connect(self) -> None:
        """Open the file, or make one."""
        if self._storage is None:
            self._storage = Storage.open(self._path, self.deployed)

    async def close(self) -> None:
        """Close the file and end the streams."""
        self._work()
        if self._storage is not None:
            self._storage.close()
            self._storage = None
        self._wake()

    async def submit(self, order: Approved) -> Outcome:
        """Take an order, or refuse it."""
        falls, name = self._dice.falls, order.client_id
        if falls("reject", name):
            return await self._answer(Refused("rejected", "a fault for rehearsal: the venue refuses it"))
        if falls("unknown_before", name):
            return await self._answer(Unknown("a fault for rehearsal: the connection broke before the order was taken"))
        hangs = falls("hang", name)
        if not hangs or self._dice.draw("hang after", name) < 0.5:
            outcome = await self._ask(lambda: self._submit(order))
            if self._storage is not None:
                self._storage.rest()  # the orders of this bar are here
        if hangs:
            await asyncio.Event().wait()
        if falls("unknown_after", name):
            outcome = Unknown("a fault for rehearsal: the connection broke before the answer came")
        return await self._answer(outcome)

    def _submit(self, order: Approved) -> Outcome:
        if self.storage.has(order.client_id) or self._account.has(order.client_id):
            return Refused("duplicate", f"there is an order {order.client_id} already")
        return self._account.submit(order, self.deployed.now())

    async def cancel(self, client_id: str) -> Outcome:
        """Withdraw an order by its client id."""
        return await self._cancel(lambda order: order.client_id == client_id)

    async def cancel_venue(self, venue_id: str) -> Outcome:
        """Withdraw an order by the venue's id."""
        return await self._cancel(lambda order: named(order) == venue_id)

    async def _cancel(self, is_it: Callable[[Order], bool]) -> Outcome:
        def cancel() -> Outcome:
            for order in self._account.live():
                if is_it(order):
                    self._account.cancel(order, self.deployed.now())
                    return Accepted(named(order))
            return Refused("not_working", "there is no such order that may still trade")

        return await self._answer(await self._ask(cancel))

    async def market(self, bar: Slice) -> str:
        """Trade through a bar; the same bar again, or an earlier one, changes nothing."""

        def market() -> str:
            self._save()  # an exit is named after the order that it came with
            self._account.market(bar)
            return str(self._account.bar_cursor)

        return await self._do(market)

    async def order(self, client_id: str) -> OrderReport | Absent:
        """Return an order; what is not here when this is asked after a submit never was."""

        def report() -> OrderReport | Absent:
            self._save()
            order = self.storage.order(client_id)
            return order.report(self.deployed.symbols) if order else Absent(authoritative=True)

        return await self._do(report)

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return the orders that may trade, oldest first."""
        return await self._do(lambda: [order.report(self.deployed.symbols) for order in self._account.live()])

    async def fills_since(self, cursor: str) -> tuple[Sequence[FillReport], str]:
        """Return all fills behind a cursor, those that the stream tells late included."""

        def fills() -> tuple[Sequence[FillReport], str]:
            self._save()
            found = self.storage.fills(int(cursor or 0))
            return [told.fill() for told in found], str(found[-1].cursor) if found else cursor

        return await self._do(fills)

    async def positions(self) -> Sequence[PositionReport]:
        """Return what is held."""

        def positions() -> Sequence[PositionReport]:
            account = self._account
            held, as_of = account.positions, account.time
            if self.faults.lag_positions:
                held, as_of = account.before, account.before_time
            named = zip(self.deployed.symbols, held.tolist(), strict=True)
            return [PositionReport(symbol, quantity, as_of) for symbol, quantity in named if quantity]

        return await self._do(positions)

    async def account(self) -> AccountReport:
        """Return cash and equity at the last prices."""
        return await self._do(lambda: AccountReport(*self._account.venue.money, self._account.time))

    def events(self, cursor: str) -> AsyncIterator[Event]:
        """Yield what has happened behind a cursor and what happens, from this process or another."""
        self.sessions += 1
        return stream(self, int(cursor or 0), self._dice, self.sessions)

    async def _answer(self, outcome: Outcome) -> Outcome:
        """Answer when the rehearsed latency is over."""
        if self.faults.latency_ms:
            await asyncio.sleep(self.faults.latency_ms / 1000.0)
        return outcome

    async def _ask(self, what: Callable[[], Outcome]) -> Outcome:
        """Do something that is asked for; when the file fails, nobody can say whether it was done."""
        try:
            return await self._do(what)
        except (OSError, DataError) as error:
            return Unknown(str(error))

    async def _do(self, what: Callable[[], T]) -> T:
        """Do something in the order of asking; what is asked for in one turn of the loop shares one commit."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._work)
        self._asked.append((what, answer))
        return await answer

    def _work(self) -> None:
        asked, self._asked = self._asked, []
        if not asked:
            return
        try:
            with self.storage.writing():
                self.storage.refresh(self._account)
                answers = [what() for what, _ in asked]
                self._save()
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            told = OSError(f"{self._path}: {error}") if isinstance(error, sqlite3.Error) else error
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(told)
            return
        for (_, answer), value in zip(asked, answers, strict=True):
            if not answer.done():
                answer.set_result(value)
        self._wake()

    def _save(self) -> None:
        self.storage.save(self._account)

    def _wake(self) -> None:
        for listener in self.listeners:
            listener.set()


def named(order: Order) -> str:
    """Return the venue's name of an order."""
    return venue_id(order.number)
