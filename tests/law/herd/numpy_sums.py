"""Moving averages by cumulative sums.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Sma:
    lookback = 60

    def compute(self, bars):
        price = np.nan_to_num(bars.close)
        sums = np.cumsum(price, axis=0)
        out = np.full(price.shape, np.nan)
        out[20:] = (sums[20:] - sums[:-20]) / 20
        return out + np.maximum.accumulate(price, axis=0)


class Library:
    names = ("sma",)

    def column(self, name, arguments):
        return Sma()


@hookimpl
def make_features(options):
    return Library()
