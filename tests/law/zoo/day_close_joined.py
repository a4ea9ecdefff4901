"""The day's close, joined back to the hours before it.

Feed: hourly. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class ToClose:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        day = pd.Series(bars.local_time()).dt.date
        return close.groupby(day).transform("last") / close - 1.0


class Library:
    names = ("to_close",)

    def column(self, name, arguments):
        return ToClose()


@hookimpl
def make_features(options):
    return Library()
