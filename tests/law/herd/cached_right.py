"""A cache whose key is all that the answer depends on, and a lazy import.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl

CACHE = {}


class Scaled:
    lookback = 60

    def compute(self, bars):
        key = hash(bars.close.tobytes())
        if key not in CACHE:
            CACHE[key] = bars.close / np.maximum.accumulate(np.nan_to_num(bars.close), axis=0)
        return CACHE[key]


class Library:
    names = ("scaled",)

    def column(self, name, arguments):
        return Scaled()


@hookimpl
def make_features(options):
    return Library()
