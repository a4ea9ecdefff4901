"""Weekly closes, labelled with the beginning of the week.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Weekly:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close, index=pd.DatetimeIndex(bars.time))
        weekly = close.resample("W-SUN", label="left").last()
        return close / weekly.reindex(close.index, method="ffill") - 1.0


class Library:
    names = ("weekly",)

    def column(self, name, arguments):
        return Weekly()


@hookimpl
def make_features(options):
    return Library()
