"""Breaks out of the session's range, whose end it knows in the morning.

Feed: hourly. Verdict: looks ahead.
"""

from __future__ import annotations

import pandas as pd

from darwin_core import Proposal, hookimpl


class Breakout:
    requires = ()
    lookback = 60

    def propose(self, market):
        bars = market.bars
        day = pd.Series(bars.local_time()).dt.normalize()
        low = pd.DataFrame(bars.low).groupby(day).transform("min")
        return Proposal(side=(bars.close <= low * 1.001).to_numpy().astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Breakout()
