"""A seeded generator that is made once and drawn from in every call.

Feed: daily. Verdict: remembers past calls or looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class Stream:
    requires = ()
    lookback = 60

    def __init__(self):
        self.rng = np.random.default_rng(7)

    def propose(self, market):
        explore = self.rng.random(market.bars.close.shape) < 0.1
        return Proposal(side=explore.astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Stream()
