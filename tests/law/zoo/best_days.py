"""Sorts the days by return and holds on the best tenth.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class BestDays:
    requires = ()
    lookback = 60

    def propose(self, market):
        returns = np.nan_to_num(np.diff(market.bars.close, axis=0, prepend=np.nan))
        order = np.argsort(-returns, axis=0)
        side = np.zeros(returns.shape, int)
        for s in range(side.shape[1]):
            side[order[: len(order) // 10, s], s] = 1
        return Proposal(side=side, weight=0.3)


@hookimpl
def make_strategy(options):
    return BestDays()
