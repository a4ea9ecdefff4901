"""A limit on how often an agent may depart from its baseline: what exceeds it is recorded and not applied.

In any `window` decisions in a row at most ``floor(limit * window)`` departures are applied. The window is counted in
decisions, not in time: so it means the same on bars of a minute and of a day, and in a backtest and live.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, field, frozen
from attrs.validators import and_, ge, le

if TYPE_CHECKING:
    from darwin_core.types import Bools


@frozen
class Overrides:
    """The latest decisions of one agent; frozen, ints only.

    Parameters
    ----------
    limit
        Largest share of applied departures.
    window
        Over so many decisions in a row. Below ``1 / limit`` nothing is ever applied.
    wanted, applied
        Bits of the latest `window` decisions, the latest lowest: the agent departed; and it was applied.
    seen
        Decisions so far, at most `window`.
    """

    limit: float = field(default=0.2, validator=and_(ge(0.0), le(1.0)))
    window: int = field(default=100, validator=and_(ge(1), le(100_000)))
    wanted: int = 0
    applied: int = 0
    seen: int = 0

    @property
    def most(self) -> int:
        """How many departures may be applied in a window."""
        # A limit such as 0.29 times 100 is a hair below 29 in binary.
        return math.floor(self.limit * self.window + 1e-9)

    @property
    def wanted_rate(self) -> float | None:
        """Share of decisions in the window in which the agent departed, applied or not; None until it is full."""
        return self.wanted.bit_count() / self.window if self.seen == self.window else None

    def allows(self) -> bool:
        """Say whether the next departure would be applied."""
        latest = self.applied & ((1 << (self.window - 1)) - 1)
        return latest.bit_count() < self.most

    def after(self, departs: bool) -> Overrides:
        """Return the state after one decision; a departure is applied if `allows` said so before."""
        applies = departs and self.allows()
        full = (1 << self.window) - 1
        return evolve(
            self,
            wanted=(self.wanted << 1 | departs) & full,
            applied=(self.applied << 1 | applies) & full,
            seen=min(self.seen + 1, self.window),
        )

    def anew(self) -> Overrides:
        """Return the state with the wanted departures forgotten, the applied ones not: after a breaker opened."""
        return evolve(self, wanted=0, seen=0)

    def admit(self, departs: Bools) -> tuple[Bools, Overrides]:
        """Take many decisions in their order: return which departures are applied, (N,), and the state after.

        Earlier rows come first. Whoever prefers the surest departures puts those rows first.
        """
        applied = np.zeros(len(departs), np.bool_)
        state = self
        for row, departure in enumerate(departs.tolist()):
            applied[row] = departure and state.allows()
            state = state.after(departure)
        return applied, state
