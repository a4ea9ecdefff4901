"""Its compiled function rounds another way than its decide.

Feed: daily. Verdict: its decide disagree.
"""

from __future__ import annotations

import numba

from darwin_core import hookimpl


@numba.njit(numba.void(numba.float64[:, ::1], numba.float64[::1]))
def compiled(observation, actions):
    for i in range(len(actions)):
        actions[i] = 1.0 - observation[i, 0] * 3.0


class Twofold:
    when = "bar"
    requires = ("account.weight",)
    effect = "scale"
    baseline = 1.0
    compiled = compiled

    def decide(self, observation):
        x = observation["account.weight"]
        return 1.0 - (x + x + x + 1e-9)


@hookimpl
def make_agent(options):
    return Twofold()
