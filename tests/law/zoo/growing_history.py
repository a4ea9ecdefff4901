"""Appends every window to a list and works on the list.

Feed: hourly. Verdict: remembers past calls or looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class History:
    requires = ()
    lookback = 60

    def __init__(self):
        self.history = []

    def propose(self, market):
        self.history.append(np.nan_to_num(market.bars.close, nan=100.0))
        threshold = np.concatenate(self.history)[:-1].mean(axis=0)
        return Proposal(side=(market.bars.close > threshold).astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return History()
