"""A mutable default argument gathers every window that was ever seen.

Feed: hourly. Verdict: remembers past calls or looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Level:
    lookback = 60

    def compute(self, bars, seen=[]):
        seen.append(np.nanmean(bars.close))
        return bars.close / np.mean(seen) - 1.0


class Library:
    names = ("level",)

    def column(self, name, arguments):
        return Level()


@hookimpl
def make_features(options):
    return Library()
