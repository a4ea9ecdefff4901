"""Buys on the last bar of a month, which the next bar's month gives away.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from darwin_core import Proposal, hookimpl


class MonthEnd:
    requires = ()
    lookback = 60

    def propose(self, market):
        month = pd.Series(pd.DatetimeIndex(market.bars.time).month)
        last = (month != month.shift(-1)) & month.shift(-1).notna()
        side = np.broadcast_to(last.to_numpy()[:, None], market.bars.close.shape)
        return Proposal(side=side.astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return MonthEnd()
