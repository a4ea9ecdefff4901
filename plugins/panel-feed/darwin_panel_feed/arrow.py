"""Between Arrow and NumPy.

Arrow's own conversions import pandas wherever it is installed, which costs more than reading the files: so the
buffers are taken as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]


def from_ints(values: Ints) -> pa.Array:
    """Return an int64 array as Arrow's, without a copy."""
    whole = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


def ints(cells: pa.Array, default: int = 0) -> Ints:
    """Return integers, dates or times as NumPy, (n,) int64; `default` where a cell is empty."""
    whole = cells.cast(pa.int32()).cast(pa.int64()) if pa.types.is_date32(cells.type) else cells.cast(pa.int64())
    values = np.frombuffer(whole.buffers()[1], np.int64, whole.offset + len(whole))[whole.offset :]
    return np.where(valid(whole), values, default) if whole.null_count else values


def floats(cells: pa.Array) -> Floats:
    """Return numbers as NumPy, (n,) float64; NaN where a cell is empty."""
    whole = cells.cast(pa.float64(), safe=False)
    values = np.frombuffer(whole.buffers()[1], np.float64, whole.offset + len(whole))[whole.offset :]
    return np.where(valid(whole), values, np.nan) if whole.null_count else values


def bools(cells: pa.Array) -> Bools:
    """Return truth values as NumPy, (n,) bool; False where a cell is empty."""
    return _bits(cells.buffers()[1], cells.offset, len(cells)) & valid(cells)


def valid(cells: pa.Array) -> Bools:
    """Return which cells are not empty, (n,)."""
    bits = cells.buffers()[0]
    if pa.types.is_null(cells.type):
        return np.zeros(len(cells), np.bool_)
    return np.ones(len(cells), np.bool_) if bits is None else _bits(bits, cells.offset, len(cells))


def _bits(buffer: pa.Buffer, offset: int, count: int) -> Bools:
    """Unpack bits, the lowest of each byte first, (count,)."""
    octets = np.frombuffer(buffer, np.uint8)
    return np.unpackbits(octets, count=offset + count, bitorder="little")[offset:].astype(np.bool_)
