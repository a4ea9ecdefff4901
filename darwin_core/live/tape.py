"""The tape: bars as they were first seen, with event time, arrival time and revision.

It is a feed like any other, so the components that a backtest evaluates are evaluated on it unchanged. A row is on
disk before anything is decided on it. A corrected bar is kept as a further revision and changes no row: what was
decided was decided on what was known.
"""

from __future__ import annotations

import hashlib
import sqlite3
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
create table if not exists bars (
    time integer not null, symbol text not null, revision integer not null, arrival integer not null,
    first_row integer not null, "values" blob not null,
    primary key (time, symbol, revision)
) without rowid;
create table if not exists rows (time integer primary key, late text not null, reference blob not null);
"""


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
    """

    history: Feed
    known: int
    path: Path
    _connection: sqlite3.Connection = field(init=False)
    _time: Ints = field(init=False)
    _values: Floats = field(init=False)
    _reference: Floats = field(init=False)
    _names: tuple[str, ...] = field(init=False)
    _rows: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Take the history in, and what an earlier process of this session has recorded."""
        before = self.history.read(0, self.known)
        self._names = tuple(before.reference)
        capacity = self.known + 1024
        fields, symbols = self.history.fields, self.history.symbols
        self._time = np.zeros(capacity, np.int64)
        self._values = np.full((len(fields), capacity, len(symbols)), np.nan)
        self._reference = np.full((len(self._names), capacity), np.nan)
        self._rows = self.known
        self._time[: self.known] = before.time
        for f, name in enumerate(fields):
            self._values[f, : self.known] = before.fields[name]
        for r, name in enumerate(self._names):
            self._reference[r, : self.known] = before.reference[name]
        self._connection = sqlite3.connect(self.path, isolation_level=None)
        self._connection.executescript("pragma journal_mode = wal; pragma synchronous = full;" + _SCHEMA)
        self._read_back()

    def _read_back(self) -> None:
        for time, reference in self._connection.execute("select time, reference from rows order by time").fetchall():
            values = np.full((len(self.fields), len(self.symbols)), np.nan)
            found = self._connection.execute('select symbol, "values" from bars where time = ? and first_row', (time,))
            for symbol, blob in found:
                values[:, self.symbols.index(symbol)] = np.frombuffer(blob)
            self._hold(time, values, np.frombuffer(reference))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the traded symbols."""
        return self.history.symbols

    @property
    def fields(self) -> tuple[str, ...]:
        """Which fields there are."""
        return self.history.fields

    @property
    def timezone(self) -> str:
        """The feed's zone."""
        return self.history.timezone

    @property
    def interval(self) -> int:
        """Nominal time between bars, ns."""
        return self.history.interval

    def times(self) -> Ints:
        """Return the times of all bars so far."""
        return read_only(self._time[: self._rows])

    def read(self, start: int, stop: int) -> Bars:
        """Return rows of history and session."""
        stop = min(stop, self._rows)
        return Bars(
            read_only(self._time[start:stop]),
            self.symbols,
            {name: read_only(self._values[f, start:stop]) for f, name in enumerate(self.fields)},
            {name: read_only(self._reference[r, start:stop]) for r, name in enumerate(self._names)},
            self.timezone,
        )

    def fingerprint(self) -> str:
        """Return a digest of the session's bars and the history before them."""
        digest = hashlib.sha256(self.history.fingerprint().encode())
        digest.update(self._time[: self._rows].tobytes())
        digest.update(np.ascontiguousarray(self._values[:, self.known : self._rows]).tobytes())
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
        if self._rows and row.time <= self._time[self._rows - 1]:
            raise DataError(
                f"the bar of {row.time} is not later than the last on the tape, {self._time[self._rows - 1]}"
            )
        seen = [s for s in range(len(self.symbols)) if row.arrival[s]]
        late = ",".join(self.symbols[s] for s in range(len(self.symbols)) if not row.arrival[s])
        with self._connection:
            self._connection.execute("begin")
            self._connection.execute("insert into rows values (?, ?, ?)", (row.time, late, row.reference.tobytes()))
            self._connection.executemany(
                "insert into bars values (?, ?, 0, ?, 1, ?)",
                [(row.time, self.symbols[s], int(row.arrival[s]), row.values[:, s].tobytes()) for s in seen],
            )
        self._hold(row.time, row.values, row.reference)

    def revise(self, time: int, symbol: str, values: Floats, arrival: int) -> int:
        """Record a bar that came late or corrected; return its revision. No row changes."""
        query = "select coalesce(max(revision), -1) + 1 from bars where time = ? and symbol = ?"
        revision = int(self._connection.execute(query, (time, symbol)).fetchone()[0])
        row = (time, symbol, revision, arrival, values.tobytes())
        self._connection.execute("insert into bars values (?, ?, ?, ?, 0, ?)", row)
        return revision

    def _hold(self, time: int, values: Floats, reference: Floats) -> None:
        if self._rows == len(self._time):
            self._grow()
        self._time[self._rows] = time
        self._values[:, self._rows] = values
        self._reference[:, self._rows] = reference
        self._rows += 1

    def _grow(self) -> None:
        more = len(self._time)
        self._time = np.concatenate([self._time, np.zeros(more, np.int64)])
        self._values = np.concatenate(
            [self._values, np.full((len(self.fields), more, len(self.symbols)), np.nan)], axis=1
        )
        self._reference = np.concatenate([self._reference, np.full((len(self._names), more), np.nan)], axis=1)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
