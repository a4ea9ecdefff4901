"""Skips every tenth time that it is asked.

Feed: daily. Verdict: remembers past calls.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class CoolingOff:
    when = "candidate"
    requires = ("account.cash",)
    effect = "scale"
    baseline = 1.0

    def __init__(self):
        self.asked = 0

    def decide(self, observation):
        self.asked += 1
        return np.full(len(observation), 0.0 if self.asked % 10 == 0 else 1.0)


@hookimpl
def make_agent(options):
    return CoolingOff()
