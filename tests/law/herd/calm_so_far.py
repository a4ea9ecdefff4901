"""Calls a day calm by a rolling quantile.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Limits, hookimpl


class Calm:
    requires = ()
    lookback = 60
    limits = Limits()

    def allow(self, market):
        change = pd.DataFrame(market.bars.close).pct_change(fill_method=None).abs().mean(axis=1)
        return (change <= change.rolling(60, min_periods=1).quantile(0.9)).to_numpy()


@hookimpl
def make_monitor(options):
    return Calm()
