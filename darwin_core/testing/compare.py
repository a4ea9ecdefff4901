"""Equality to the bit, and the words for when it fails."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.evaluate import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from darwin_core.types import Bars, Bools


def check(fits: object, what: str) -> None:
    """Raise AssertionError with a sentence unless `fits`."""
    __tracebackhide__ = True
    if not fits:
        raise AssertionError(what)


def same(first: NDArray[Any], second: NDArray[Any]) -> Bools:
    """Return where two arrays are equal bit for bit; any NaN equals any other, 0.0 does not equal -0.0."""
    equal: Bools = np.asarray(first == second)
    if first.dtype.kind == "f" and second.dtype.kind == "f":
        nans = np.isnan(first) & np.isnan(second)
        equal = nans | (equal & (np.signbit(first) == np.signbit(second)))
    return equal


def differences(first: Mapping[str, NDArray[Any]], second: Mapping[str, NDArray[Any]]) -> str:
    """Return a sentence about the first difference of two sets of named arrays; empty when there is none."""
    if list(first) != list(second):
        return f"it said {', '.join(first)} first and {', '.join(second)} then"
    for name, values in first.items():
        again = second[name]
        if values.shape != again.shape or values.dtype != again.dtype:
            return f"{name} is {values.dtype} {values.shape} first and {again.dtype} {again.shape} then"
        equal = same(values, again)
        if not equal.all():
            cell = tuple(int(i) for i in np.argwhere(~equal)[0])
            return f"{name}{list(cell)} is {values[cell].item()!r} first and {again[cell].item()!r} then"
    return ""


def same_past(output: str, whole: NDArray[Any], prefix: NDArray[Any], bars: Bars) -> None:
    """Check an output over a prefix against the same rows of it over the whole of `bars`; (T, ...) and (t, ...)."""
    __tracebackhide__ = True
    rows = len(prefix)
    equal = same(whole[:rows], prefix)
    if equal.all():
        return
    row, *column = (int(i) for i in np.argwhere(~equal)[0])
    where = (row, *column)
    symbol = bars.symbols[column[0]] if column and whole.shape[1] == len(bars.symbols) else "all symbols"
    msg = (
        f"{output} for {symbol} at {stamp(bars.time[row])} (row {row}) is {prefix[where].item()!r} when the history "
        f"ends with row {rows - 1}, and {whole[where].item()!r} when it ends with row {len(whole) - 1}"
    )
    raise AssertionError(msg)


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of named arrays, all NaNs being one."""
    total = hashlib.sha256()
    for name, values in arrays.items():
        whole = np.where(np.isnan(values), np.nan, values) if values.dtype.kind == "f" else values
        total.update(f"{name} {values.dtype.str} {values.shape}".encode())
        total.update(np.ascontiguousarray(whole).tobytes())
    return total.hexdigest()
