"""A moving average by np.convolve in mode same, which is centred.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Smooth:
    lookback = 60

    def compute(self, bars):
        kernel = np.ones(9) / 9
        filled = np.nan_to_num(bars.close, nan=50.0)
        return np.column_stack([np.convolve(column, kernel, mode="same") for column in filled.T])


class Library:
    names = ("smooth",)

    def column(self, name, arguments):
        return Smooth()


@hookimpl
def make_features(options):
    return Library()
