"""Puts the stop just below the next bar's low.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class TightStop:
    requires = ()
    lookback = 60

    def propose(self, market):
        close, low = market.bars.close, market.bars.low
        stop = np.full(close.shape, 0.05)
        stop[:-1] = np.clip((close[:-1] - low[1:]) / close[:-1], 0.001, 0.05)
        return Proposal(side=np.ones(close.shape, int), weight=0.3, stop=np.nan_to_num(stop, nan=0.05))


@hookimpl
def make_strategy(options):
    return TightStop()
