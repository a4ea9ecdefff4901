"""Breaks ties with unseeded noise.

Feed: daily. Verdict: answers differently.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl


class Noisy:
    requires = ()
    lookback = 60

    def propose(self, market):
        noise = np.random.default_rng().normal(0.0, 0.005, market.bars.close.shape)
        change = np.nan_to_num(np.diff(np.log(market.bars.close), axis=0, prepend=np.nan))
        return Proposal(side=(change + noise > 0.0).astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Noisy()
