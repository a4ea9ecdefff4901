"""Ranks and spreads over the symbols of one bar.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Ranks:
    lookback = 60

    def compute(self, bars):
        change = pd.DataFrame(bars.close).pct_change(10, fill_method=None)
        rank = change.rank(axis=1, pct=True)
        return rank.sub(rank.mean(axis=1), axis=0) + change.sub(change.median(axis=1), axis=0)


class Library:
    names = ("ranks",)

    def column(self, name, arguments):
        return Ranks()


@hookimpl
def make_features(options):
    return Library()
