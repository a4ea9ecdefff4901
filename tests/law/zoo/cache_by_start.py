"""Kept by the first bar's time; what is kept was fitted on all that followed.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Scaled:
    lookback = 60

    cache = {}

    def compute(self, bars):
        key = int(bars.time[0])
        if key not in self.cache or len(self.cache[key]) < len(bars):
            self.cache[key] = bars.close - np.nanmean(bars.close, axis=0)
        return self.cache[key][: len(bars)]


class Library:
    names = ("scaled",)

    def column(self, name, arguments):
        return Scaled()


@hookimpl
def make_features(options):
    return Library()
