"""Draws from NumPy's global generator, seeded once at import.

Feed: daily. Verdict: answers differently.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Proposal, hookimpl

np.random.seed(42)


class Noisy:
    requires = ()
    lookback = 60

    def propose(self, market):
        lucky = np.random.rand(*market.bars.close.shape) < 0.05
        return Proposal(side=lucky.astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return Noisy()
