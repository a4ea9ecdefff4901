"""Buys at a low that is a low only because the two next bars are higher.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from darwin_core import Proposal, hookimpl


class Fractals:
    requires = ()
    lookback = 60

    def propose(self, market):
        low = pd.DataFrame(market.bars.low)
        high = pd.DataFrame(market.bars.high)
        buy = low == low.rolling(5, center=True).min()
        sell = high == high.rolling(5, center=True).max()
        side = pd.DataFrame(np.where(buy, 1.0, np.where(sell, 0.0, np.nan))).ffill().fillna(0)
        return Proposal(side=side.to_numpy(), weight=0.3)


@hookimpl
def make_strategy(options):
    return Fractals()
