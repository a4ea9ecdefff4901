"""A symbol agent that fails for a while: it raises from a bar on, and is well again some bars later."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from darwin_core import hookimpl

DAY = 86_400_000_000_000
BROKEN, MENDED = (np.datetime64(day, "ns").astype(np.int64) for day in ("2021-02-01", "2021-02-15"))


@frozen
class Symbols:
    """A twentieth of equity in every symbol that rose over five days."""

    when = "bar"
    effect = "target"
    baseline = 0.0
    requires = ("return(5)", "account.drawdown")  # the account: so it is asked bar by bar, in a backtest too

    def decide(self, observation):
        if BROKEN <= observation.time[0] < MENDED:
            raise RuntimeError("the server is down")
        return np.where(observation["return(5)"] > 0.0, 0.05, 0.0)


@hookimpl
def make_agent(options):
    return options.into(Symbols)
