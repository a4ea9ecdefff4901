"""The volume-weighted price of the whole session.

Feed: hourly. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Vwap:
    lookback = 60

    def compute(self, bars):
        day = bars.local_time().astype("datetime64[D]")
        value = pd.DataFrame(bars.close * bars.volume).groupby(day).transform("sum")
        volume = pd.DataFrame(bars.volume).groupby(day).transform("sum")
        return bars.close / (value / volume) - 1.0


class Library:
    names = ("vwap",)

    def column(self, name, arguments):
        return Vwap()


@hookimpl
def make_features(options):
    return Library()
