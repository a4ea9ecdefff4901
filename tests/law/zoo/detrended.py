"""A trend line fitted through all bars and taken off.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from darwin_core import hookimpl


class Detrended:
    lookback = 60

    def compute(self, bars):
        price = pd.DataFrame(bars.close).ffill().bfill().to_numpy()
        x = np.arange(len(bars))
        slope, level = np.polyfit(x, price, 1)
        return price - (x[:, None] * slope + level)


class Library:
    names = ("detrended",)

    def column(self, name, arguments):
        return Detrended()


@hookimpl
def make_features(options):
    return Library()
