"""Its look-back is shorter than its average: another definition, not a look ahead.

Feed: daily.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Proposal, hookimpl


class Short:
    requires = ()
    lookback = 20

    def propose(self, market):
        close = pd.DataFrame(market.bars.close)
        return Proposal(side=(close > close.rolling(200).mean()).to_numpy().astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Short()
