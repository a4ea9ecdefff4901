"""Decides row by row.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Threshold:
    when = "candidate"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        return np.where(np.abs(observation["change(5)"]) < 0.02, 1.0, 0.5)


@hookimpl
def make_agent(options):
    return Threshold()
