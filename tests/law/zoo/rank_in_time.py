"""The rank of a price among all prices of its history, future ones included.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Rank:
    lookback = 60

    def compute(self, bars):
        return pd.DataFrame(bars.close).rank(pct=True) - 0.5


class Library:
    names = ("rank",)

    def column(self, name, arguments):
        return Rank()


@hookimpl
def make_features(options):
    return Library()
