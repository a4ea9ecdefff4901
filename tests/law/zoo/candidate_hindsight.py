"""Marks as candidates only the entries that work out.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Proposal, hookimpl


class Hindsight:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = pd.DataFrame(market.bars.close)
        up = close > close.rolling(10).mean()
        entry = up & ~up.shift(1, fill_value=False)
        good = close.shift(-5) > close
        return Proposal(side=up.to_numpy().astype(int), weight=0.3, candidate=(entry & good).to_numpy())


@hookimpl
def make_strategy(options):
    return Hindsight()
