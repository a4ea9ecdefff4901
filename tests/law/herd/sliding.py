"""NumPy's sliding windows, short ones included.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Sliding:
    lookback = 60

    def compute(self, bars):
        padded = np.concatenate([np.full((19, len(bars.symbols)), np.nan), bars.close])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 20, axis=0)
        return np.where(np.isnan(windows), 0.0, windows).std(axis=-1) + np.nanmax(np.nan_to_num(windows), axis=-1)


class Library:
    names = ("sliding",)

    def column(self, name, arguments):
        return Sliding()


@hookimpl
def make_features(options):
    return Library()
