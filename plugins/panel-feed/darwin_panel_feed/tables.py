"""One CSV or Parquet file: its column names, its cells, and where each row stands."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import define, field, frozen

from darwin_core import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq")
_HEADER_BYTES = 1 << 20
_UNREADABLE = (
    pa.ArrowException,
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    MemoryError,
    OverflowError,
    KeyError,
    csv.Error,
)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file raises into a DataError that names it."""
    try:
        yield
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error).split("\n")[0] or type(error).__name__
        msg = f"{path}: this file cannot be read: {reason}"
        raise DataError(msg) from None


@frozen(eq=False)
class Cells:
    """Some columns of a file.

    Parameters
    ----------
    columns
        Column name to its cells, one chunk each.
    rows
        Number of rows.
    broken
        What is wrong with lines that could not be split into cells, and are not among the rows.
    row_name
        Names a row, by its number from 0, as a person finds it in the file.
    """

    columns: dict[str, pa.Array]
    rows: int
    broken: list[str]
    row_name: Callable[[int], str]


@frozen(eq=False)
class CsvTable:
    """A CSV file, gzipped or not: UTF-8, one header line, one line a row.

    Parameters
    ----------
    path, delimiter, names
        Where it is, what stands between its cells, and its header.
    whole_lines
        Whether a last line without an end is left out: somebody is still writing it.
    """

    path: Path
    delimiter: str
    names: tuple[str, ...]
    whole_lines: bool = False

    @classmethod
    def open(cls, path: Path, delimiter: str, *, whole_lines: bool = False) -> CsvTable:
        """Read the header."""
        with readable(path):
            opener: Any = gzip.open if path.suffix == ".gz" else open
            with opener(path, "rb") as stream:
                head = stream.read(_HEADER_BYTES)
            header, _ = _split_header(head)
            cells = next(csv.reader(io.StringIO(header), delimiter=delimiter, strict=True), [])
        names = tuple(cell.strip() for cell in cells)
        if not any(names):
            msg = f"{path}: this file is empty"
            raise DataError(msg)
        return cls(path, delimiter, names, whole_lines)

    def read(self, columns: Sequence[str], encoded: Sequence[str]) -> Cells:
        """Read columns as text, those in `encoded` as dictionaries."""
        with readable(self.path):
            raw = self.path.read_bytes()
            raw = gzip.decompress(raw) if self.path.suffix == ".gz" else raw
            raw = raw[: raw.rfind(b"\n") + 1] if self.whole_lines else raw
            start = _split_header(raw)[1]
        return self.cells(raw, start, columns, encoded)

    def cells(self, raw: bytes, start: int, columns: Sequence[str], encoded: Sequence[str]) -> Cells:
        """Read the text from byte `start` on, where a line begins."""
        with readable(self.path):
            lines = Lines(raw, start)
            table, broken = self._parse(memoryview(raw)[start:], columns, encoded)
            lines.check(table.num_rows, [number for number, _ in broken])
        told = [f"{lines.name_of_line(number - 1)}: {text}" for number, text in broken]
        return Cells({name: single(table[name]) for name in columns}, table.num_rows, told, lines.name)

    def _parse(
        self, body: memoryview, columns: Sequence[str], encoded: Sequence[str]
    ) -> tuple[pa.Table, list[tuple[int, str]]]:
        """Split the lines after the header; return the cells and the lines of another number of cells."""
        import pyarrow.csv as pv

        broken: list[tuple[int, str]] = []

        def skip(row: pv.InvalidRow) -> str:
            text = row.text if len(row.text) <= 60 else row.text[:60] + "..."
            broken.append((row.number, f"{row.actual_columns} cells, not {row.expected_columns}: {text!r}"))
            return "skip"

        keys = {name: str(self.names.index(name)) for name in columns}
        kinds = {keys[n]: pa.dictionary(pa.int32(), pa.string()) if n in encoded else pa.string() for n in columns}
        if not bytes(body[:65536]).strip():
            return pa.table({name: pa.array([], pa.string()) for name in columns}), broken
        table = pv.read_csv(
            pa.BufferReader(body),
            # Columns are named by position, since a header may name two alike; one thread, since row numbers
            # are only known then and worker processes may be forked later.
            read_options=pv.ReadOptions(column_names=[str(i) for i in range(len(self.names))], use_threads=False),
            parse_options=pv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=skip),
            convert_options=pv.ConvertOptions(
                column_types=kinds, include_columns=list(keys.values()), strings_can_be_null=False
            ),
        )
        return table.rename_columns(list(columns)), broken


