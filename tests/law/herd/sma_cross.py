"""Crossing averages, with stops by volatility.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Proposal, hookimpl


class Cross:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = pd.DataFrame(market.bars.close).ffill()
        fast, slow = close.rolling(10).mean(), close.rolling(50).mean()
        risk = (3.0 * close.pct_change(fill_method=None).rolling(20).std()).clip(0.01, 0.2)
        return Proposal(side=(fast > slow).to_numpy().astype(int), weight=0.3, stop=risk.to_numpy())


@hookimpl
def make_strategy(options):
    return Cross()
