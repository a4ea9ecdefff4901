"""When a market is open: sessions as plain integers, from exchange_calendars, or always for 24/7.

Times are ns since 1970 in UTC. A session is open from its open up to, and not including, its close.
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import field, frozen

from darwin_core.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from types import ModuleType

    from darwin_core.types import Ints

ALWAYS = "24/7"
_EPOCH = date(1970, 1, 1)
_DAY = 86_400_000_000_000


@frozen
class Session:
    """One trading session.

    Parameters
    ----------
    day
        Its date at the exchange, ``2024-11-29``.
    open, close
        ns UTC.
    early
        Whether it closes before the usual time.
    pause
        Start and end of a break in the middle, ns UTC; None when there is none.
    """

    day: str
    open: int
    close: int
    early: bool = False
    pause: tuple[int, int] | None = None

    def is_open(self, time: int) -> bool:
        """Return whether one may trade at a time."""
        if not self.open <= time < self.close:
            return False
        return self.pause is None or not self.pause[0] <= time < self.pause[1]


class Calendar(Protocol):
    """When a market is open."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def session_of(self, time: int) -> Session | None:
        """Return the session that a time falls into, its break included; None between sessions."""

    def is_open(self, time: int) -> bool:
        """Return whether one may trade at a time."""

    def next_open(self, time: int) -> int:
        """Return when the market next opens after a time; the end of a break is an opening too."""

    def next_close(self, time: int) -> int:
        """Return when the market next closes after a time; the start of a break is a close too."""

    def sessions(self, first: int, last: int) -> tuple[Session, ...]:
        """Return the sessions that open from `first` to `last`, both included."""


@frozen
class Always:
    """A market that never closes; its sessions are the days of UTC."""

    name: str = ALWAYS

    def session_of(self, time: int) -> Session:
        """Return the day of a time."""
        start = time // _DAY * _DAY
        return Session((_EPOCH + timedelta(days=start // _DAY)).isoformat(), start, start + _DAY)

    def is_open(self, time: int) -> bool:  # noqa: ARG002
        """Return True."""
        return True

    def next_open(self, time: int) -> int:
        """Return the start of the next day."""
        return self.session_of(time).close

    def next_close(self, time: int) -> int:
        """Return the end of the day."""
        return self.session_of(time).close

    def sessions(self, first: int, last: int) -> tuple[Session, ...]:
        """Return the days that start from `first` to `last`."""
        start = -(-first // _DAY) * _DAY
        return tuple(self.session_of(time) for time in range(start, last + 1, _DAY))


@frozen(eq=False)
class Exchange:
    """An exchange's sessions over a stretch of days; a question outside of it is refused, not guessed.

    Parameters
    ----------
    start, end
        What it knows, ns UTC: the first day's midnight and the midnight after the last.
    opens, closes
        (N,) int64, ascending: of every session.
    opening, closing
        (M,) int64, ascending: every moment at which trading starts and stops, breaks included.
    all
        The N sessions.
    """

    name: str
    start: int
    end: int
    opens: Ints = field(repr=False)
    closes: Ints = field(repr=False)
    opening: Ints = field(repr=False)
    closing: Ints = field(repr=False)
    all: tuple[Session, ...] = field(repr=False)

    def session_of(self, time: int) -> Session | None:
        """Return the session that a time falls into; None between sessions."""
        self._known(time)
        row = int(np.searchsorted(self.opens, time, "right")) - 1
        return self.all[row] if row >= 0 and time < self.closes[row] else None

    def is_open(self, time: int) -> bool:
        """Return whether one may trade at a time."""
        session = self.session_of(time)
        return session is not None and session.is_open(time)

    def next_open(self, time: int) -> int:
        """Return when the market next opens."""
        return self._next(self.opening, time, "open")

    def next_close(self, time: int) -> int:
        """Return when the market next closes."""
        return self._next(self.closing, time, "close")

    def sessions(self, first: int, last: int) -> tuple[Session, ...]:
        """Return the sessions that open from `first` to `last`."""
        self._known(first)
        self._known(last)
        return self.all[int(np.searchsorted(self.opens, first)) : int(np.searchsorted(self.opens, last, "right"))]

    def _next(self, moments: Ints, time: int, what: str) -> int:
        self._known(time)
        row = int(np.searchsorted(moments, time, "right"))
        if row == len(moments):
            raise DataError(f"calendar {self.name}: no {what} is known after {_stamp(time)}: {self._window()}")
        return int(moments[row])

    def _known(self, time: int) -> None:
        if not self.start <= time < self.end:
            raise DataError(f"calendar {self.name}: {_stamp(time)} is not in it: {self._window()}")

    def _window(self) -> str:
        return f"it was made from {_stamp(self.start)} to {_stamp(self.end)}; make it longer"


def calendar(name: str, first: date, last: date) -> Calendar:
    """Make the calendar of an exchange from day `first` to day `last`, both included.

    Parameters
    ----------
    name
        A name that exchange_calendars knows (XNYS, XLON, CMES, ...), or 24/7, which needs no package.
    first, last
        They must be said: exchange_calendars by itself knows 20 years back and one ahead, and a calendar that ends
        silently looks like a market that is closed.

    Raises
    ------
    ConfigError
        When the package is not installed, does not know the name, or does not reach so far.
    """
    if name == ALWAYS:
        return Always()
    package = _package(name)
    known = package.get_calendar_names(include_aliases=True)
    if name not in known:
        raise ConfigError(f"there is no calendar {name!r}: {did_you_mean(name, [*known, ALWAYS])}")
    if last < first:
        raise ConfigError(f"calendar {name}: its last day {last} is before its first, {first}")
    with warnings.catch_warnings():
        # The package warns of the ways in which it uses pandas; a user can do nothing about it.
        warnings.simplefilter("ignore")
        try:
            made = package.get_calendar(name, start=first.isoformat(), end=last.isoformat())
        except (package.errors.CalendarError, ValueError) as error:
            raise ConfigError(f"calendar {name} from {first} to {last}: {error}") from None
        return _exchange(name, first, last, made)


def _package(name: str) -> ModuleType:
    try:
        return import_module("exchange_calendars")
    except ImportError:
        msg = f"calendar {name!r} needs the package exchange_calendars: pip install 'darwin-core[live]'"
        raise ConfigError(msg) from None


def _exchange(name: str, first: date, last: date, made: Any) -> Exchange:
    """Take the sessions out of the package's own object: integers answer in a microsecond, pandas in a hundred."""
    table = made.schedule
    opens, closes, rests, resumes = (_nanoseconds(table[c]) for c in ("open", "close", "break_start", "break_end"))
    early = set(made.early_closes)
    never = np.iinfo(np.int64).min  # NaT
    sessions = tuple(
        Session(day.strftime("%Y-%m-%d"), int(o), int(c), day in early, None if r == never else (int(r), int(e)))
        for day, o, c, r, e in zip(table.index, opens, closes, rests, resumes, strict=True)
    )
    broken = rests != never
    opening = np.sort(np.concatenate((opens, resumes[broken])))
    closing = np.sort(np.concatenate((closes, rests[broken])))
    # A session may open on the evening before its day (futures) and close after its UTC midnight (the Americas).
    start = min(_midnight(first), int(opens[0]))
    end = max(_midnight(last + timedelta(days=1)), int(closes[-1]))
    return Exchange(name, start, end, opens, closes, opening, closing, sessions)


def _nanoseconds(column: Any) -> Ints:
    values: Ints = column.dt.tz_convert(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return values


def _midnight(day: date) -> int:
    return (day - _EPOCH).days * _DAY


def _stamp(time: int) -> str:
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
