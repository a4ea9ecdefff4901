"""Bars of four hours, labelled with the time at which they begin.

Feed: hourly. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Trend:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close, index=pd.DatetimeIndex(bars.time))
        slow = close.resample("4h", label="left").last()
        return slow.reindex(close.index, method="ffill").pct_change(fill_method=None)


class Library:
    names = ("trend",)

    def column(self, name, arguments):
        return Trend()


@hookimpl
def make_features(options):
    return Library()
