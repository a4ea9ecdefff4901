"""Trades in every third call only.

Feed: hourly. Verdict: remembers past calls.
"""

from __future__ import annotations

from darwin_core import Proposal, hookimpl


class Counter:
    requires = ()
    lookback = 60

    def __init__(self):
        self.calls = 0

    def propose(self, market):
        self.calls += 1
        up = market.bars.close > market.bars.open
        return Proposal(side=up.astype(int) * (self.calls % 3 == 0), weight=0.3)


@hookimpl
def make_strategy(options):
    return Counter()
