"""How long things take: histograms of fixed size, a few a stage, that merge and that a journal can hold."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field

from darwin_core.live.errors import JournalError
from darwin_core.live.status import StageLine

if TYPE_CHECKING:
    from darwin_core.live.safemode import Stage

LOW, HIGH, BUCKETS = 1e-6, 1e3, 520
"""The scale in seconds. A bucket's bounds stand 1 : (HIGH / LOW) ** (1 / BUCKETS) apart, so that its middle is within
tanh(log(HIGH / LOW) / (2 BUCKETS)) = 1.993 % of every value in it."""

_PER_E = BUCKETS / math.log(HIGH / LOW) * (1.0 - 1e-12)  # so that the last value below HIGH is not rounded up to it
_ABOVE = BUCKETS + 1
_MIDDLE = 2.0 / (1.0 + math.exp(-1.0 / _PER_E))  # of a bucket, over its lower bound: 2 g / (1 + g)

WARN_MS: Mapping[str, float] = {"symbol": 150.0, "master": 300.0}
"""At how many ms a stage is shown as slow. When the deployment stops for it: `darwin_core.live.safemode.Triggers`."""


@define
class Histogram:
    """Durations counted in logarithmic buckets: 4 KiB, quantiles within 2 %.

    What is shorter than 1 us counts as 1 us. What is longer than 1000 s, and what never ended (NaN), lies beyond the
    scale: a quantile that falls there is infinite.
    """

    counts: array[int] = field(factory=lambda: array("q", bytes(8 * (BUCKETS + 2))))

    def add(self, seconds: float) -> None:
        """Count a duration."""
        if seconds < HIGH:
            self.counts[int(math.log(seconds / LOW) * _PER_E) + 1 if seconds > LOW else 0] += 1
        else:
            self.counts[_ABOVE] += 1

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.counts)

    def quantile(self, q: float) -> float:
        """Return the duration in seconds that a share `q` of all does not exceed; NaN when there are none.

        The value of rank ceil(q n) of n, as ``numpy.quantile(..., method="inverted_cdf")`` gives it, within 2 %.
        """
        return self.quantiles(q)[0]

    def quantiles(self, *qs: float) -> tuple[float, ...]:
        """Return several quantiles at once."""
        below = np.cumsum(np.frombuffer(self.counts, np.int64))
        total = int(below[-1])
        if not total:
            return (math.nan,) * len(qs)
        ranks = [min(max(math.ceil(q * total), 1), total) for q in qs]
        return tuple(_middle(int(bucket)) for bucket in np.searchsorted(below, ranks))

    def merge(self, other: Histogram) -> None:
        """Add what another one has counted."""
        for bucket, count in enumerate(other.counts):
            if count:
                self.counts[bucket] += count

    def plain(self) -> dict[str, Any]:
        """Return it as JSON's own types: the scale, and (bucket, count) where there is something."""
        counts = [[bucket, count] for bucket, count in enumerate(self.counts) if count]
        return {"low": LOW, "high": HIGH, "buckets": BUCKETS, "counts": counts}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Histogram:
        """Return what `plain` wrote.

        Raises
        ------
        JournalError
            Another scale, or no histogram at all.
        """
        made = cls()
        try:
            scale = value["low"], value["high"], value["buckets"]
            if scale != (LOW, HIGH, BUCKETS):
                raise JournalError(f"a histogram on the scale {scale}; this version has {(LOW, HIGH, BUCKETS)}")
            for bucket, count in value["counts"]:
                if not 0 <= bucket <= _ABOVE or count < 1:
                    raise JournalError(f"a histogram says that bucket {bucket} of {_ABOVE} holds {count}")
                made.counts[bucket] += count
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise JournalError(f"this is no histogram: {value!r:.120} ({error})") from None
        return made


def _middle(bucket: int) -> float:
    if bucket == 0:
        return LOW
    return math.inf if bucket == _ABOVE else LOW * math.exp((bucket - 1) / _PER_E) * _MIDDLE


@define
class _Stage:
    recent: deque[float]
    histogram: Histogram = field(factory=Histogram)


@define
class Stages:
    """The latencies of a session's stages.

    Parameters
    ----------
    alerts
        At how many ms a stage counts as slow; a stage that is not in it never does.
    keep
        How many of the latest intervals are kept as they are, and how many slow ones in a row are too many.
    """

    alerts: Mapping[str, float] = field(factory=lambda: WARN_MS)
    keep: int = 3
    _stages: dict[str, _Stage] = field(factory=dict, init=False)

    def add(self, name: str, seconds: float) -> None:
        """Count how long a stage took; NaN: it did not answer."""
        stage = self._stages.get(name)
        if stage is None:
            stage = self._stages[name] = _Stage(deque(maxlen=self.keep))
        stage.histogram.add(seconds)
        stage.recent.append(seconds * 1e3)

    def recent(self) -> dict[Stage, tuple[float, ...]]:
        """Return the latest intervals of the stages that triggers look at, ms, oldest first."""
        names: tuple[Stage, ...] = ("symbol", "master")
        return {name: tuple(self._stages[name].recent) for name in names if name in self._stages}

    def slow(self) -> tuple[str, ...]:
        """Return the stages whose latest intervals were all slow, `keep` of them."""
        return tuple(
            name
            for name, stage in self._stages.items()
            if len(stage.recent) == self.keep
            and (limit := self.alerts.get(name, 0.0)) > 0.0
            and all(not each <= limit for each in stage.recent)
        )

    def lines(self) -> tuple[StageLine, ...]:
        """Return the stages for a status, in the order in which they first came."""
        return tuple(self._line(name, stage) for name, stage in self._stages.items())

    def _line(self, name: str, stage: _Stage) -> StageLine:
        p50, p99 = (each * 1e3 for each in stage.histogram.quantiles(0.5, 0.99))
        return StageLine(name, p50, p99, stage.recent[-1], stage.histogram.count, self.alerts.get(name, 0.0))

    def plain(self) -> dict[str, Any]:
        """Return all histograms as JSON's own types, by stage: what the journal's `Latency` takes."""
        return {name: stage.histogram.plain() for name, stage in self._stages.items()}
