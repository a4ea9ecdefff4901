"""Scaled by all that was before, from the first bar on.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import WHOLE_TAPE, hookimpl


class Expanding:
    lookback = WHOLE_TAPE

    def compute(self, bars):
        close = pd.DataFrame(bars.close)
        past = close.expanding(min_periods=2)
        return (close - past.min()) / (past.max() - past.min()) + past.mean() / close


class Library:
    names = ("expanding",)

    def column(self, name, arguments):
        return Expanding()


@hookimpl
def make_features(options):
    return Library()
