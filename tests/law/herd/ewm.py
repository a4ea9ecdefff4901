"""Exponential averages of pandas over the declared look-back.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Macd:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        macd = close.ewm(span=12).mean() - close.ewm(span=26).mean()
        return macd - macd.ewm(span=9, adjust=False).mean()


class Library:
    names = ("macd",)

    def column(self, name, arguments):
        return Macd()


@hookimpl
def make_features(options):
    return Library()
