"""Returns clipped at quantiles of the whole set.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import hookimpl


class Clipped:
    lookback = 60

    def compute(self, bars):
        returns = pd.DataFrame(bars.close).pct_change(fill_method=None)
        return returns.clip(returns.quantile(0.05), returns.quantile(0.95), axis=1)


class Library:
    names = ("clipped",)

    def column(self, name, arguments):
        return Clipped()


@hookimpl
def make_features(options):
    return Library()
