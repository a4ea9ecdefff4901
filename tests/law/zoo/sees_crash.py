"""Forbids new risk before the market falls.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Limits, hookimpl


class SeesCrash:
    requires = ()
    lookback = 60
    limits = Limits()

    def allow(self, market):
        index = pd.DataFrame(market.bars.close).mean(axis=1)
        ahead = index[::-1].rolling(5, min_periods=1).min()[::-1] / index - 1.0
        return (ahead > -0.06).to_numpy()


@hookimpl
def make_monitor(options):
    return SeesCrash()
