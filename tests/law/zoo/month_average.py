"""The average of the calendar month, on every day of it.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Monthly:
    lookback = 60

    def compute(self, bars):
        month = bars.local_time().astype("datetime64[M]")
        close = pd.DataFrame(bars.close)
        return close - close.groupby(month).transform("mean")


class Library:
    names = ("monthly",)

    def column(self, name, arguments):
        return Monthly()


@hookimpl
def make_features(options):
    return Library()
