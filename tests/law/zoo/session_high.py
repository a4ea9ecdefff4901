"""The high of the session, known from its first bar on.

Feed: hourly. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class BelowHigh:
    lookback = 60

    def compute(self, bars):
        day = bars.local_time().astype("datetime64[D]")
        high = pd.DataFrame(bars.high).groupby(day).transform("max")
        return bars.close / high - 1.0


class Library:
    names = ("below_high",)

    def column(self, name, arguments):
        return BelowHigh()


@hookimpl
def make_features(options):
    return Library()
