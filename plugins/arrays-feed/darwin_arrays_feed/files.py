"""One ``.npy`` file, read a few rows at a time."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_CHUNK = 1 << 22


@frozen
class ArrayFile:
    """An array on disk, in rows.

    Parameters
    ----------
    path
        The file.
    offset
        Where its data begins, in bytes.
    shape
        (T,) or (T, S).
    dtype
        ``<f8`` or ``<i8``.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def open(cls, path: Path, dtype: str, dimensions: int) -> ArrayFile:
        """Read the header; raise DataError when it is not an array of this type that can be read by rows."""
        wanted = f"{np.dtype(dtype).name}, little-endian, {dimensions}-dimensional, in C order"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                array = np.lib.format.open_memmap(path, mode="r")
        except Exception as error:  # noqa: BLE001  (NumPy raises many kinds over a file that is none of its own)
            reason = getattr(error, "strerror", None) or str(error).split("\n")[0] or type(error).__name__
            msg = f"{path}: this array cannot be read: {reason}"
            raise DataError(msg) from None
        if array.dtype.str != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
            order = "C" if array.flags.c_contiguous else "Fortran"
            found = f"{array.dtype.str}, {array.ndim}-dimensional, in {order} order"
            msg = f"{path}: the array is {found}; it must be {wanted}"
            raise DataError(msg)
        return cls(path, array.offset, array.shape, dtype)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Read rows `start` to `stop` (exclusive) and nothing else, read-only.

        They are read and not left mapped: what is mapped counts as this process's memory, and a file that is cut
        short meanwhile would kill it.
        """
        width = self.shape[1] if len(self.shape) > 1 else 1
        size = np.dtype(self.dtype).itemsize * width
        try:
            values = np.fromfile(self.path, self.dtype, (stop - start) * width, offset=self.offset + start * size)
        except (OSError, ValueError) as error:
            msg = f"{self.path}: rows {start} to {stop} cannot be read: {error}"
            raise DataError(msg) from None
        if len(values) != (stop - start) * width:
            msg = f"{self.path}: this file has become shorter since it was opened"
            raise DataError(msg)
        values.flags.writeable = False
        return values.reshape(stop - start, *self.shape[1:])

    def pieces(self) -> Iterator[bytes]:
        """Read the data, without the header, piece by piece."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                while piece := file.read(_CHUNK):
                    yield piece
        except OSError as error:
            msg = f"{self.path}: this file cannot be read: {error.strerror}"
            raise DataError(msg) from None


def read_symbols(path: Path) -> tuple[str, ...]:
    """Read ``symbols.json``: a list of distinct names, in the order of the columns."""
    try:
        names = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: this is no list of names: {getattr(error, 'strerror', None) or error}"
        raise DataError(msg) from None
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n and n.strip() == n for n in names):
        msg = f'{path}: write the names of the columns as a list: ["AAPL", "MSFT"]'
        raise DataError(msg)
    twins = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twins:
        msg = f"{path}: {min(twins)!r} stands there more than once"
        raise DataError(msg)
    return tuple(names)
