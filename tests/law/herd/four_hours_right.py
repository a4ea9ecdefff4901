"""Bars of four hours, known when they are complete.

Feed: hourly.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Trend:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close, index=pd.DatetimeIndex(bars.time))
        slow = close.resample("4h", label="right", closed="right").last()
        slow = slow[slow.index <= close.index[-1]]
        return close - slow.reindex(close.index, method="ffill")


class Library:
    names = ("trend",)

    def column(self, name, arguments):
        return Trend()


@hookimpl
def make_features(options):
    return Library()
