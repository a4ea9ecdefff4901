"""Learns from what it is asked, while it is asked.

Feed: daily. Verdict: remembers past calls or rows around it.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl

WEIGHTS = {"slope": 0.0}


class Learner:
    when = "bar"
    requires = ("change(5)", "strategy.side", "account.net")
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        x = observation["change(5)"] * observation["strategy.side"]
        WEIGHTS["slope"] += 0.1 * float(x.mean())
        return np.clip(1.0 + WEIGHTS["slope"] * x, 0.0, 2.0)


@hookimpl
def make_agent(options):
    return Learner()
