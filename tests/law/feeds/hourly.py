"""Made-up hourly bars of sessions: seven bars a day, Monday to Friday, a few of them missing."""

from __future__ import annotations

import attrs
import numpy as np

from darwin_core import Bars, hookimpl

HOUR = 3_600_000_000_000


@attrs.frozen
class Hourly:
    seed: int = 0
    count: int = 2
    bars: int = 1400
    timezone: str = attrs.field(default="America/New_York", init=False)
    interval: int = attrs.field(default=HOUR, init=False)
    fields: tuple[str, ...] = attrs.field(default=("open", "high", "low", "close", "volume"), init=False)
    data: dict[str, np.ndarray] = attrs.field(init=False, repr=False)

    @property
    def symbols(self):
        return ("EUR", "JPY", "CHF")[: self.count]

    @data.default
    def _make(self):
        rng = np.random.default_rng([self.seed, 2])
        shape = (self.bars, self.count)
        close = 100 * np.exp(np.cumsum(rng.standard_t(5, shape) * 0.003, axis=0))
        open_ = close * np.exp(rng.normal(0, 0.001, shape))
        high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.001, shape)))
        low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.001, shape)))
        made = {"open": open_, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(9, 0.4, shape))}
        gone = rng.random(shape) < 0.002
        for values in made.values():
            values[gone] = np.nan
            values.flags.writeable = False
        return made

    def times(self):
        days = np.datetime64("2021-01-04") + np.arange(self.bars // 7 * 7 // 5 + 30)
        days = days[(days.astype(np.int64) + 3) % 7 < 5]
        hours = days[:, None].astype("datetime64[ns]").astype(np.int64) + np.arange(15, 22) * HOUR
        return hours.ravel()[: self.bars]

    def read(self, start, stop):
        fields = {n: v[start:stop] for n, v in self.data.items()}
        return Bars(self.times()[start:stop], self.symbols, fields, {}, self.timezone)

    def fingerprint(self):
        return str(self.seed)

    def findings(self):
        return ()


@hookimpl
def make_feed(options):
    return options.into(Hourly)
