"""One file to clean rows: what, when, how much; what is wrong is reported and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from attrs import frozen

from darwin_core import DataError
from darwin_panel_feed import bars, cells
from darwin_panel_feed.moments import moments
from darwin_panel_feed.setup import roles
from darwin_panel_feed.stamps import parse

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_panel_feed.report import Label, Report
    from darwin_panel_feed.setup import Roles, Setup
    from darwin_panel_feed.tables import Cells, CsvTable, ParquetTable, Tail

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]

_TIME_HINT = (
    "a time is ISO 8601 (2020-01-31, 2020-01-31T16:00, 2020-01-31T16:00+01:00); for another form set time_format"
)


@frozen(eq=False)
class Rows:
    """The usable rows of one file.

    Parameters
    ----------
    path
        The file.
    words
        The symbols in it.
    symbol
        (n,) index into `words`.
    moment
        (n,) ns UTC: when the bar opens if `stamp` is open, else when it is complete.
    values
        Field to (n,) float64, finite.
    stamp
        What the stamps mean: date, open or close.
    row
        (n,) the rows' numbers in the file, for `label`.
    """

    path: Path
    words: list[str]
    symbol: Ints
    moment: Ints
    values: dict[str, Floats]
    stamp: str
    row: Ints
    label: Label


@frozen(eq=False)
class Screen:
    """Which rows are still good; each kind of defect is judged once, on the rows that the others left."""

    where: Path
    report: Report
    label: Label
    good: Bools

    def keep(self, wanted: Bools) -> None:
        """Take out the rows that nobody asked for, without a word."""
        self.good[~wanted] = False

    def judge(self, kind: str, bad: Bools, hint: str = "") -> None:
        """Report the bad rows; take them out unless the policy keeps them."""
        rows = np.flatnonzero(bad & self.good)
        if len(rows) and self.report.judge(kind, self.where, rows, self.label, hint) in {"refuse", "drop"}:
            self.good[rows] = False


def read_rows(table: CsvTable | ParquetTable | Tail, setup: Setup, report: Report) -> Rows:
    """Read and check one file, or some lines of one."""
    path = table.path
    role = roles(path, table.names, setup)
    encoded = [role.time, role.symbol] if role.symbol else []
    read = table.read(list(dict.fromkeys([role.time, *encoded, *role.numeric])), encoded)
    if read.broken:
        broken = np.arange(len(read.broken))
        report.judge("unparsable", path, broken, read.broken.__getitem__)
    if read.rows == 0:
        report.settle()
        msg = f"{path}: this file has a header and no rows"
        raise DataError(msg)
    words, symbol = cells.names(read.columns[role.symbol], path, role.symbol) if role.symbol else _one(path, read.rows)
    label = _labels(read, role, words, symbol)
    screen = Screen(path, report, label, np.ones(read.rows, np.bool_))
    if setup.symbols:
        wanted = np.array([*(word in setup.symbols for word in words), True], np.bool_)
        screen.keep(wanted[symbol])
    screen.judge("unparsable", symbol < 0, "the symbol is empty")
    moment, stamp = _moments(read, role, setup, screen)
    values = bars.check(_numbers(read, role, path, screen), role, setup, screen)
    screen.judge("unordered", _backward(symbol, moment, screen.good))
    row = np.flatnonzero(screen.good)
    kept = {name: column[row] for name, column in values.items()}
    return Rows(path, words, symbol[row], moment[row], kept, stamp, row, label)


def _one(path: Path, rows: int) -> tuple[list[str], Ints]:
    """Return the file's stem as the only symbol."""
    return [stem(path)], np.zeros(rows, np.int64)


def stem(path: Path) -> str:
    """Return a file's name without ``.csv``, ``.csv.gz`` or ``.parquet``."""
    return path.name.removesuffix(".gz").rpartition(".")[0]


def _moments(read: Cells, role: Roles, setup: Setup, screen: Screen) -> tuple[Ints, str]:
    """Return the moment of each row, and what the stamps mean; rows outside the wanted days are left out."""
    distinct, code = cells.distinct(read.columns[role.time])
    stamps = parse(distinct, setup.time_format, screen.where, role.time)
    # -1, for rows without a time, takes the last entry: a bad one that is put there for them.
    bad = np.append(stamps.bad, True)[code]
    screen.judge("unparsable", bad, _TIME_HINT)
    used = np.zeros(len(stamps.time) + 1, np.bool_)
    used[code[screen.good]] = True
    found = moments(stamps, setup, screen.where, used[:-1])

    def spread(per_stamp: NDArray[Any]) -> NDArray[Any]:
        return np.append(per_stamp, per_stamp.dtype.type(0))[code]

    screen.keep(spread((found.day >= setup.first_day) & (found.day <= setup.last_day)))
    screen.judge("nonexistent", spread(found.nonexistent))
    screen.judge("ambiguous", spread(found.ambiguous))
    return spread(found.time), found.stamp


def _numbers(read: Cells, role: Roles, path: Path, screen: Screen) -> dict[str, Floats]:
    """Return the numbers of each column, (n,); cells that are none are reported."""
    values: dict[str, Floats] = {}
    unparsable = np.zeros(read.rows, np.bool_)
    for name in role.numeric:
        values[name], wrong = cells.numbers(read.columns[name], path, name)
        unparsable |= wrong
    screen.judge("unparsable", unparsable)
    return values


def _backward(symbol: Ints, moment: Ints, good: Bools) -> Bools:
    """Mark the rows that stand below a later row of their symbol, (n,)."""
    bad = np.zeros(len(symbol), np.bool_)
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(symbol[rows], kind="stable")]
    if len(rows) == 0 or not ((np.diff(moment[rows]) < 0) & (np.diff(symbol[rows]) == 0)).any():
        return bad
    for part in np.split(rows, np.flatnonzero(np.diff(symbol[rows])) + 1):
        bad[part] = moment[part] < np.maximum.accumulate(moment[part])
    return bad


def _labels(read: Cells, role: Roles, words: list[str], symbol: Ints) -> Label:
    """Return a function that writes a row as a person finds it in the file."""

    def label(row: int) -> str:
        word = words[symbol[row]] if symbol[row] >= 0 else "?"
        stamp = _text(read.columns[role.time], row)
        shown = [f"{name} {_text(read.columns[name], row)}" for name in role.numeric]
        return f"{read.row_name(row)}: {word} {stamp} {' '.join(shown)}"

    return label


def _text(cells: pa.Array, row: int) -> str:
    """Write a cell as it stands in the file, cut when it is long."""
    cell = cells[row : row + 1]
    cell = cell.dictionary_decode() if pa.types.is_dictionary(cell.type) else cell
    if not cell[0].is_valid:
        return "(empty)"
    # By Arrow's own cast: as Python objects, times in ns need pandas and years beyond 9999 do not exist.
    try:
        text = str(cell.cast(pa.string())[0].as_py())
    except pa.ArrowException:
        return f"({cell.type})"
    if not text or not text.isprintable() or len(text) > 40:
        return repr(text[:40]) + ("..." if len(text) > 40 else "")
    return text
