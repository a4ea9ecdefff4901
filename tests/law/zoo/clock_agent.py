"""Lets the clock decide.

Feed: daily. Verdict: answers differently.
"""

from __future__ import annotations

import time

import numpy as np

from darwin_core import hookimpl


class Clock:
    when = "candidate"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        return np.full(len(observation), 1.0 - time.perf_counter() % 1e-3)


@hookimpl
def make_agent(options):
    return Clock()
