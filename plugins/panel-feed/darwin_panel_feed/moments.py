"""What a stamp means: the moment at which its bar opens or is complete, and the day it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen

from darwin_core import DataError
from darwin_panel_feed import zones
from darwin_panel_feed.options import DAY

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_panel_feed.setup import Setup
    from darwin_panel_feed.stamps import Stamps

    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]


@frozen(eq=False)
class Moments:
    """The distinct stamps of a file, understood.

    Parameters
    ----------
    time
        (n,) ns UTC: the bar's opening if `stamp` is open, else its completion.
    day
        (n,) days since 1970 in the feed's zone: the day to which the bar belongs.
    nonexistent, ambiguous
        (n,) bool: wall-clock times that daylight saving skipped or repeated.
    stamp
        date, open or close.
    """

    time: Ints
    day: Ints
    nonexistent: Bools
    ambiguous: Bools
    stamp: str


def moments(stamps: Stamps, setup: Setup, path: Path, used: Bools) -> Moments:
    """Understand stamps as the setup says; `used` marks those that are wanted."""
    if stamps.kind != "instant" and not setup.zone:
        what = "dates" if stamps.kind == "date" else "times without an offset"
        msg = f'{path}: the stamps are {what}: say in which zone with timezone = "America/New_York", for example'
        raise DataError(msg)
    zone = setup.zone or "UTC"
    never = np.zeros(len(stamps.time), np.bool_)
    if stamps.kind == "date" or setup.stamp == "date":
        return _of_dates(_midnights(stamps, zone, path, used), setup, zone)
    if setup.stamp is None:
        msg = f'{path}: the stamps are times: say whether a bar opens or closes then, with stamp = "open" or "close"'
        raise DataError(msg)
    time, nonexistent, ambiguous = (stamps.time, never, never)
    if stamps.kind == "wall":
        time, nonexistent, ambiguous = zones.to_utc(stamps.time, zone)
    # A bar that closes at midnight belongs to the day that ends.
    wall = zones.to_wall(time, zone) - (setup.stamp == "close")
    return Moments(time, wall // DAY, nonexistent, ambiguous, setup.stamp)


def _midnights(stamps: Stamps, zone: str, path: Path, used: Bools) -> Ints:
    """Return stamps that are dates as wall-clock midnights; raise DataError when they have a time of day."""
    wall = zones.to_wall(stamps.time, zone) if stamps.kind == "instant" else stamps.time
    odd = (wall % DAY != 0) & ~stamps.bad & used
    if odd.any():
        shown = np.datetime_as_string(wall[odd][:1].view("datetime64[ns]"), unit="s")[0]
        msg = f'{path}: stamp = "date", but {shown} ({zone}) has a time of day: use stamp = "open" or "close"'
        raise DataError(msg)
    return wall - wall % DAY


def _of_dates(midnight: Ints, setup: Setup, zone: str) -> Moments:
    """Return the opening (midnight) or the session's close of each date.

    These are times that nobody wrote down, so a clock change at that hour is not the data's fault: the later
    moment is taken.
    """
    stamp = setup.stamp_of_dates
    time, _, _ = zones.to_utc(midnight + (0 if stamp == "open" else setup.session_close), zone)
    never = np.zeros(len(time), np.bool_)
    return Moments(time, midnight // DAY, never, never, stamp)
