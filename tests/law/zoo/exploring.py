"""Explores with unseeded noise.

Feed: daily. Verdict: answers differently.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Explorer:
    when = "candidate"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        explore = np.random.random(len(observation)) < 0.1
        return np.where(explore, 0.0, 1.0)


@hookimpl
def make_agent(options):
    return Explorer()
