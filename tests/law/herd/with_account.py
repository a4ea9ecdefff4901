"""Decides row by row, and sees the account.

Feed: daily.
"""

from __future__ import annotations

import numpy as np

from darwin_core import hookimpl


class WithAccount:
    when = "bar"
    requires = ("change(5)", "account.drawdown", "account.weight")
    effect = "scale"
    baseline = 1.0

    def decide(self, observation):
        return np.clip(1.0 - 5.0 * observation["account.drawdown"] + observation["change(5)"], 0.0, 1.0)


@hookimpl
def make_agent(options):
    return WithAccount()
