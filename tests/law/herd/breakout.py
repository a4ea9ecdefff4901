"""Breaks out of the range of the days before, state carried by ffill.

Feed: daily.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from darwin_core import Proposal, hookimpl


class Breakout:
    requires = ()
    lookback = 60

    def propose(self, market):
        bars = market.bars
        top = pd.DataFrame(bars.high).rolling(20).max().shift(1).to_numpy()
        bottom = pd.DataFrame(bars.low).rolling(10).min().shift(1).to_numpy()
        state = np.where(bars.close > top, 1.0, np.where(bars.close < bottom, 0.0, np.nan))
        side = pd.DataFrame(state).ffill().fillna(0.0).to_numpy()
        strength = np.clip(np.nan_to_num(bars.close / top - 1.0) * 10.0, 0.0, 1.0)
        return Proposal(side=side.astype(int), weight=0.3, confidence=strength, candidate=state == 1.0)


@hookimpl
def make_strategy(options):
    return Breakout()
