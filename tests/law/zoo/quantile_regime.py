"""Cheap and dear by quantiles of the whole set.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class Regime:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = market.bars.close
        cheap = close < np.nanquantile(close, 0.3, axis=0)
        return Proposal(side=cheap.astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Regime()
