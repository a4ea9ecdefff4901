"""The options of ``[feed] use = "panel"``."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import Attribute, Factory, field, frozen

from darwin_core import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS = ("open", "high", "low", "close", "volume")
Field: TypeAlias = Literal["open", "high", "low", "close", "volume"]
Stamp: TypeAlias = Literal["date", "open", "close"]
Drop: TypeAlias = Literal["refuse", "drop"]

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
_UNITS = {"s": HOUR // 3600, "min": HOUR // 60, "h": HOUR, "d": DAY}
_INTERVAL = re.compile(r"([1-9]\d{0,4})(s|min|h|d)")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]*")
EPOCHS = {"epoch_s": 1_000_000_000, "epoch_ms": 1_000_000, "epoch_us": 1_000, "epoch_ns": 1}


@frozen
class Policy:
    """What is done about each kind of defect: refuse the data, drop the row, or keep and flag it."""

    unparsable: Drop = "refuse"
    missing: Drop = "refuse"
    infinite: Drop = "refuse"
    nonpositive: Drop = "refuse"
    negative_volume: Drop = "refuse"
    range: Literal["refuse", "drop", "flag"] = "refuse"
    nonexistent: Drop = "refuse"
    ambiguous: Literal["refuse", "drop", "later"] = "refuse"
    unordered: Literal["refuse", "drop", "flag"] = "refuse"
    duplicate: Drop = "refuse"
    interval: Literal["refuse", "flag"] = "refuse"


def _pattern(regex: re.Pattern[str], wanted: str, *, empty: bool = True) -> Callable[[Any, Attribute[Any], str], None]:
    """Return a validator: a full match, or the empty string where that is allowed."""

    def check(_cls: Any, _field: Attribute[Any], value: str) -> None:
        if not regex.fullmatch(value) and not (empty and not value):
            msg = f"{value!r} is not {wanted}"
            raise ValueError(msg)

    return check


def _no_twins(_cls: Any, attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    for name in value:
        if value.count(name) > 1:
            msg = f"{name!r} stands in {attribute.name} more than once"
            raise ValueError(msg)


def _has_close(_cls: Any, _field: Attribute[Any], value: tuple[str, ...]) -> None:
    if value and "close" not in value:
        msg = "'close' must be among the fields"
        raise ValueError(msg)


def _time_format(_cls: Any, _field: Attribute[Any], value: str) -> None:
    if not value or value in EPOCHS:
        return
    directives = re.findall(r"%(.?)", value)
    unknown = [d for d in directives if d not in tuple("YmdHMS")]
    if unknown or len(set(directives)) < len(directives) or not {"Y", "m", "d"} <= set(directives):
        msg = f"{value!r} is not made of %Y %m %d and, once each, %H %M %S; or one of {', '.join(EPOCHS)}"
        raise ValueError(msg)


_zone = _pattern(_ZONE, "an IANA time zone such as 'America/New_York'")
_CLOCK_SAID = "a time of day such as '16:00'"
_clock = _pattern(_CLOCK, _CLOCK_SAID)
_length = _pattern(_INTERVAL, "a length such as '1h', '15min' or '1d'")


def _day(_cls: Any, _field: Attribute[Any], value: str) -> None:
    try:
        fits = not value or (len(value) == 10 and 1700 <= date.fromisoformat(value).year < 2200)
    except ValueError:
        fits = False
    if not fits:
        msg = f"{value!r} is not a day such as '2020-01-31'"
        raise ValueError(msg)


def _columns(_cls: Any, _field: Attribute[Any], value: dict[str, str]) -> None:
    for name in value:
        if name not in FIELDS:
            msg = f"{name!r} is not a field: {did_you_mean(name, FIELDS)}"
            raise ValueError(msg)


@frozen
class Reference:
    """A watched series that needs more than a path.

    Parameters
    ----------
    path
        One file.
    column
        The column that is watched.
    timezone, stamp, session_close, interval, time_format
        As for the feed; by default the feed's own.
    align
        ``exact``: the value of the bar of the same time; ``last``: the newest one known at that time.
    """

    path: str
    column: str = "close"
    timezone: str = field(default="", validator=_zone)
    stamp: Stamp | None = None
    session_close: str = field(default="", validator=_clock)
    interval: str = field(default="", validator=_length)
    time_format: str = field(default="", validator=_time_format)
    align: Literal["exact", "last"] = "exact"


@frozen
class PanelOptions:
    """Where the files are and what stands in them; the README says it at length.

    Parameters
    ----------
    path
        A file, a folder, a glob, or a list of them, relative to the deployment file.
    timezone
        IANA zone of stamps without an offset, and of days and sessions.
    stamp
        What a stamp means: ``date`` (that day's session), ``open`` or ``close`` of the bar. May be left out
        when the stamps are plain dates.
    session_close
        Time of day at which a bar that is stamped with a date is complete.
    interval
        Length of a bar, ``15min`` for example; by default the most frequent step.
    time, symbol, time_format, columns, delimiter
        How the files are written.
    fields, symbols, start, end
        What to take of them; the days are inclusive.
    adjust
        Column of adjusted closes: prices are scaled by adjusted / close, volumes by close / adjusted.
    reference
        Name to file of watched series.
    policy
        What to do about defects.
    follow
        Whether rows that are appended to the files while a session runs are its live bars.
    """

    path: str | tuple[str, ...]
    timezone: str = field(default="", validator=_zone)
    stamp: Stamp | None = None
    session_close: str = field(default="16:00", validator=_pattern(_CLOCK, _CLOCK_SAID, empty=False))
    interval: str = field(default="", validator=_length)
    time: str = ""
    time_format: str = field(default="", validator=_time_format)
    symbol: str = ""
    columns: dict[str, str] = field(factory=dict, validator=_columns)
    delimiter: Literal[",", ";", "\t", "|", " "] = ","
    fields: tuple[Field, ...] = field(default=(), validator=[_no_twins, _has_close])
    symbols: tuple[str, ...] = field(default=(), validator=_no_twins)
    start: str = field(default="", validator=_day)
    end: str = field(default="", validator=_day)
    adjust: str = ""
    reference: dict[str, str | Reference] = Factory(dict)
    policy: Policy = Factory(Policy)
    follow: bool = False

    @property
    def references(self) -> dict[str, Reference]:
        """The watched series; a mere path has the defaults of all else."""
        return {n: Reference(each) if isinstance(each, str) else each for n, each in self.reference.items()}


def length(text: str) -> int:
    """Return the nanoseconds of a length such as ``15min``; 0 for the empty string.

    Examples
    --------
    >>> length("2h") == 2 * HOUR
    True
    """
    match = _INTERVAL.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else 0


def clock(text: str) -> int:
    """Return the nanoseconds since midnight of a time of day."""
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 * 1_000_000_000


def say(duration: int) -> str:
    """Write a length in ns as people do.

    Examples
    --------
    >>> say(HOUR), say(DAY), say(90 * HOUR // 60)
    ('1 h', '1 d', '90 min')
    """
    for unit, size in reversed(_UNITS.items()):
        if duration % size == 0:
            return f"{duration // size:,} {unit}"
    return f"{duration / 1_000_000_000:,.3f} s"
