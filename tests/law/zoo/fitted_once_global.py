"""The same, with the fit in a global of the module.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl

MODEL = None


class FittedOnce:
    requires = ()
    lookback = 60

    def propose(self, market):
        global MODEL
        if MODEL is None:
            MODEL = np.nanquantile(market.bars.close, [0.2, 0.8], axis=0)
        low, high = MODEL
        side = (market.bars.close < low).astype(int) - (market.bars.close > high)
        return Proposal(side=side, weight=0.3)


@hookimpl
def make_strategy(options):
    return FittedOnce()
