"""Normalises over the symbols of the bar, and sees the account.

Feed: daily, of several symbols. Verdict: rows around it.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Normaliser:
    when = "bar"
    requires = ("change(5)", "account.drawdown")
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        x = observation["change(5)"] - observation["account.drawdown"]
        return np.clip(1.0 + (x - x.mean()) * 10.0, 0.0, 2.0)


@hookimpl
def make_agent(options):
    return Normaliser()
