"""Times as the feed's own clocks show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_html_report.packing import nanoseconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALMOST_A_DAY = 0.9 * 86_400e9


def wall(column: Any, zone: str) -> NDArray[np.datetime64]:
    """Return a column of UTC timestamps as wall-clock times of an IANA zone, (T,) datetime64[ns]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    local = column if zone == "UTC" else pc.local_timestamp(column.cast(pa.timestamp("ns", zone)))
    times: NDArray[np.datetime64] = local.cast(pa.timestamp("ns")).to_numpy()
    return times


def daily(column: Any) -> bool:
    """Whether bars are about a day or more apart, so that a date says it all."""
    times = nanoseconds(column)
    return len(times) < 2 or float(np.median(np.diff(times))) >= _ALMOST_A_DAY


def words(time: np.datetime64, *, dates: bool) -> str:
    """Return a wall-clock time, or only its date."""
    return str(np.datetime_as_string(time, unit="D" if dates else "s")).replace("T", " ")
