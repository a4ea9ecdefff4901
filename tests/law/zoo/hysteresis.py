"""Keeps its last action until the signal is clear.

Feed: daily. Verdict: remembers past calls or rows around it.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Hysteresis:
    when = "bar"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def __init__(self):
        self.last = 1.0

    def decide(self, observation):
        actions = np.empty(len(observation))
        for i, x in enumerate(observation["change(5)"]):
            if abs(x) > 0.02:
                self.last = 1.0 if x > 0.0 else 0.0
            actions[i] = self.last
        return actions


@hookimpl
def make_agent(options):
    return Hysteresis()
