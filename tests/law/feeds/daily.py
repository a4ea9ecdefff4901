"""Made-up daily bars: trends, jumps, gaps, and a symbol that is listed late."""

from __future__ import annotations

import attrs
import numpy as np

from darwin_core import Bars, hookimpl

DAY = 86_400_000_000_000


@attrs.frozen
class Daily:
    seed: int = 0
    count: int = 3
    bars: int = 1500
    timezone: str = attrs.field(default="UTC", init=False)
    interval: int = attrs.field(default=DAY, init=False)
    fields: tuple[str, ...] = attrs.field(default=("open", "high", "low", "close", "volume"), init=False)
    data: dict[str, np.ndarray] = attrs.field(init=False, repr=False)

    @property
    def symbols(self):
        return tuple("ABCDEFGH"[: self.count])

    @data.default
    def _make(self):
        rng = np.random.default_rng([self.seed, 1])
        shape = (self.bars, self.count)
        moves = rng.standard_t(4, shape) * 0.01 + 0.004 * np.sin(np.arange(self.bars) / 40)[:, None]
        close = 50 * np.exp(np.cumsum(moves, axis=0))
        open_ = close * np.exp(rng.normal(0, 0.004, shape))
        high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.004, shape)))
        low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.004, shape)))
        volume = np.exp(rng.normal(12, 0.5, shape))
        gone = np.zeros(shape, np.bool_)
        for start in rng.integers(100, self.bars - 20, 6):
            gone[start : start + rng.integers(1, 6), rng.integers(self.count)] = True
        if self.count > 1:
            gone[:80, -1] = True
        made = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
        for values in made.values():
            values[gone] = np.nan
            values.flags.writeable = False
        return made

    def times(self):
        days = np.datetime64("2016-03-01") + np.arange(self.bars * 7 // 5 + 7)
        weekdays = days[(days.astype(np.int64) + 3) % 7 < 5][: self.bars]
        return weekdays.astype("datetime64[ns]").astype(np.int64) + 21 * DAY // 24

    def read(self, start, stop):
        return Bars(self.times()[start:stop], self.symbols, {n: v[start:stop] for n, v in self.data.items()})

    def fingerprint(self):
        return str(self.seed)

    def findings(self):
        return ()


@hookimpl
def make_feed(options):
    return options.into(Daily)
