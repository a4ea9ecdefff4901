"""Missing prices set to 0 in the input itself.

Feed: daily. Verdict: changed its input.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Filled:
    lookback = 60

    def compute(self, bars):
        close = bars.close
        close[np.isnan(close)] = 0.0
        return close


class Library:
    names = ("filled",)

    def column(self, name, arguments):
        return Filled()


@hookimpl
def make_features(options):
    return Library()
