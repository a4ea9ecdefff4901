"""The tape: bars as they were first seen, with event time, arrival time and revision.

It is a feed like any other, so the components that a backtest evaluates are evaluated on it unchanged. A row is on
disk before anything is decided on it. A corrected bar is kept as a further revision and changes no row: what was
decided was decided on what was known. Memory holds the newest rows only; older ones are read back when asked for.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from darwin_core.errors import DataError
from darwin_core.types import Bars, read_only

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.protocols import Feed
    from darwin_core.types import Floats, Ints

_SCHEMA = """
create table if not exists about (content text not null);
create table if not exists rows (
    time integer primary key, "values" blob not null, reference blob not null, arrival blob not null
);
create table if not exists revisions (
    time integer not null, symbol text not null, revision integer not null, arrival integer not null,
    "values" blob not null, primary key (time, symbol, revision)
) without rowid;
"""
_SPARE = 1_024


@frozen(eq=False)
class Slice:
    """One bar of all symbols, as the line is about to see it.

    Parameters
    ----------
    time
        When the bars are complete, ns.
    values
        (F, S) float64 in the order of the feed's fields; NaN where no bar came in time.
    reference
        Closes of the watched series, in the order of their names.
    arrival
        (S,) int64 ns; 0 where nothing came.
    """

    time: int
    values: Floats
    reference: Floats
    arrival: Ints


@frozen
class Revision:
    """A bar that came late or corrected: `values` in the order of the feed's fields."""

    time: int
    symbol: str
    revision: int
    arrival: int
    values: tuple[float, ...]


