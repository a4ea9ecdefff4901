"""Shifted the right way, with gaps filled from the past.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Past:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close).ffill()
        return close.shift(1).pct_change(5, fill_method=None)


class Library:
    names = ("past",)

    def column(self, name, arguments):
        return Past()


@hookimpl
def make_features(options):
    return Library()
