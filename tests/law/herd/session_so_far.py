"""The session's high so far and its running VWAP, by groups of days.

Feed: hourly.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class SoFar:
    lookback = 60

    def compute(self, bars):
        day = bars.local_time().astype("datetime64[D]")
        value = pd.DataFrame(bars.close * bars.volume).groupby(day).cumsum()
        volume = pd.DataFrame(bars.volume).groupby(day).cumsum()
        high = pd.DataFrame(bars.high).groupby(day).cummax()
        return bars.close / (value / volume) + bars.close / high


class Library:
    names = ("so_far",)

    def column(self, name, arguments):
        return SoFar()


@hookimpl
def make_features(options):
    return Library()
