"""Halves everything for good once it has seen a loss.

Feed: daily. Verdict: remembers past calls.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Latch:
    when = "bar"
    requires = ("account.drawdown",)
    effect = "scale"
    baseline = 1.0

    def __init__(self):
        self.tripped = False

    def decide(self, observation):
        if observation["account.drawdown"].max() > 0.002:
            self.tripped = True
        return np.full(len(observation), 0.5 if self.tripped else 1.0)


@hookimpl
def make_agent(options):
    return Latch()
