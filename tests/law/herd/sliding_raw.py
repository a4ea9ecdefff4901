"""Sliding windows that need their whole look-back; the audit does not ask for less.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Sliding:
    lookback = 60

    def compute(self, bars):
        out = np.full(bars.close.shape, np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(bars.close, 61, axis=0)
        out[60:] = windows.mean(axis=-1)
        return out


class Library:
    names = ("sliding",)

    def column(self, name, arguments):
        return Sliding()


@hookimpl
def make_features(options):
    return Library()
