"""The rows of all files to one panel of times x symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen

from darwin_core import DataError
from darwin_panel_feed import spacing
from darwin_panel_feed.rows import read_rows, stem
from darwin_panel_feed.setup import roles
from darwin_panel_feed.tables import open_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_panel_feed.report import Report
    from darwin_panel_feed.rows import Rows
    from darwin_panel_feed.setup import Setup
    from darwin_panel_feed.tables import CsvTable, ParquetTable

    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]


@frozen(eq=False)
class Panel:
    """Bars on the union of all symbols' times.

    Parameters
    ----------
    time
        (T,) ns UTC, strictly increasing: when each bar is complete.
    symbols
        S names.
    fields
        Field to (T, S) float64, NaN where a symbol has no bar.
    interval
        Nominal time between bars, ns.
    """

    time: Ints
    symbols: tuple[str, ...]
    fields: dict[str, Floats]
    interval: int


def read_panel(paths: Sequence[Path], setup: Setup, report: Report, where: str) -> Panel:
    """Read and check files and put them together; raise DataError when anything was refused."""
    tables = _wanted([open_table(path, setup.delimiter, whole_lines=setup.whole_lines) for path in paths], setup)
    parts = [read_rows(table, setup, report) for table in tables]
    report.settle()
    symbols = setup.symbols or tuple(sorted({word for part in parts for word in part.words}))
    missing = [name for name in setup.symbols if not any(name in part.words for part in parts)]
    if missing:
        raise UnknownSymbolError(missing[0], sorted({word for part in parts for word in part.words}))
    fields = _same_fields(parts)
    if not sum(len(part.moment) for part in parts):
        msg = f"{where}: no row is left{_span(setup)}"
        raise DataError(msg)
    moment, row, column = _places(parts, symbols)
    _check_twins(parts, row * len(symbols) + column, report)
    present = np.zeros((len(moment), len(symbols)), np.bool_)
    present[row, column] = True
    stamp = _one_stamp(parts)
    steps = spacing.Steps.of(moment, present)
    length = spacing.interval(steps, setup, stamp, where)
    open_ended = stamp == "open" and not setup.interval
    spacing.Spacing(report, where, length, open_ended).check(steps, symbols)
    report.settle()
    time = spacing.ends(moment, length, setup.zone or "UTC", where) if stamp == "open" else moment
    return Panel(time, symbols, {name: _pivot(parts, name, present.shape, row, column) for name in fields}, length)


class UnknownSymbolError(Exception):
    """A symbol that the options name and no file has."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known


def _wanted(tables: list[CsvTable | ParquetTable], setup: Setup) -> list[CsvTable | ParquetTable]:
    """Leave out files of symbols that are not asked for; refuse two files of one symbol, and a mixture of kinds."""
    long = [roles(table.path, table.names, setup).symbol is not None for table in tables]
    if setup.symbol is None or all(long):
        return tables
    if any(long):
        one, many = tables[long.index(False)].path, tables[long.index(True)].path
        msg = f"{many} has a column of symbols and {one} has none: give files of one kind"
        raise DataError(msg)
    seen: dict[str, Path] = {}
    for table in tables:
        first = seen.setdefault(stem(table.path), table.path)
        if first != table.path:
            msg = f"{stem(table.path)} comes twice: from {first} and from {table.path}"
            raise DataError(msg)
    unknown = [name for name in setup.symbols if name not in seen]
    if unknown:
        raise UnknownSymbolError(unknown[0], sorted(seen))
    return [table for table in tables if not setup.symbols or stem(table.path) in setup.symbols]


def _same_fields(parts: list[Rows]) -> list[str]:
    """Return the fields, which all files must have alike."""
    first = parts[0]
    for part in parts[1:]:
        if part.values.keys() != first.values.keys():
            odd = sorted(part.values.keys() ^ first.values.keys())
            has = first if odd[0] in first.values else part
            lacks = part if has is first else first
            msg = (
                f"{has.path} has {', '.join(odd[:1])} and {lacks.path} has not: name what all files have with `fields`"
            )
            raise DataError(msg)
    return list(first.values)


def _one_stamp(parts: list[Rows]) -> str:
    """Return what the stamps mean, which must be the same in all files."""
    for part in parts[1:]:
        if part.stamp != parts[0].stamp:
            msg = f'{parts[0].path} has dates and {part.path} times: set stamp = "open" or "close"'
            raise DataError(msg)
    return parts[0].stamp


def _places(parts: list[Rows], symbols: tuple[str, ...]) -> tuple[Ints, Ints, Ints]:
    """Return the distinct moments, (T,), and for each row of all parts its place in the panel, (n,) each."""
    column_of = {name: i for i, name in enumerate(symbols)}
    columns = [np.array([column_of.get(w, -1) for w in part.words], np.int64)[part.symbol] for part in parts]
    moment, row = np.unique(np.concatenate([part.moment for part in parts]), return_inverse=True)
    return moment, row.astype(np.int64, copy=False), np.concatenate(columns)


def _check_twins(parts: list[Rows], place: Ints, report: Report) -> None:
    """Report rows at a place that an earlier row has taken."""
    order = np.argsort(place, kind="stable")
    twins = np.sort(order[1:][np.diff(place[order]) == 0])
    start = 0
    for part in parts:
        mine = twins[(twins >= start) & (twins < start + len(part.row))] - start
        if len(mine):
            report.judge("duplicate", part.path, part.row[mine], part.label)
        start += len(part.row)


def _pivot(parts: list[Rows], name: str, shape: tuple[int, ...], row: Ints, column: Ints) -> Floats:
    """Spread a field over the panel, (T, S); the first of several rows for one place stays."""
    panel = np.full(shape, np.nan)
    values = np.concatenate([part.values[name] for part in parts])
    panel[row[::-1], column[::-1]] = values[::-1] + 0.0  # no negative zero, which equals zero but has other bytes
    return panel


def _span(setup: Setup) -> str:
    """Say between which days rows were looked for."""
    days = [np.datetime64(day, "D") for day in (setup.first_day, setup.last_day) if abs(day) < 1 << 40]
    return f" between the wanted days ({', '.join(map(str, days))})" if days else ""
