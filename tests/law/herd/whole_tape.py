"""Needs every bar since the beginning.

Feed: hourly.
"""

from __future__ import annotations

import numpy as np

from darwin_core import WHOLE_TAPE, Proposal, hookimpl


class WholeTape:
    requires = ()
    lookback = WHOLE_TAPE

    def propose(self, market):
        close = np.nan_to_num(market.bars.close, nan=100.0)
        average = np.cumsum(close, axis=0) / np.arange(1, len(close) + 1)[:, None]
        return Proposal(side=(close > average).astype(int), weight=0.3)


@hookimpl
def make_strategy(options):
    return WholeTape()
