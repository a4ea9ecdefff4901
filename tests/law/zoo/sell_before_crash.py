"""Always long, but out before a bad day.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class Lucky:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = market.bars.close
        tomorrow = np.full(close.shape, 0.0)
        tomorrow[:-1] = close[1:] / close[:-1] - 1.0
        return Proposal(side=np.where(tomorrow < -0.03, 0, 1), weight=0.3)


@hookimpl
def make_strategy(options):
    return Lucky()
