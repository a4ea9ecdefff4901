"""Gaps filled from the next bar.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Change:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close).bfill()
        return close.pct_change(fill_method=None)


class Library:
    names = ("filled_change",)

    def column(self, name, arguments):
        return Change()


@hookimpl
def make_features(options):
    return Library()
