"""Buys when the next close is higher.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Proposal, hookimpl


class Oracle:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = pd.DataFrame(market.bars.close)
        side = (close.shift(-1) > close).astype(int)
        return Proposal(side=side.to_numpy(), weight=0.3)


@hookimpl
def make_strategy(options):
    return Oracle()
