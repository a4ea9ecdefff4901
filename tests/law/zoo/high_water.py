"""Keeps the highest price of all calls in a class attribute.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class HighWater:
    requires = ()
    lookback = 60

    highest = 0.0

    def propose(self, market):
        HighWater.highest = np.maximum(HighWater.highest, np.nanmax(market.bars.close, axis=0))
        side = market.bars.close > 0.8 * HighWater.highest
        return Proposal(side=side.astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return HighWater()
