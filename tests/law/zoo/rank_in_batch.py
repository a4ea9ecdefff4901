"""Passes the better half of the rows that it is given.

Feed: daily. Verdict: rows around it.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Ranker:
    when = "candidate"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        rank = np.argsort(np.argsort(observation["change(5)"]))
        return (rank >= len(observation) / 2).astype(float)


@hookimpl
def make_agent(options):
    return Ranker()
