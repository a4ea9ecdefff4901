"""The venue's one file: orders, the log, and the kernel's arrays as bytes; many processes, one writer at a time.

A process that is killed loses nothing that was answered. A machine that loses its power may lose the last moments.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, fields

from darwin_core import DataError
from darwin_paper.entries import PARTIAL, Name, Order, Told, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from darwin_core import Deployed
    from darwin_paper.account import Account

_SCHEMA = """
create table if not exists about (name text not null, symbols text not null);
create table if not exists account (
    one integer primary key, bar integer not null, bar_time integer not null, bar_cursor integer not null,
    before_time integer not null, time integer not null, oldest integer not null, late text not null,
    arrays blob not null
);
create table if not exists orders (
    number integer primary key, client_id text not null unique, symbol integer not null, leg text not null,
    parent text not null, kind text not null, time_in_force text not null, limit_price real,
    reduce_only integer not null, stop real not null, take_profit real not null, quantity real not null,
    filled real not null, status integer not null, text integer not null, time integer not null,
    session integer not null
);
create table if not exists log (last integer primary key, first integer not null, entries blob not null);
"""
_row = attrgetter(*(each.name for each in fields(Order)))
_ADD_ORDER = f"insert into orders values ({', '.join('?' * len(fields(Order)))})"  # noqa: S608 - only marks
_CHANGE_ORDER = (
    "update orders set quantity = ?, filled = ?, status = ?, text = ?, time = ?, session = ? where number = ?"
)
_changes = attrgetter("quantity", "filled", "status", "text", "time", "session", "number")
_state = attrgetter("bar", "bar_time", "bar_cursor", "before_time", "time")

_PAGES = 8_000  # of the write-ahead log, 32 MB: beyond that a commit copies it back, whoever waits for it
_COMMITS = 200  # after so many it is copied back by `rest`
_PATIENCE_S = 2.0
_NAMES = 10_000  # kept in memory


@define(eq=False)
class Storage:
    """An open file.

    Parameters
    ----------
    symbols
        What the numbers of symbols in it stand for.
    """

    symbols: tuple[str, ...]
    _connection: sqlite3.Connection
    _version: int = field(default=-1, init=False)
    _names: dict[int, Name] = field(factory=dict, init=False)
    _commits: int = field(default=0, init=False)

    @classmethod
    def open(cls, path: Path, deployed: Deployed) -> Storage:
        """Open a file, or make one.

        Raises
        ------
        DataError
            It is the account of another deployment, or no account at all.
        OSError
            It cannot be reached.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with _telling(path):
            connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_S)
        storage = cls(deployed.symbols, connection)
        try:
            with _telling(path):
                _write_ahead(connection)
                connection.execute("pragma synchronous = normal")
                connection.execute(f"pragma wal_autocheckpoint = {_PAGES}")
                storage._prepare(path, deployed)
        except BaseException:
            connection.close()
            raise
        return storage

    def _prepare(self, path: Path, deployed: Deployed) -> None:
        """Make the tables of a new file; raise DataError when an old one is not this deployment's."""
        with self.writing():
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            if not self._one("select count(*) from about")[0]:
                about = (deployed.name, "\n".join(deployed.symbols))
                self._connection.execute("insert into about values (?, ?)", about)
            name, symbols = self._one("select name, symbols from about")
        if name != deployed.name:
            raise DataError(f"{path} is the account of {name!r}, and not of {deployed.name!r}")
        if tuple(symbols.split("\n")) != deployed.symbols:
            raise DataError(
                f"{path} is an account for other symbols ({', '.join(symbols.split())}): "
                "move it away to begin a new one, or give the deployment another name"
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the file for writing: what is done meanwhile is there as a whole, or not at all."""
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
            self._commits += 1
        except BaseException:
            self._version = -1
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    def rest(self) -> None:
        """Copy the write-ahead log back, after many commits: called when nobody waits for an answer."""
        if self._commits >= _COMMITS:
            self._commits = 0
            with suppress(sqlite3.Error):
                self._connection.execute("pragma wal_checkpoint(passive)")

    def refresh(self, account: Account) -> None:
        """Read the account again if another process has written since, or a write has failed."""
        version = int(self._one("pragma data_version")[0])
        if version != self._version:
            self._load(account)
            self._version = version

    def _load(self, account: Account) -> None:
        account.empty()
        oldest = 0
        found = self._one("select bar, bar_time, bar_cursor, before_time, time, oldest, late, arrays from account")
        if found:
            account.bar, account.bar_time, account.bar_cursor, account.before_time, account.time = found[:5]
            oldest, late, arrays = found[5:]
            account.late = {int(cursor): number for cursor, number in json.loads(late).items()}
            _unpack(arrays, account)
        account.number = self._one("select coalesce(max(number), 0) from orders")[0]
        newest = self._one("select last, entries from log order by last desc limit 1")
        if newest:
            account.cursor, account.time = newest[0], max(account.time, unpacked(newest[1])[-1].time)
        query = "select * from orders where number >= ? and status <= ? order by number"
        account.begin_again([_order(row) for row in self._connection.execute(query, (oldest, PARTIAL))])
        self._names.clear()

    def save(self, account: Account) -> None:
        """Write what has changed."""
        news, run = account.take_news(), self._connection.executemany
        if news.added:
            run(_ADD_ORDER, map(_row, news.added.values()))
            self._remember(news.added.values())
        run(_CHANGE_ORDER, [_changes(order) for order in news.changed.values() if order.client_id not in news.added])
        if news.entries:
            block = (account.cursor, account.cursor - len(news.entries) + 1, packed(news.entries))
            self._connection.execute("insert into log values (?, ?, ?)", block)
        if news.moved:
            oldest = min((order.number for order in account.live()), default=account.number + 1)
            row = (*_state(account), oldest, json.dumps(account.late), _pack(account))
            self._connection.execute("insert or replace into account values (1, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def order(self, client_id: str) -> Order | None:
        """Return an order."""
        found = self._one("select * from orders where client_id = ?", client_id)
        return _order(found) if found else None

    def has(self, client_id: str) -> bool:
        """Say whether there is such an order."""
        return self._one("select 1 from orders where client_id = ?", client_id) is not None

    def client_id(self, number: int) -> str:
        """Return an order's client id."""
        return self._name(number).client_id

    def told(self, cursor: int, most: int) -> list[Told]:
        """Return entries behind a cursor, oldest first, `most` of them or some more."""
        found: list[Told] = []
        for told in self._behind(cursor):
            found.extend(told)
            if len(found) >= most:
                break
        return found

    def fills(self, cursor: int) -> list[Told]:
        """Return all entries behind a cursor that are fills, oldest first."""
        return [told for block in self._behind(cursor) for told in block if told.entry.traded]

    def entry(self, cursor: int) -> Told:
        """Return one entry."""
        return next(self._behind(cursor - 1))[0]

    def _behind(self, cursor: int) -> Iterator[list[Told]]:
        """Yield what was written behind a cursor, as much at a time as was written at a time."""
        query = "select first, entries from log where last > ? order by last"
        for first, blob in self._connection.execute(query, (cursor,)):
            entries = enumerate(unpacked(blob), first)
            yield [Told(place, entry, self._name(entry.number)) for place, entry in entries if place > cursor]

    def _name(self, number: int) -> Name:
        if number not in self._names:
            row = self._one("select * from orders where number = ?", number)
            self._remember([_order(row)])
        return self._names[number]

    def _remember(self, orders: Iterable[Order]) -> None:
        if len(self._names) > _NAMES:
            self._names.clear()
        for order in orders:
            symbol = self.symbols[order.symbol]
            self._names[order.number] = Name(order.client_id, symbol, order.parent, order.leg)

    def _one(self, query: str, *values: object) -> Any:
        return self._connection.execute(query, values).fetchone()


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Say in words what is wrong with the file: OSError when it cannot be reached, DataError when it is none."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DataError(f"{path} is damaged, or no account of the paper broker: {error}") from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Choose the write-ahead log; while another process does so, SQLite says "locked" at once, and does not wait."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _order(row: Any) -> Order:
    order = Order(*row)
    order.reduce_only = bool(order.reduce_only)
    return order


def _pack(account: Account) -> bytes:
    """Return the arrays of an account as bytes."""
    venue = account.venue
    parts = (venue.book, venue.slots, account.closes, account.opened_by, account.before)
    return b"".join(part.tobytes() for part in parts)


def _unpack(arrays: bytes, account: Account) -> None:
    """Read the arrays of an account from bytes."""
    venue, start = account.venue, 0
    parts: tuple[Any, ...] = (venue.book, venue.slots, account.closes, account.opened_by, account.before)
    if len(arrays) != sum(part.nbytes for part in parts):
        raise DataError("the paper broker's account was written by another version of darwin: move it away")
    for part in parts:
        part[:] = np.frombuffer(arrays, part.dtype, len(part), start)
        start += part.nbytes
