"""The only place that reads the machine's clocks. Decisions never do."""

from __future__ import annotations

import time
from datetime import UTC, datetime

stopwatch = time.perf_counter
"""Seconds for measuring durations."""

cpu_seconds = time.process_time
"""CPU seconds of this process."""


def now() -> datetime:
    """Return the wall clock, in UTC. For names of runs and for people, never for decisions."""
    return datetime.now(UTC)
