"""The same, and it sees the account.

Feed: daily. Verdict: answers differently.
"""

from __future__ import annotations

import random

import numpy as np

from darwin_core import hookimpl


class Explorer:
    when = "bar"
    requires = ("account.cash",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        return np.array([random.gauss(1.0, 0.1) for _ in range(len(observation))])


@hookimpl
def make_agent(options):
    return Explorer()
