"""Sorted by price, rolled, and sorted back.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from darwin_core import Proposal, hookimpl


class Sorted:
    requires = ()
    lookback = 60

    def propose(self, market):
        side = np.zeros(market.bars.close.shape, int)
        for s in range(side.shape[1]):
            close = pd.Series(market.bars.close[:, s])
            average = close.sort_values().rolling(20).mean().sort_index()
            side[:, s] = close > average * 1.02
        return Proposal(side=side, weight=0.3)


@hookimpl
def make_strategy(options):
    return Sorted()
