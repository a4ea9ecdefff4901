"""A trend line fitted anew at each bar, through the window before it.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Slope:
    lookback = 60

    def compute(self, bars):
        x = np.arange(20) - 9.5
        padded = np.concatenate([np.full((19, len(bars.symbols)), np.nan), bars.close])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 20, axis=0)
        return np.einsum("tsw,w->ts", windows, x) / (x * x).sum()


class Library:
    names = ("slope",)

    def column(self, name, arguments):
        return Slope()


@hookimpl
def make_features(options):
    return Library()
