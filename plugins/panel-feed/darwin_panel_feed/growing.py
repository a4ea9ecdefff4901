"""A CSV file that somebody else writes: which of its bars are new since it was last looked at."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import define, field, frozen

from darwin_core import DataError
from darwin_panel_feed import spacing
from darwin_panel_feed.panel import read_panel
from darwin_panel_feed.report import Report
from darwin_panel_feed.rows import read_rows
from darwin_panel_feed.tables import CsvTable, Tail, header_end

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_panel_feed.rows import Rows
    from darwin_panel_feed.setup import Setup

    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]
    Mark: TypeAlias = tuple[int, int, int]

_NEVER = (0, -1, 0)


@frozen(eq=False)
class Block:
    """Bars of one look.

    Parameters
    ----------
    time
        (n,) ns UTC: when each is complete.
    symbols
        n names.
    values
        (n, F) in the order of the feed's fields.
    """

    time: Ints
    symbols: list[str]
    values: Floats

    def only(self, rows: Ints) -> Block:
        """Return some of the bars."""
        return Block(self.time[rows], [self.symbols[row] for row in rows.tolist()], self.values[rows])


@define(eq=False)
class GrowingFile:
    """A file of bars.

    Parameters
    ----------
    path, setup
        The file and how to read it.
    fields
        The feed's fields, in order.
    interval
        Nominal time between its bars, ns.
    table
        Name of the policy's table in the deployment, for what is told.
    """

    path: Path
    setup: Setup
    fields: tuple[str, ...]
    interval: int
    table: str
    _mark: Mark = field(default=_NEVER, init=False)
    _read: int = field(default=0, init=False)
    _most: int = field(default=0, init=False)
    _digest: bytes = field(default=b"", init=False)
    _known: list[Block] = field(factory=list, init=False)

    def look(self) -> tuple[list[Block], list[str]]:
        """Return the bars that are new or changed since the last look, and what is wrong with the file.

        Lines that were appended are read alone, after the bytes before them were compared by their digest. When those
        have changed the file is read anew, and its bars are compared one by one. A last line without an end is left
        for the next look. A bar that is no longer in the file is not taken back.
        """
        try:
            mark = mark_of(self.path)
            if mark == self._mark:
                return [], []
            raw = self.path.read_bytes()
        except OSError as error:
            told = [] if self._mark == _NEVER else [f"{self.path} cannot be read: {error.strerror}"]
            self._mark = _NEVER
            return [], told
        self._mark = mark
        whole = raw[: raw.rfind(b"\n") + 1]
        grown = self._read > 0 and _digest(whole[: self._read]) == self._digest
        start = self._read if grown else 0
        self._read, self._digest = len(whole), _digest(whole)
        block, told = self._parse(whole, start)
        if start < self._most:  # what stands there may be what stood there
            block, changed = self._changed(block)
            if not grown:
                told.append(
                    f"{self.path} was written anew: {changed:,} bars changed, {len(block.time) - changed:,} new"
                )
        self._most = max(self._most, self._read)
        self._known.append(block)
        return [block], told

    def _parse(self, raw: bytes, start: int) -> tuple[Block, list[str]]:
        """Read whole lines from a byte on; rows that the policy refuses are left out and told."""
        report = Report(self.setup.policy, self.table)
        block, problem = Block(np.empty(0, np.int64), [], np.empty((0, len(self.fields)))), ""
        try:
            table = CsvTable.open(self.path, self.setup.delimiter)
            start = start or header_end(raw)
            if raw[start:].strip():
                block = self._block(read_rows(Tail(table, raw, start), self.setup, report))
            report.settle()
        except DataError as error:
            problem = f"left out: {error}"
        told = [] if not self._known else list(report.findings)  # those of the beginning are the feed's own
        return block, [*told, *([problem] if problem else [])]

    def _block(self, rows: Rows) -> Block:
        time = rows.moment
        if rows.stamp == "open":
            moments, place = np.unique(rows.moment, return_inverse=True)
            time = spacing.ends(moments, self.interval, self.setup.zone or "UTC", str(self.path))[place]
        values = np.stack([rows.values[name] + 0.0 for name in self.fields], axis=1)
        return Block(time, [rows.words[code] for code in rows.symbol.tolist()], values)

    def _changed(self, block: Block) -> tuple[Block, int]:
        """Return the bars that are not known so, and how many of them are known otherwise."""
        known = {key: values for each in self._known for key, values in _keyed(each)}
        rows = [row for row, (key, values) in enumerate(_keyed(block)) if known.get(key) != values]
        keys = [key for key, _ in _keyed(block)]
        return block.only(np.array(rows, np.int64)), sum(keys[row] in known for row in rows)


def _keyed(block: Block) -> list[tuple[tuple[str, int], bytes]]:
    return [
        ((symbol, time), values.tobytes())
        for symbol, time, values in zip(block.symbols, block.time.tolist(), block.values, strict=True)
    ]


@define(eq=False)
class GrowingSeries:
    """The file of a watched series; it is small, and read anew when it has changed."""

    path: Path
    setup: Setup
    last: bool
    table: str
    time: Ints = field(factory=lambda: np.empty(0, np.int64), init=False)
    values: Floats = field(factory=lambda: np.empty(0), init=False)
    _mark: Mark = field(default=_NEVER, init=False)

    def look(self) -> list[str]:
        """Take in what is new; return what is wrong with the file."""
        try:
            mark = mark_of(self.path)
            if mark == self._mark:
                return []
            self._mark = mark
            report = Report(self.setup.policy, self.table)
            panel = read_panel([self.path], self.setup, report, str(self.path))
        except (OSError, DataError) as error:
            return [f"{self.path} is not taken in: {error}"]
        self.time, self.values = panel.time, panel.fields["close"][:, 0]
        return []


def mark_of(path: Path) -> Mark:
    """Return what changes whenever a file is written or replaced."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()
