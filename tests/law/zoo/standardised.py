"""Standardised by the mean and deviation of the whole set.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class ZScore:
    lookback = 60

    def compute(self, bars):
        returns = pd.DataFrame(bars.close).pct_change(fill_method=None)
        return (returns - returns.mean()) / returns.std()


class Library:
    names = ("zscore",)

    def column(self, name, arguments):
        return ZScore()


@hookimpl
def make_features(options):
    return Library()
