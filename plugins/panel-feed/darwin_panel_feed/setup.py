"""Options, resolved: what to read from a file and how to understand it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from darwin_core import DataError, did_you_mean
from darwin_panel_feed.options import FIELDS, PanelOptions, Policy, Reference, clock, length

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from darwin_panel_feed.options import Stamp

TIMES = ("time", "timestamp", "datetime", "date")
SYMBOLS = ("symbol", "ticker")


@frozen
class Setup:
    """How the files of a panel, or of one watched series, are to be read.

    `zone` is empty when none was given; `stamp` says what times mean and `stamp_of_dates` what dates mean;
    `first_day` and `last_day` count days since 1970, inclusive; `positive`: prices must be above zero;
    `whole_lines`: a last line that does not end yet is still being written.
    """

    zone: str
    stamp: Stamp | None
    stamp_of_dates: Stamp
    session_close: int
    interval: int
    time: str
    time_format: str
    symbol: str | None
    columns: dict[str, str]
    fields: tuple[str, ...]
    symbols: tuple[str, ...]
    adjust: str
    delimiter: str
    policy: Policy
    first_day: int
    last_day: int
    positive: bool = True
    whole_lines: bool = False

    @classmethod
    def of(cls, options: PanelOptions) -> Setup:
        """Resolve the feed's own options."""
        return cls(
            zone=options.timezone,
            stamp=options.stamp,
            stamp_of_dates=options.stamp or "date",
            session_close=clock(options.session_close),
            interval=length(options.interval),
            time=options.time,
            time_format=options.time_format,
            symbol=options.symbol,
            columns=options.columns,
            fields=options.fields,
            symbols=options.symbols,
            adjust=options.adjust,
            delimiter=options.delimiter,
            policy=options.policy,
            first_day=_day(options.start, np.iinfo(np.int64).min),
            last_day=_day(options.end, np.iinfo(np.int64).max),
            whole_lines=options.follow,
        )

    def for_reference(self, reference: Reference) -> Setup:
        """Return how a watched series is read: one column, no symbols, any sign, all of its history."""
        own = evolve(
            self,
            zone=reference.timezone or self.zone,
            stamp=reference.stamp or (None if self.stamp == "date" else self.stamp),
            stamp_of_dates=reference.stamp or "date",
            session_close=clock(reference.session_close) if reference.session_close else self.session_close,
            interval=length(reference.interval),
            time="",
            time_format=reference.time_format or self.time_format,
            symbol=None,
            columns={"close": reference.column},
            fields=("close",),
            symbols=(),
            adjust="",
            positive=False,
        )
        return evolve(own, first_day=np.iinfo(np.int64).min, last_day=np.iinfo(np.int64).max)


def _day(text: str, default: int) -> int:
    return int(np.datetime64(text, "D").astype(np.int64)) if text else default


@frozen
class Roles:
    """Which column of a file is what; `symbol` is None when the file's name is its symbol."""

    time: str
    symbol: str | None
    fields: dict[str, str]
    adjust: str | None

    @property
    def numeric(self) -> list[str]:
        """The columns of numbers, each once."""
        return list(dict.fromkeys([*self.fields.values(), *([self.adjust] if self.adjust else [])]))


def roles(path: Path, names: Sequence[str], setup: Setup) -> Roles:
    """Find the columns; raise DataError when one is missing or two would fit."""
    fields = {}
    for name in setup.fields or FIELDS:
        if name in setup.columns or name in setup.fields or name == "close":
            fields[name] = find(path, names, setup.columns.get(name, name), f"columns.{name}", required=True)
        elif found := find(path, names, name, f"columns.{name}", required=False):
            fields[name] = found
    symbol = _symbol(path, names, setup)
    adjust = find(path, names, setup.adjust, "adjust", required=True) if setup.adjust else None
    return Roles(_time(path, names, setup), symbol, fields, adjust)


def _time(path: Path, names: Sequence[str], setup: Setup) -> str:
    if setup.time:
        return find(path, names, setup.time, "time", required=True)
    found = [name for each in TIMES if (name := find(path, names, each, "time", required=False))]
    if len(found) == 1:
        return found[0]
    if found:
        msg = (
            f"{path}: columns {', '.join(map(repr, found))} may all be the time: say which one with time = {found[0]!r}"
        )
        raise DataError(msg)
    msg = f"{path}: no column is named {', '.join(TIMES[:-1])} or {TIMES[-1]}: set `time` to one of {_list(names)}"
    raise DataError(msg)


def _symbol(path: Path, names: Sequence[str], setup: Setup) -> str | None:
    if setup.symbol is None:
        return None
    if setup.symbol:
        return find(path, names, setup.symbol, "symbol", required=True)
    return next((name for each in SYMBOLS if (name := find(path, names, each, "symbol", required=False))), None)


def find(path: Path, names: Sequence[str], wanted: str, option: str, *, required: bool) -> str:
    """Return the column of this name, in this or another case; the empty string when there is none."""
    exact = [name for name in names if name == wanted]
    found = exact or [name for name in names if name.casefold() == wanted.casefold()]
    if len(found) > 1:
        msg = f"{path}: {len(found)} columns are named {wanted!r}: {_list(names)}"
        raise DataError(msg)
    if not found and required:
        near = did_you_mean(wanted, names)
        msg = f"{path}: there is no column {wanted!r} (option {option}) among {_list(names)}: {near}"
        raise DataError(msg)
    return found[0] if found else ""


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return shown + (", ..." if len(names) > 12 else "")
