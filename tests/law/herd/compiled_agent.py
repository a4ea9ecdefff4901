"""A compiled agent whose decide says the same.

Feed: daily.
"""

from __future__ import annotations

import numba

from darwin_core import hookimpl


@numba.njit(numba.void(numba.float64[:, ::1], numba.float64[::1]))
def compiled(observation, actions):
    for i in range(len(actions)):
        actions[i] = 1.0 - observation[i, 0] * 3.0


class Scaler:
    when = "bar"
    requires = ("account.weight",)
    effect = "scale"
    baseline = 1.0
    compiled = compiled

    def decide(self, observation):
        return 1.0 - observation["account.weight"] * 3.0


@hookimpl
def make_agent(options):
    return Scaler()
