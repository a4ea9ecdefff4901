"""How far the price will fall: a running minimum from the end.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Risk:
    lookback = 60

    def compute(self, bars):
        close = np.where(np.isnan(bars.close), np.inf, bars.close)
        lowest_ahead = np.minimum.accumulate(close[::-1], axis=0)[::-1]
        return lowest_ahead / bars.close - 1.0


class Library:
    names = ("risk",)

    def column(self, name, arguments):
        return Risk()


@hookimpl
def make_features(options):
    return Library()
