"""Gaps filled from the nearest bar, earlier or later.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Change:
    lookback = 60

    def compute(self, bars):
        out = np.full(bars.close.shape, np.nan)
        for s in range(len(bars.symbols)):
            have = np.flatnonzero(~np.isnan(bars.close[:, s]))
            if len(have):
                rows = np.arange(len(bars))
                right = np.clip(np.searchsorted(have, rows), 0, len(have) - 1)
                left = np.clip(right - 1, 0, len(have) - 1)
                near = np.where(np.abs(have[right] - rows) <= np.abs(have[left] - rows), have[right], have[left])
                out[:, s] = bars.close[near, s]
        return out


class Library:
    names = ("filled_change",)

    def column(self, name, arguments):
        return Change()


@hookimpl
def make_features(options):
    return Library()
