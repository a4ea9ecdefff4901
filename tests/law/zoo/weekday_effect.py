"""The average return of each weekday, over all years.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Weekday:
    lookback = 60

    def compute(self, bars):
        returns = pd.DataFrame(bars.close).pct_change(fill_method=None)
        weekday = pd.DatetimeIndex(bars.time).weekday
        return returns.groupby(weekday).transform("mean")


class Library:
    names = ("weekday",)

    def column(self, name, arguments):
        return Weekday()


@hookimpl
def make_features(options):
    return Library()
