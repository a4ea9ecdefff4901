"""The journal's SQLite file: how it is opened, read and extended. What the rows mean is not known here."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from darwin_core.live import models
from darwin_core.live.chain import FORMAT, Record
from darwin_core.live.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ABOUT = "CREATE TABLE about (format TEXT, name TEXT, keyed INTEGER) STRICT"
_RECORDS = """CREATE TABLE records (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL, mac BLOB) STRICT"""
_SELECT = "SELECT seq, time, CAST(kind AS BLOB), CAST(body AS BLOB), previous, hash, mac FROM records"
_BUSY_SECONDS = 5.0


@frozen
class About:
    """What a journal says of itself; both values are in the chain's first hash."""

    name: str
    keyed: bool


@contextmanager
def telling(path: Path, doing: str = "read") -> Iterator[None]:
    """Turn SQLite's errors into words."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:
        raise JournalError(f"{path} cannot be {doing}: {error}") from None


def connect(path: Path, *, write: bool, durable: bool = True) -> sqlite3.Connection:
    """Open a journal's file; a reader never changes it, and a writer may extend it.

    A commit of a writer returns when it is on disk: WAL, synchronous FULL; without `durable`, when the system has it,
    which outlives the process and not a loss of power.
    """
    mode = "rwc" if write else "ro"
    with telling(path, "opened"):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_BUSY_SECONDS,
            check_same_thread=False,
        )  # fmt: skip
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.execute("PRAGMA fullfsync = ON")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Read everything inside as of one moment, whatever is written meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def make(connection: sqlite3.Connection, about: About) -> None:
    """Make the tables of a new journal."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_ABOUT)
    connection.execute(_RECORDS)
    models.make(connection)
    connection.execute("INSERT INTO about VALUES (?, ?, ?)", (FORMAT, about.name, int(about.keyed)))
    connection.execute("COMMIT")


def is_new(connection: sqlite3.Connection) -> bool:
    """Whether the file has no tables yet."""
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def about(connection: sqlite3.Connection, path: Path) -> About:
    """Read what a journal says of itself; refuse a file of another kind."""
    rows = connection.execute("SELECT format, name, keyed FROM about").fetchall()
    if len(rows) != 1 or rows[0][0] != FORMAT or not isinstance(rows[0][1], str) or rows[0][2] not in (0, 1):
        raise JournalError(f"{path} is no journal of this format ({FORMAT}): it says {rows!r:.80}")
    return About(rows[0][1], bool(rows[0][2]))


def insert(connection: sqlite3.Connection, records: Iterable[Record]) -> None:
    """Add rows."""
    rows = ((r.seq, r.time, r.kind, r.body.decode("ascii"), r.previous, r.hash, r.mac) for r in records)
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the number of the last row, 0 when there is none."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()[0])


def records(connection: sqlite3.Connection, where: str, *, after: int = 0, kind: str | None = None) -> Iterator[Record]:
    """Yield rows in order; refuse what is no record at all. `where` names the file in errors."""
    condition, values = " WHERE seq > ?", [after]
    rows = connection.execute(
        f"{_SELECT}{condition}{' AND kind = ?' if kind else ''} ORDER BY seq", [*values, *([kind] if kind else [])]
    )
    for row in rows:
        yield record(row, where)


def last_of(connection: sqlite3.Connection, where: str, kind: str) -> Record | None:
    """Return the newest row of a kind."""
    row = connection.execute(f"{_SELECT} WHERE kind = ? ORDER BY seq DESC LIMIT 1", (kind,)).fetchone()
    return record(row, where) if row else None


def record(row: tuple[Any, ...], where: str) -> Record:
    """Return a row as a record, its types checked: a damaged file can hold anything."""
    seq, time, kind, body, previous, digest, mac = row
    sound = isinstance(seq, int) and isinstance(time, int) and all(isinstance(b, bytes) for b in (kind, body))
    sound = sound and all(isinstance(b, bytes) and len(b) == 32 for b in (previous, digest))
    if not sound or not (mac is None or (isinstance(mac, bytes) and len(mac) == 32)):
        raise JournalError(f"{where}: record {seq!r:.30} is damaged: {row!r:.80}")
    return Record(seq, time, kind.decode("utf-8", "replace"), body, previous, digest, mac)
