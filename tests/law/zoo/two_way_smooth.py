"""Smoothed forwards, then backwards, so that nothing lags.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Smooth:
    lookback = 60

    def compute(self, bars):
        forward = pd.DataFrame(bars.close).ewm(span=10).mean()
        return forward[::-1].ewm(span=10).mean()[::-1].diff()


class Library:
    names = ("smooth",)

    def column(self, name, arguments):
        return Smooth()


@hookimpl
def make_features(options):
    return Library()
