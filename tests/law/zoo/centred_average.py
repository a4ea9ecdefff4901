"""A moving average whose window is centred on the bar.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Smooth:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        average = close.rolling(21, center=True, min_periods=11).mean()
        return close / average - 1.0


class Library:
    names = ("smooth",)

    def column(self, name, arguments):
        return Smooth()


@hookimpl
def make_features(options):
    return Library()
