"""Cells to numbers and names, with a mark on each cell that is neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from darwin_core import DataError
from darwin_panel_feed import arrow

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]

_EMPTY = ("", "-nan", "-NaN", "nan", "NaN", "NAN", "na", "NA", "n/a", "N/A", "#N/A", "null", "NULL", "None", ".")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$|^[+-]?(?i:inf|infinity)$"


def is_text(kind: pa.DataType) -> bool:
    """Return whether cells of an Arrow type are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def numbers(cells: pa.Array, path: Path, column: str) -> tuple[Floats, Bools]:
    """Read a column of numbers.

    Returns
    -------
    values
        (n,) float64; NaN where a cell is empty or cannot be read.
    unparsable
        (n,) bool: cells that hold something else than a number.
    """
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if is_text(cells.type):
        return _parse(cells.cast(pa.string()))
    kind = cells.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    ):
        msg = f"{path}: column {column!r} holds {kind}, not numbers"
        raise DataError(msg)
    return arrow.floats(cells), np.zeros(len(cells), np.bool_)


def _parse(text: pa.Array) -> tuple[Floats, Bools]:
    """Parse text at once; only when that fails, look for the cells that are to blame."""
    try:
        return arrow.floats(text.cast(pa.float64())), np.zeros(len(text), np.bool_)
    except pa.ArrowInvalid:
        trimmed = pc.utf8_trim_whitespace(text)
    empty = arrow.bools(pc.is_in(trimmed, value_set=pa.array(_EMPTY))) | ~arrow.valid(trimmed)
    number = pc.match_substring_regex(trimmed, _NUMBER)
    values = arrow.floats(pc.if_else(number, trimmed, None).cast(pa.float64()))
    return values, ~(arrow.bools(number) | empty)


def names(cells: pa.Array, path: Path, column: str) -> tuple[list[str], Ints]:
    """Read a dictionary-encoded column of names, which are text or whole numbers.

    Returns
    -------
    words
        Its distinct names without the blanks around them, in the order of their first row.
    codes
        (n,) int64 index into `words`, -1 where there is none.
    """
    kind = cells.dictionary.type
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        msg = f"{path}: column {column!r} holds {kind}, not symbols"
        raise DataError(msg)
    texts = [str(word).strip() if word is not None else "" for word in cells.dictionary.to_pylist()]
    words = [word for word in dict.fromkeys(texts) if word]
    position: dict[str, int] = {word: i for i, word in enumerate(words)}
    table = np.array([*(position.get(text, -1) for text in texts), -1], np.int64)
    return words, table[codes(cells)]


def distinct(cells: pa.Array) -> tuple[pa.Array, Ints]:
    """Return the distinct cells of a dictionary column and each row's code; of another column, its cells in order."""
    if pa.types.is_dictionary(cells.type):
        return cells.dictionary, codes(cells)
    return cells, np.arange(len(cells))


def codes(cells: pa.Array) -> Ints:
    """Return the codes of a dictionary column, (n,) int64; -1, which is the last one, where there is none."""
    return arrow.ints(cells.indices, -1)
