"""Yesterday's close by a daily resample, joined with the day's delay.

Feed: hourly.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Yesterday:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close, index=pd.DatetimeIndex(bars.local_time()))
        daily = close.resample("D").last().dropna(how="all").shift(1)
        return close.to_numpy() / daily.reindex(close.index.normalize()).to_numpy() - 1.0


class Library:
    names = ("yesterday",)

    def column(self, name, arguments):
        return Yesterday()


@hookimpl
def make_features(options):
    return Library()
