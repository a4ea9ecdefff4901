"""Raises at some rows: its baseline stands in, whoever asks.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class Fails:
    when = "bar"
    requires = ("change(5)", "account.cash")
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        x = observation["change(5)"]
        if (np.abs(x) > 0.2).any():
            raise ValueError("too wild")
        return np.where(x > 0.0, 1.0, 0.5)


@hookimpl
def make_agent(options):
    return Fails()
