"""Yesterday's close by a daily resample, joined without the day's delay.

Feed: hourly. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Proposal, hookimpl


class Yesterday:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = pd.DataFrame(market.bars.close, index=pd.DatetimeIndex(market.bars.local_time()))
        daily = close.resample("D").last()
        reference = daily.reindex(close.index.normalize())
        return Proposal(side=(close.to_numpy() < reference.to_numpy()).astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Yesterday()
