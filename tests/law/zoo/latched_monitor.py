"""Latches for good when it has once seen a fall.

Feed: hourly. Verdict: remembers past calls or looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Limits, hookimpl


class Latch:
    requires = ()
    lookback = 0
    limits = Limits()

    def __init__(self):
        self.tripped = False

    def allow(self, market):
        index = np.nan_to_num(market.bars.close, nan=100.0).mean(axis=1)
        if (index < 0.985 * index[0]).any():
            self.tripped = True
        return np.full(len(market), not self.tripped)


@hookimpl
def make_monitor(options):
    return Latch()
