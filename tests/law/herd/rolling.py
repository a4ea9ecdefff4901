"""Rolling means, deviations, ranks and quantiles of pandas.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Rolling:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        window = close.rolling(20, min_periods=10)
        z = (close - window.mean()) / window.std()
        return z + window.rank(pct=True) + window.skew() + window.max() / window.quantile(0.25)


class Library:
    names = ("rolling",)

    def column(self, name, arguments):
        return Rolling()


@hookimpl
def make_features(options):
    return Library()
