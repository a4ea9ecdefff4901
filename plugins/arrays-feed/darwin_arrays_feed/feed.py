"""The feed: arrays that stay on disk, of which a few rows at a time are read and checked."""

from __future__ import annotations

import hashlib
import re
import zoneinfo
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from attrs import Attribute, define, field, frozen

from darwin_arrays_feed.checks import check_bars, check_times, interval
from darwin_arrays_feed.files import ArrayFile, read_symbols
from darwin_core import Bars, DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core import Options

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]

FIELDS = ("open", "high", "low", "close", "volume")
_INTERVAL = re.compile(r"([1-9]\d{0,4})(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_CELLS_AT_ONCE = 1 << 20


def _zone(_cls: Any, _field: Attribute[Any], value: str) -> None:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        near = did_you_mean(value, known)
        hint = near if near.startswith("did") else "write an IANA name such as 'America/New_York'"
        msg = f"{value!r} is not a time zone: {hint}"
        raise ValueError(msg) from None


def _length(_cls: Any, _field: Attribute[Any], value: str) -> None:
    if value and not _INTERVAL.fullmatch(value):
        msg = f"{value!r} is not a length such as '1h', '15min' or '1d'"
        raise ValueError(msg)


@frozen
class ArraysOptions:
    """Where the arrays are.

    Parameters
    ----------
    path
        The folder of ``time.npy``, ``close.npy`` and ``symbols.json``, relative to the deployment file.
    timezone
        IANA zone in which days and sessions are meant.
    interval
        Nominal time between bars, ``15min`` for example; by default the most frequent step.
    """

    path: str
    timezone: str = field(validator=_zone)
    interval: str = field(default="", validator=_length)


@define(eq=False)
class ArraysFeed:
    """Bars in NumPy files.

    Parameters
    ----------
    folder
        Where the files are.
    symbols
        S names.
    timezone
        IANA zone of days and sessions.
    interval
        Nominal time between bars, ns.
    """

    folder: Path
    symbols: tuple[str, ...]
    timezone: str
    interval: int
    _time: Ints
    _files: dict[str, ArrayFile]
    _checked: Bools = field(init=False)
    _digest: str = field(default="", init=False)

    def __attrs_post_init__(self) -> None:
        """Remember for each row whether it was checked."""
        self._checked = np.zeros(len(self._time), np.bool_)

    @property
    def fields(self) -> tuple[str, ...]:
        """Which of open, high, low, close, volume there are."""
        return tuple(self._files)

    def times(self) -> Ints:
        """Return when each bar is complete, (T,) ns UTC."""
        return self._time

    def read(self, start: int, stop: int) -> Bars:
        """Read bars `start` to `stop` (exclusive); raise DataError when one of them is impossible."""
        if not 0 <= start <= stop <= len(self._time):
            msg = f"bars {start} to {stop} were asked for, of {len(self._time)}"
            raise DataError(msg)
        fields = {name: file.rows(start, stop) for name, file in self._files.items()}
        for a, b in self._unchecked(start, stop):
            part = {name: values[a - start : b - start] for name, values in fields.items()}
            check_bars(self.folder, a, self._time[a:b], self.symbols, part)
            self._checked[a:b] = True
        return Bars(self._time[start:stop], self.symbols, fields, {}, self.timezone)

    def _unchecked(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut the rows that were not checked yet into stretches that are small beside the data."""
        rows = max(1, _CELLS_AT_ONCE // len(self.symbols))
        for a in range(start, stop, rows):
            b = min(a + rows, stop)
            if not self._checked[a:b].all():
                yield a, b

    def fingerprint(self) -> str:
        """Return the SHA-256 of names and data; reads every file once, piece by piece."""
        if not self._digest:
            total = hashlib.sha256(repr(("arrays 1", self.symbols, self.timezone, self.interval)).encode())
            total.update(self._time.tobytes())
            for name, file in self._files.items():
                one = hashlib.sha256(repr((name, file.shape)).encode())
                for piece in file.pieces():
                    one.update(piece)
                total.update(one.digest())
            self._digest = total.hexdigest()
        return self._digest

    def findings(self) -> Sequence[str]:
        """Return nothing: what is doubtful is refused."""
        return ()


def open_feed(options: Options) -> ArraysFeed:
    """Open a folder of arrays; raise ConfigError or DataError when it cannot be trusted."""
    chosen = options.into(ArraysOptions)
    folder = options.folder / chosen.path
    if "\0" in chosen.path or not folder.is_dir():
        raise options.error("path", f"there is no folder {folder}")
    symbols = read_symbols(folder / "symbols.json")
    clock = ArrayFile.open(folder / "time.npy", "<i8", 1)
    time = np.asarray(clock.rows(0, clock.shape[0]))
    check_times(clock.path, time)
    there = [name for name in FIELDS if name == "close" or (folder / f"{name}.npy").exists()]
    files = {name: ArrayFile.open(folder / f"{name}.npy", "<f8", 2) for name in there}
    for file in files.values():
        if file.shape != (len(time), len(symbols)):
            msg = f"{file.path}: the array is {file.shape}, but there are {len(time)} times and {len(symbols)} symbols"
            raise DataError(msg)
    match = _INTERVAL.fullmatch(chosen.interval)
    stated = int(match[1]) * _SECONDS[match[2]] * 1_000_000_000 if match else 0
    return ArraysFeed(folder, symbols, chosen.timezone, stated or interval(clock.path, time), time, files)
