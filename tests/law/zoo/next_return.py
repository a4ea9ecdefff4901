"""The next bar's return as a column: pct_change, shifted the wrong way.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class NextReturn:
    lookback = 60

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        return close.pct_change(fill_method=None).shift(-1)


class Library:
    names = ("next_return",)

    def column(self, name, arguments):
        return NextReturn()


@hookimpl
def make_features(options):
    return Library()
