"""Calls a day calm by a quantile of all days.

Feed: daily. Verdict: looks ahead.
"""

from __future__ import annotations

import numpy as np

from darwin_core import Limits, hookimpl


class Calm:
    requires = ()
    lookback = 60
    limits = Limits()

    def allow(self, market):
        returns = np.nan_to_num(np.diff(np.log(market.bars.close), axis=0, prepend=np.nan))
        turbulence = np.abs(returns).mean(axis=1)
        return turbulence < np.quantile(turbulence, 0.9)


@hookimpl
def make_monitor(options):
    return Calm()
