"""Orders, fills and positions as tables beside the records, for screens and for anybody who reads SQL.

They are derived: written in the same transaction as the records, made anew from the records at any time, and never
read by darwin to decide anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from darwin_core.live.book import Book, Change, Position
    from darwin_core.live.orders import FillReport
    from darwin_core.live.states import Order

TABLES = {
    "orders": """
        client_id TEXT PRIMARY KEY, deployment TEXT, bar INTEGER, symbol TEXT, leg TEXT, attempt INTEGER, type TEXT,
        limit_price REAL, wanted REAL, quantity REAL, filled REAL, reported REAL, status TEXT, venue_id TEXT,
        as_of INTEGER, reason TEXT""",
    "fills": """
        client_id TEXT, fill_id TEXT, symbol TEXT, quantity REAL, price REAL, fee REAL, time INTEGER,
        PRIMARY KEY (client_id, fill_id)""",
    "positions": """
        symbol TEXT PRIMARY KEY, quantity REAL, cash REAL, fees REAL, seen REAL, seen_at INTEGER""",
}


def make(connection: sqlite3.Connection) -> None:
    """Make the tables, empty."""
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns}) STRICT, WITHOUT ROWID")


def clear(connection: sqlite3.Connection) -> None:
    """Empty the tables."""
    for name in TABLES:
        connection.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names


def write(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Write what records changed, in their order."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
    for change in changes:
        rows["orders"] += [_order(order) for order in change.orders]
        if change.fill is not None:
            rows["fills"].append(_fill(change.fill))
        if change.position is not None:
            rows["positions"].append(_position(change.position))
    _put(connection, rows)


def write_all(connection: sqlite3.Connection, book: Book) -> None:
    """Write everything that a book knows."""
    orders, positions = book.orders.values(), book.positions.values()
    rows = {
        "orders": [_order(order) for order in orders],
        "fills": [_fill(fill) for order in orders for fill in order.fills.values()],
        "positions": [_position(position) for position in positions],
    }
    _put(connection, rows)


def differences(connection: sqlite3.Connection, other: sqlite3.Connection) -> Iterator[str]:
    """Yield in which tables two sets of them differ, and where first."""
    for name in TABLES:
        mine, theirs = (
            each.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608
            for each in (connection, other)
        )
        if mine != theirs:
            odd = sorted(set(mine) ^ set(theirs), key=repr)
            yield f"{name}: {odd[0] if odd else 'the order of rows'}"


def _put(connection: sqlite3.Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    for table, each in rows.items():
        if each:
            places = ", ".join("?" * len(each[0]))
            connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", each)  # noqa: S608


def _order(order: Order) -> tuple[Any, ...]:
    i = order.intent
    return (
        i.client_id, i.deployment, i.bar, i.symbol, i.leg, i.attempt, i.kind, i.limit_price, i.quantity,
        order.quantity, order.filled, order.reported, order.status, order.venue_id, order.as_of, i.reason,
    )  # fmt: skip


def _fill(fill: FillReport) -> tuple[Any, ...]:
    return fill.client_id, fill.fill_id, fill.symbol, fill.quantity, fill.price, fill.fee, fill.time


def _position(position: Position) -> tuple[Any, ...]:
    p = position
    return p.symbol, p.quantity, p.cash, p.fees, p.seen, p.seen_at
