"""Which bars should have come: by the time between bars and the hours of the market."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darwin_core.live.calendar import Calendar

_DAY = 86_400_000_000_000
_MOST_OF_A_DAY = 20 * _DAY // 24
"""Bars of this length and up to a day are one a session, however long the session is."""


def missing(calendar: Calendar, interval: int, last: int, time: int) -> int:
    """Return how many bars are missing between one at `last` and the next that came, at `time` (ns).

    Bars within a session are one interval of open time apart, wherever the provider begins to count, and the last of a
    session may be shorter.
    """
    if interval > _DAY:
        return max(0, floor((time - last) / interval + 0.5) - 1)
    if interval >= _MOST_OF_A_DAY:
        return max(0, sum(last <= each.open < time for each in calendar.sessions(last, time)) - 1)
    return max(0, floor(_open_time(calendar, last, time) / interval + 0.5) - 1)


def due(calendar: Calendar, interval: int, last: int, now: int) -> int:
    """Return how many bars after the one at `last` should be complete by `now` (ns)."""
    if interval > _DAY:
        return max(0, (now - last) // interval)
    if interval >= _MOST_OF_A_DAY:
        return sum(last <= each.open and each.close <= now for each in calendar.sessions(last, max(last, now)))
    return _open_time(calendar, last, now) // interval


def _open_time(calendar: Calendar, first: int, last: int) -> int:
    """Return for how long the market was open between two times, ns."""
    inside = calendar.session_of(first)
    later = [each for each in calendar.sessions(first, max(first, last)) if each != inside]
    total = 0
    for session in ([inside] if inside else []) + later:
        total += _shared(first, last, session.open, session.close)
        if session.pause is not None:
            total -= _shared(first, last, *session.pause)
    return total


def _shared(first: int, last: int, start: int, end: int) -> int:
    return max(0, min(last, end) - max(first, start))
