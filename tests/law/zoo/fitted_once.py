"""Fits its threshold at the first call and keeps it, as one does with scikit-learn.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class FittedOnce:
    requires = ()
    lookback = 60

    def __init__(self):
        self.mean = None

    def propose(self, market):
        if self.mean is None:
            self.mean = np.nanmean(market.bars.close, axis=0)
        return Proposal(side=(market.bars.close > self.mean).astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return FittedOnce()
