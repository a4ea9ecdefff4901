"""Works on many rows and fails on one.

Feed: daily. Verdict: rows around it.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class NeedsMany:
    when = "candidate"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        x = observation["change(5)"]
        edges = np.histogram_bin_edges(x, bins=len(x) - 1)
        return np.clip(np.digitize(x, edges[1:-1]) / len(x) * 2.0, 0.0, 2.0)


@hookimpl
def make_agent(options):
    return NeedsMany()
