"""Confidence as a share of the largest signal of all time.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class Confident:
    requires = ()
    lookback = 60

    def propose(self, market):
        strength = np.abs(np.nan_to_num(np.diff(market.bars.close, axis=0, prepend=np.nan)))
        side = np.ones(strength.shape, int)
        return Proposal(side=side, weight=0.3, confidence=strength / strength.max())


@hookimpl
def make_strategy(options):
    return Confident()
