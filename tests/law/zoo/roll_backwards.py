"""The overnight gap with np.roll, rolled the wrong way.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Gap:
    lookback = 1

    def compute(self, bars):
        return np.roll(bars.open, -1, axis=0) / bars.close - 1.0


class Library:
    names = ("gap",)

    def column(self, name, arguments):
        return Gap()


@hookimpl
def make_features(options):
    return Library()
