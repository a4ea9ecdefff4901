"""A regression of the next return, fitted on all bars and used on the same.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class Regression:
    requires = ()
    lookback = 60

    def propose(self, market):
        returns = np.nan_to_num(np.diff(np.log(market.bars.close), axis=0, prepend=np.nan))
        side = np.zeros(returns.shape, int)
        for s in range(side.shape[1]):
            x, y = returns[:-1, s], returns[1:, s]
            slope = ((x - x.mean()) * (y - y.mean())).sum() / (x.var() * len(x) + 1e-12)
            side[:, s] = slope * (returns[:, s] - x.mean()) + y.mean() > 0.0
        return Proposal(side=side, weight=0.3)


@hookimpl
def make_strategy(options):
    return Regression()
