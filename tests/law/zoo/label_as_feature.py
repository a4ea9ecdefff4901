"""A training label (the return of the next ten bars) left among the features.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Label:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        future = close.pct_change(10, fill_method=None).shift(-10)
        return (future > 0.02).astype(float) - (future < -0.02).astype(float)


class Library:
    names = ("label",)

    def column(self, name, arguments):
        return Label()


@hookimpl
def make_features(options):
    return Library()
