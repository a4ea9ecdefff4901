"""Rolling over bars that are sorted newest first.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Momentum:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close, index=bars.time)
        newest_first = close.sort_index(ascending=False)
        average = newest_first.rolling(20, min_periods=5).mean()
        return (newest_first / average - 1.0).sort_index()


class Library:
    names = ("momentum",)

    def column(self, name, arguments):
        return Momentum()


@hookimpl
def make_features(options):
    return Library()