@frozen(eq=False)
class Tail:
    """The lines of a CSV file from a place on.

    Parameters
    ----------
    table
        The file.
    raw
        Its text, of whole lines.
    start
        The byte at which the lines begin.
    """

    table: CsvTable
    raw: bytes
    start: int

    @property
    def path(self) -> Path:
        """The file."""
        return self.table.path

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns."""
        return self.table.names

    def read(self, columns: Sequence[str], encoded: Sequence[str]) -> Cells:
        """Read columns of these lines."""
        return self.table.cells(self.raw, self.start, columns, encoded)


@define(eq=False)
class Lines:
    """Which line of a text a row came from; counted only when somebody asks."""

    raw: bytes = field(repr=False)
    start: int
    skipped: list[int] = field(factory=list, init=False)
    _filled: list[int] | None = field(default=None, init=False)

    def check(self, rows: int, skipped: list[int]) -> None:
        """Raise ValueError when rows and lines differ: a stray quote swallows the lines up to the next one."""
        self.skipped = skipped
        whole = self.raw.endswith(b"\n") or len(self.raw) == self.start
        if self.raw.count(b"\n", self.start) + (not whole) == rows + len(skipped):
            return
        if len(self.filled()) != rows + len(skipped):
            count = f"{len(self.filled()):,} lines make {rows + len(skipped):,} rows"
            msg = f"{count}: a quote is not closed, or a cell holds a line break"
            raise ValueError(msg)

    def filled(self) -> list[int]:
        """Return the numbers, from 1, of the lines after the header that are not empty."""
        if self._filled is None:
            first = 1 + len(self.raw[: self.start].splitlines())
            lines = self.raw[self.start :].splitlines()
            self._filled = [first + i for i, line in enumerate(lines) if line]
        return self._filled

    def name_of_line(self, index: int) -> str:
        """Name the `index`-th filled line after the header."""
        filled = self.filled()
        return f"line {filled[index]}" if index < len(filled) else f"row {index + 1}"

    def name(self, row: int) -> str:
        """Name row `row`: of the filled lines, those that were skipped have none."""
        index = row
        for number in self.skipped:
            index += number - 1 <= index
        return self.name_of_line(index)


def header_end(raw: bytes) -> int:
    """Return the byte at which the line after the header begins."""
    return _split_header(raw)[1]


def _split_header(raw: bytes) -> tuple[str, int]:
    """Return the first line that is not empty, and where the rest begins."""
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    while start < len(raw) and raw[start] in b"\r\n":
        start += 1
    ends = [end for end in (raw.find(b"\n", start), raw.find(b"\r", start)) if end >= 0]
    end = min(ends, default=len(raw))
    after = end + (2 if raw[end : end + 2] == b"\r\n" else 1)
    return raw[start:end].decode("utf-8"), min(after, len(raw))


@frozen(eq=False)
class ParquetTable:
    """A Parquet file."""

    path: Path
    names: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> ParquetTable:
        """Read the schema."""
        import pyarrow.parquet as pq

        with readable(path):
            return cls(path, tuple(pq.read_schema(path).names))

    def read(self, columns: Sequence[str], encoded: Sequence[str]) -> Cells:
        """Read columns as they are, those in `encoded` as dictionaries."""
        import pyarrow.parquet as pq

        with readable(self.path):
            with pq.ParquetFile(self.path) as file:
                table = file.read(columns=list(columns), use_threads=False)
            table.validate(full=True)  # text that is not UTF-8 would only fail when it is shown
            cells = {name: single(table[name]) for name in columns}
            for name in encoded:
                if not pa.types.is_dictionary(cells[name].type):
                    cells[name] = single(pa.chunked_array([cells[name]]).dictionary_encode())
        return Cells(cells, table.num_rows, [], lambda row: f"row {row + 1}")


def open_table(path: Path, delimiter: str, *, whole_lines: bool = False) -> CsvTable | ParquetTable:
    """Open a file by the ending of its name."""
    if path.suffix in {".parquet", ".pq"}:
        return ParquetTable.open(path)
    return CsvTable.open(path, delimiter, whole_lines=whole_lines)


def single(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one chunk."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    if column.num_chunks == 0:
        return pa.array([], column.type)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
