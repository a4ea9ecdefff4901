"""Rebases prices in place.

Feed: daily. Verdict: changed its input.
"""

from __future__ import annotations

from darwin_core import Proposal, hookimpl


class Rebased:
    requires = ()
    lookback = 60

    def propose(self, market):
        close = market.bars.close
        close /= close[0]
        return Proposal(side=(close > 1.0).astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Rebased()
