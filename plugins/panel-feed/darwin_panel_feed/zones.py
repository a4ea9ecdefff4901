"""Wall clocks and UTC, with the hours that daylight saving skips or repeats."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from darwin_core import did_you_mean
from darwin_panel_feed import arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]


def problem(zone: str) -> str:
    """Say why a time zone cannot be used; the empty string when it can."""
    try:
        to_wall(np.zeros(1, np.int64), zone)
    except (pa.ArrowException, OSError) as error:
        known = zoneinfo.available_timezones()
        if not known or zone in known:
            return f"this machine has no time zone database: {str(error).splitlines()[0]}"
        return (
            f"{zone!r} is not a time zone: {did_you_mean(zone, known) if _near(zone, known) else 'write an IANA name'}"
        )
    return ""


def _near(zone: str, known: set[str]) -> bool:
    return did_you_mean(zone, known).startswith("did you mean")


def to_wall(time: Ints, zone: str) -> Ints:
    """Return what the clocks of a zone show, as ns since 1970, at UTC instants `time`."""
    stamps = arrow.from_ints(time).cast(pa.timestamp("ns", zone))
    return arrow.ints(pc.local_timestamp(stamps))


def to_utc(wall: Ints, zone: str) -> tuple[Ints, Bools, Bools]:
    """Return the UTC instants at which the clocks of a zone show `wall`.

    Returns
    -------
    time
        (n,) int64. A time that happened twice is taken as the second, one that was skipped as the moment of
        the jump: a bar is never taken to be known too early.
    nonexistent
        (n,) bool: the clock skipped these.
    ambiguous
        (n,) bool: the clock showed these twice.
    """
    stamps = arrow.from_ints(wall).cast(pa.timestamp("ns"))
    first, last = (
        arrow.ints(pc.assume_timezone(stamps, zone, ambiguous=word, nonexistent=word))
        for word in ("earliest", "latest")
    )
    strange = first != last
    shown = to_wall(last, zone) == wall
    return last, strange & ~shown, strange & shown
