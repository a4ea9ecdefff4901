"""Smooths along the rows, as if they were one symbol's bars.

Feed: daily. Verdict: rows around it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from darwin_core import hookimpl


class Smoother:
    when = "bar"
    requires = ("change(5)",)
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        return pd.Series(np.tanh(np.abs(observation["change(5)"]))).ewm(span=5).mean().to_numpy()


@hookimpl
def make_agent(options):
    return Smoother()
