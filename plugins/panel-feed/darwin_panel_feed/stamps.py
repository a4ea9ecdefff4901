"""Cells to points in time: dates, wall-clock times, or instants.

Everything here works on the distinct stamps of a file, of which a file of many symbols has few.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from darwin_core import DataError
from darwin_panel_feed import arrow
from darwin_panel_feed.cells import is_text
from darwin_panel_feed.options import DAY, EPOCHS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]

Kind: TypeAlias = Literal["date", "wall", "instant"]
_KINDS: tuple[Kind, ...] = ("date", "wall", "instant")
_FIRST_YEAR, _LAST_YEAR = 1700, 2199
_SECOND = 1_000_000_000
_WHOLE = r"^-?([0-9]{1,18}|[1-7][0-9]{18})$"  # no more than int64 holds
_ISO = (
    r"^(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?P<t>[T ](?P<H>[0-9]{2})(?::(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,9}))?)?)?"
    r"(?P<z>Z|(?P<s>[+-])(?P<zH>[0-9]{2})(?::?(?P<zM>[0-9]{2}))?)?)?$"
)


@frozen(eq=False)
class Stamps:
    """The distinct stamps of a file.

    Parameters
    ----------
    time
        (n,) int64: ns since 1970, of the zone's wall clock or of UTC as `kind` says; 0 where bad.
    kind
        date: days without a time; wall: times without an offset; instant: times with one.
    bad
        (n,) bool: stamps that cannot be read, or are of another kind than most.
    """

    time: Ints
    kind: Kind
    bad: Bools


def parse(cells: pa.Array, time_format: str, path: Path, column: str) -> Stamps:
    """Read distinct stamps of any type that a file may hold."""
    kind = cells.type
    if is_text(kind):
        return _parse_text(cells.cast(pa.string()), time_format)
    if pa.types.is_date(kind):
        return _typed(cells.cast(pa.date32()), DAY, "date")
    if pa.types.is_timestamp(kind):
        unit = EPOCHS[f"epoch_{kind.unit}"]
        return _typed(cells, unit, "wall" if kind.tz is None else "instant")
    if pa.types.is_integer(kind) and time_format in EPOCHS:
        return _typed(cells.cast(pa.int64(), safe=False), EPOCHS[time_format], "instant")
    hint = ": say what they are with time_format" if pa.types.is_integer(kind) else ""
    msg = f"{path}: column {column!r} holds {kind}, not times{hint}"
    raise DataError(msg)


def _typed(cells: pa.Array, unit: int, kind: Kind) -> Stamps:
    """Scale counts of `unit` ns to ns; what is missing or outside the years that int64 can hold is bad."""
    counts = arrow.ints(cells, np.iinfo(np.int64).min)
    bad = (counts < _epoch(_FIRST_YEAR) // unit) | (counts >= _epoch(_LAST_YEAR + 1) // unit)
    return Stamps(np.where(bad, 0, counts) * unit, kind, bad)


def _epoch(year: int) -> int:
    return int(np.datetime64(f"{year}-01-01", "ns").astype(np.int64))


def _parse_text(text: pa.Array, time_format: str) -> Stamps:
    """Parse text at once where it is plain ISO 8601; else part by part."""
    text = pc.utf8_trim_whitespace(text)
    if time_format in EPOCHS:
        whole_number = pc.match_substring_regex(text, _WHOLE)
        return _typed(pc.if_else(whole_number, text, None).cast(pa.int64()), EPOCHS[time_format], "instant")
    if time_format:
        return _parse_parts(text, _regex(time_format))
    sizes = pc.min_max(pc.utf8_length(text)).as_py()
    only_dates = sizes["max"] == len("2020-01-31")
    if only_dates or (sizes["min"] or 0) > len("2020-01-31"):
        for kind, target in _FAST[only_dates]:
            try:
                counts = text.cast(target)
            except pa.ArrowInvalid:
                continue
            if kind == "date":
                return _typed(counts, DAY, kind)
            return _typed(counts, 1, kind)
    return _parse_parts(text, _ISO)


_FAST: dict[bool, list[tuple[Kind, pa.DataType]]] = {
    True: [("date", pa.date32())],
    False: [("wall", pa.timestamp("ns")), ("instant", pa.timestamp("ns", "UTC"))],
}


def _regex(time_format: str) -> str:
    """Turn a format such as ``%d.%m.%Y %H:%M`` into a regular expression with a group for each part."""
    parts = re.split(r"%([YmdHMS])", time_format)
    groups = {"Y": "[0-9]{4}"}
    made = [
        f"(?P<{part}>{groups.get(part, '[0-9]{2}' if _touching(parts, i) else '[0-9]{1,2}')})"
        if i % 2
        else re.escape(part)
        for i, part in enumerate(parts)
    ]
    return f"^{''.join(made)}$"


def _touching(parts: list[str], i: int) -> bool:
    """Return whether a part has no separator on one side: then it must have its full width."""
    return (i > 1 and not parts[i - 1]) or (i + 2 < len(parts) and not parts[i + 1])


def _parse_parts(text: pa.Array, regex: str) -> Stamps:
    """Parse each stamp by itself, so that the bad ones are known."""
    found = pc.extract_regex(text, pattern=regex)
    bad = ~arrow.valid(found)
    have = [field.name for field in found.type]

    def text_of(name: str) -> pa.Array:
        return pc.fill_null(found.field(name), "") if name in have else pa.array([""] * len(found))

    def part(name: str, default: int = 0) -> Ints:
        raw = text_of(name)
        raw = pc.utf8_rpad(raw, 9, "0") if name == "f" else raw
        return arrow.ints(pc.if_else(pc.equal(raw, ""), str(default), raw))

    day, wrong_day = _days(part("Y"), part("m", 1), part("d", 1))
    clock = [part(name) for name in ("H", "M", "S", "zH", "zM")]
    bad |= wrong_day
    for value, limit in zip(clock, (24, 60, 60, 24, 60), strict=True):
        bad |= value >= limit
    hours, minutes, seconds, off_hours, off_minutes = clock
    sign = np.where(arrow.bools(pc.equal(text_of("s"), "-")), -1, 1)
    seconds = (hours * 60 + minutes) * 60 + seconds - sign * (off_hours * 60 + off_minutes) * 60
    has_time = arrow.bools(pc.not_equal(text_of("t"), "")) if "t" in have else np.full(len(bad), "H" in have)
    kinds = np.where(has_time, np.where(arrow.bools(pc.not_equal(text_of("z"), "")), 2, 1), 0)
    most = int(np.argmax(np.bincount(kinds[~bad], minlength=3)))
    bad |= kinds != most
    time = np.where(bad, 0, day) * DAY + np.where(bad, 0, seconds * _SECOND + part("f"))
    return Stamps(time, _KINDS[most], bad)


def _days(year: Ints, month: Ints, day: Ints) -> tuple[Ints, Bools]:
    """Return days since 1970 of the Gregorian calendar, and which dates do not exist."""
    bad = (month < 1) | (month > 12) | (year < _FIRST_YEAR) | (year > _LAST_YEAR) | (day < 1)
    months = np.where(bad, 0, (year - 1970) * 12 + month - 1)
    first, after = (_first_of(months + more) for more in (0, 1))
    return first + day - 1, np.asarray(bad | (day > after - first), np.bool_)


def _first_of(months: Ints) -> Ints:
    days: NDArray[Any] = months.astype("datetime64[M]").astype("datetime64[D]")
    return days.astype(np.int64)
