"""The slope by np.gradient, which is a central difference.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Slope:
    lookback = 60

    def compute(self, bars):
        return np.gradient(np.log(bars.close), axis=0)


class Library:
    names = ("slope",)

    def column(self, name, arguments):
        return Slope()


@hookimpl
def make_features(options):
    return Library()
