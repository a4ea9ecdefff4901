"""What rows must satisfy, checked as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from darwin_core import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]

DAY = 86_400_000_000_000
SHORT = 0.75  # share of the interval; days around a clock change are longer
_SHOWN = 3


def check_times(path: Path, time: Ints) -> None:
    """Raise DataError when times do not increase or are not in ns."""
    if len(time) == 0:
        msg = f"{path}: there are no bars"
        raise DataError(msg)
    back = np.flatnonzero(np.diff(time) <= 0)
    if len(back):
        row = int(back[0]) + 1
        msg = f"{path}: {len(back):,} times do not come after the one before; first: row {row}, {stamp(time[row])}"
        raise DataError(msg)
    if time[0] >= 0 and time[-1] < 365 * DAY:
        msg = f"{path}: the last time is {stamp(time[-1])}: times are ns since 1970 in UTC, these may be seconds"
        raise DataError(msg)


def interval(path: Path, time: Ints) -> int:
    """Return the most frequent step between bars, ns; raise DataError when bars come much closer than that."""
    if len(time) == 1:
        msg = f'{path}: one bar does not tell the interval: state it, interval = "1d" for example'
        raise DataError(msg)
    steps = np.diff(time)
    values, counts = np.unique(steps, return_counts=True)
    found = int(values[np.argmax(counts)])
    short = np.flatnonzero(steps < SHORT * found)
    if len(short):
        row = int(short[0]) + 1
        said = f"{len(short):,} bars come sooner than the usual {found / 1e9:,.0f} s after the one before"
        msg = f"{path}: {said}; first: row {row}, {stamp(time[row])}; to accept, state the `interval`"
        raise DataError(msg)
    return found


def check_bars(folder: Path, first: int, time: Ints, symbols: tuple[str, ...], fields: dict[str, Floats]) -> None:
    """Raise DataError when bars are impossible.

    Parameters
    ----------
    folder
        The folder of the arrays, for errors.
    first
        Row number of the first of these rows in the files.
    time
        (n,) ns UTC.
    symbols
        S names.
    fields
        Field to (n, S).
    """
    for what, bad in _defects(fields):
        if not bad.any():
            continue
        places = np.argwhere(bad)
        lines = [f"{folder}: bars with {what}: {len(places):,} in rows {first} to {first + len(time) - 1}"]
        for row, column in places[:_SHOWN]:
            values = " ".join(f"{name} {each[row, column]!s}" for name, each in fields.items())
            lines.append(f"row {first + row}: {symbols[column]} {stamp(time[row])} {values}")
        lines.append("this feed refuses them: mend the arrays; a bar that is missing is NaN in all of them")
        raise DataError("\n  ".join(lines))


def _defects(fields: dict[str, Floats]) -> Iterator[tuple[str, Bools]]:
    """Mark the bars of each kind of defect, (n, S)."""
    close = fields["close"]
    gone = np.isnan(close)
    for name, values in fields.items():
        if name != "close":
            yield f"a missing {name} or close", np.isnan(values) != gone
        yield f"an infinite {name}", np.isinf(values)
        if name == "volume":
            yield "a negative volume", values < 0
        else:
            yield f"a {name} that is not above zero", values <= 0
    for name in ("open", "close", "low"):
        if name in fields and "high" in fields:
            yield f"a high below the {name}", fields["high"] < fields[name]
    for name in ("open", "close"):
        if name in fields and "low" in fields:
            yield f"a low above the {name}", fields["low"] > fields[name]


def stamp(time: int) -> str:
    """Write a time in ns as people read it, in UTC."""
    return f"{np.datetime_as_string(np.datetime64(int(time), 'ns'), unit='s')}Z"