@define(eq=False)
class Tape:
    """History before the session, and the bars of the session as they come.

    Parameters
    ----------
    history
        The deployment's own feed; its first `known` bars are what went before.
    known
        How many of them.
    path
        The SQLite file of the session's bars; what is in it is read back.
    back
        How many of the newest rows stay in memory at least; -1 keeps all.
    durable
        Whether a row outlives a loss of power, which a rehearsal need not; it always outlives the process.
    """

    history: Feed
    known: int
    path: Path
    back: int = -1
    durable: bool = True
    _connection: sqlite3.Connection = field(init=False)
    _names: tuple[str, ...] = field(init=False)
    _times: Ints = field(init=False)
    _rows: int = field(init=False)
    _first: int = field(init=False)
    _values: Floats = field(init=False)
    _reference: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Take the newest rows in, of the history and of what an earlier process of this session has recorded."""
        self._names = tuple(self.history.read(0, min(1, self.known)).reference)
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        level = "full" if self.durable else "normal"
        self._connection.executescript(f"pragma journal_mode = wal; pragma synchronous = {level};" + _SCHEMA)
        self._check_about()
        session = [time for (time,) in self._connection.execute("select time from rows order by time")]
        self._rows = self.known + len(session)
        self._times = np.zeros(self._rows + _SPARE, np.int64)
        self._times[: self.known] = self.history.times()[: self.known]
        self._times[self.known : self._rows] = session
        self._first = 0 if self.back < 0 else max(0, self._rows - self.back)
        held = self._rows - self._first
        self._values = np.full((len(self.fields), held + _SPARE, len(self.symbols)), np.nan)
        self._reference = np.full((len(self._names), held + _SPARE), np.nan)
        self._values[:, :held], self._reference[:, :held] = self._load(self._first, self._rows)

    def _check_about(self) -> None:
        """Refuse a file that was recorded for something else."""
        about = {
            "symbols": self.symbols, "fields": self.fields, "reference": self._names, "known": self.known,
            "timezone": self.timezone, "interval": self.interval,
        }  # fmt: skip
        mine = json.dumps(about, sort_keys=True)
        found = self._connection.execute("select content from about").fetchone()
        if found is None:
            self._connection.execute("insert into about values (?)", (mine,))
        elif found[0] != mine:
            theirs = json.loads(found[0])
            changed = ", ".join(key for key in about if json.loads(mine)[key] != theirs.get(key))
            raise DataError(f"{self.path} was recorded with another feed: {changed} differ. Start a new session")

    @staticmethod
    def known_of(path: Path) -> int | None:
        """Return how many rows of history a recorded tape goes on from; None when there is no tape yet."""
        if not path.exists():
            return None
        connection = sqlite3.connect(path)
        try:
            found = connection.execute("select content from about").fetchone()
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path} is not a tape: {error}") from None
        finally:
            connection.close()
        return int(json.loads(found[0])["known"]) if found else None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the traded symbols."""
        return self.history.symbols

    @property
    def fields(self) -> tuple[str, ...]:
        """Which fields there are."""
        return self.history.fields

    @property
    def reference(self) -> tuple[str, ...]:
        """Names of the watched series."""
        return self._names

    @property
    def timezone(self) -> str:
        """The feed's zone."""
        return self.history.timezone

    @property
    def interval(self) -> int:
        """Nominal time between bars, ns."""
        return self.history.interval

    def __len__(self) -> int:
        """Return the number of rows, history included."""
        return self._rows

    def times(self) -> Ints:
        """Return the times of all bars so far."""
        return read_only(self._times[: self._rows])

    def read(self, start: int, stop: int) -> Bars:
        """Return rows of history and session."""
        stop = min(stop, self._rows)
        if start >= self._first:
            rows = slice(start - self._first, stop - self._first)
            values, reference = self._values[:, rows], self._reference[:, rows]
        else:
            values, reference = self._load(start, stop)
        return Bars(
            read_only(self._times[start:stop]),
            self.symbols,
            {name: read_only(values[f]) for f, name in enumerate(self.fields)},
            {name: read_only(reference[r]) for r, name in enumerate(self._names)},
            self.timezone,
        )

    def _load(self, start: int, stop: int) -> tuple[Floats, Floats]:
        """Read rows from where they are kept: (F, n, S) values and (R, n) reference."""
        values = np.empty((len(self.fields), stop - start, len(self.symbols)))
        reference = np.empty((len(self._names), stop - start))
        old = max(0, min(stop, self.known) - start)
        if old:
            bars = self.history.read(start, start + old)
            for f, name in enumerate(self.fields):
                values[f, :old] = bars.fields[name]
            for r, name in enumerate(self._names):
                reference[r, :old] = bars.reference[name]
        if stop > self.known:
            query = 'select "values", reference from rows order by time limit ? offset ?'
            wanted = (stop - start - old, start + old - self.known)
            for n, (row, watched) in enumerate(self._connection.execute(query, wanted), old):
                values[:, n] = np.frombuffer(row).reshape(len(self.fields), -1)
                reference[:, n] = np.frombuffer(watched)
        return values, reference

    def row(self, number: int) -> Slice:
        """Return a session's row as it was appended."""
        query = 'select time, "values", reference, arrival from rows where time = ?'
        time, values, reference, arrival = self._connection.execute(query, (int(self._times[number]),)).fetchone()
        shape = len(self.fields), len(self.symbols)
        return Slice(
            time, np.frombuffer(values).reshape(shape), np.frombuffer(reference), np.frombuffer(arrival, np.int64)
        )

    def late(self, row: int) -> tuple[str, ...]:
        """Return the symbols of which a session's row has no bar."""
        query = "select arrival from rows where time = ?"
        found = self._connection.execute(query, (int(self._times[row]),)).fetchone()
        arrival = np.frombuffer(found[0], np.int64) if found else np.ones(len(self.symbols), np.int64)
        return tuple(symbol for symbol, came in zip(self.symbols, arrival.tolist(), strict=True) if not came)

    def fingerprint(self) -> str:
        """Return a digest of the session's bars and the history before them."""
        digest = hashlib.sha256(self.history.fingerprint().encode())
        for time, values, reference in self._connection.execute(
            'select time, "values", reference from rows order by time'
        ):
            digest.update(time.to_bytes(8, "little", signed=True) + values + reference)
        return digest.hexdigest()

    def findings(self) -> tuple[str, ...]:
        """Return nothing: what is wrong with a bar in live is an alert."""
        return ()

    def append(self, row: Slice) -> None:
        """Record a bar of all symbols; it is on disk when this returns.

        Raises
        ------
        DataError
            When the bar is not later than the last one.
        """
        if self._rows and row.time <= self._times[self._rows - 1]:
            raise DataError(
                f"the bar of {row.time} is not later than the last on the tape, {self._times[self._rows - 1]}"
            )
        blobs = (np.ascontiguousarray(row.values, np.float64), row.reference, row.arrival)
        try:
            self._connection.execute("insert into rows values (?, ?, ?, ?)", (row.time, *(b.tobytes() for b in blobs)))
        except sqlite3.OperationalError as error:
            raise DataError(f"{self.path} cannot be written: {error}") from None
        self._hold(row)

    def rest(self) -> None:
        """Copy SQLite's write-ahead log back, while nobody waits for a row; else an append does it now and then."""
        with suppress(sqlite3.Error):
            self._connection.execute("pragma wal_checkpoint(passive)")

    def revise(self, time: int, symbol: str, values: Floats, arrival: int) -> int:
        """Record a bar that came late or corrected; return its revision, 0 when it is known so. No row changes."""
        if self._newest(time, symbol) == values.tobytes():
            return 0
        query = "select coalesce(max(revision), 0) + 1 from revisions where time = ? and symbol = ?"
        revision = int(self._connection.execute(query, (time, symbol)).fetchone()[0])
        row = (time, symbol, revision, arrival, values.tobytes())
        self._connection.execute("insert into revisions values (?, ?, ?, ?, ?)", row)
        return revision

    def _newest(self, time: int, symbol: str) -> bytes | None:
        """Return what was last said about a bar of the session, None when nothing was."""
        query = 'select "values" from revisions where time = ? and symbol = ? order by revision desc limit 1'
        found = self._connection.execute(query, (time, symbol)).fetchone()
        if found:
            return bytes(found[0])
        found = self._connection.execute('select "values", reference from rows where time = ?', (time,)).fetchone()
        if found is None:
            return None
        if symbol in self.symbols:
            return np.frombuffer(found[0]).reshape(len(self.fields), -1)[:, self.symbols.index(symbol)].tobytes()
        return np.frombuffer(found[1])[[self._names.index(symbol)]].tobytes() if symbol in self._names else None

    def revisions(self) -> list[Revision]:
        """Return every bar that came late or corrected, oldest moment first."""
        query = 'select time, symbol, revision, arrival, "values" from revisions order by time, symbol, revision'
        return [
            Revision(time, symbol, revision, arrival, tuple(np.frombuffer(values).tolist()))
            for time, symbol, revision, arrival, values in self._connection.execute(query)
        ]

    def _hold(self, row: Slice) -> None:
        if self._rows == len(self._times):
            self._times = np.concatenate([self._times, np.zeros(len(self._times), np.int64)])
        if self._rows - self._first == self._values.shape[1]:
            self._make_room()
        at = self._rows - self._first
        self._times[self._rows] = row.time
        self._values[:, at] = row.values
        self._reference[:, at] = row.reference
        self._rows += 1

    def _make_room(self) -> None:
        """Drop the rows that nobody looks back on; arrays that were handed out stay as they are."""
        held = self._values.shape[1]
        keep = held if self.back < 0 else min(self.back, held)
        values = np.full((len(self.fields), keep + max(_SPARE, keep), len(self.symbols)), np.nan)
        reference = np.full((len(self._names), values.shape[1]), np.nan)
        values[:, :keep], reference[:, :keep] = self._values[:, held - keep :], self._reference[:, held - keep :]
        self._values, self._reference, self._first = values, reference, self._rows - keep

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
