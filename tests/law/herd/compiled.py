"""A loop compiled by numba.

Feed: daily.
"""

from __future__ import annotations

import numba
import numpy as np

from darwin_core import hookimpl


@numba.njit
def smooth(close):
    out = np.empty_like(close)
    for s in range(close.shape[1]):
        level = np.nan
        for t in range(close.shape[0]):
            price = close[t, s]
            if not np.isnan(price):
                level = price if np.isnan(level) else level + 0.1 * (price - level)
            out[t, s] = level
    return out


class Kama:
    lookback = 60

    def compute(self, bars):
        return smooth(np.ascontiguousarray(bars.close))


class Library:
    names = ("kama",)

    def column(self, name, arguments):
        return Kama()


@hookimpl
def make_features(options):
    return Library()
