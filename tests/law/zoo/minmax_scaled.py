"""Scaled to 0..1 by the minimum and maximum of the whole set.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Scaled:
    lookback = 60

    def compute(self, bars):
        low, high = np.nanmin(bars.close, axis=0), np.nanmax(bars.close, axis=0)
        return (bars.close - low) / (high - low) - 0.5


class Library:
    names = ("scaled",)

    def column(self, name, arguments):
        return Scaled()


@hookimpl
def make_features(options):
    return Library()
