"""Normalises its observations by the batch that it is given.

Feed: daily. Verdict: rows around it.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Normaliser:
    when = "candidate"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        x = observation["change(5)"]
        z = (x - x.mean()) / (x.std() + 1e-12)
        return np.where(z > 0.0, 1.0, 0.5)


@hookimpl
def make_agent(options):
    return Normaliser()
