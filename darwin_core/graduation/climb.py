"""The ladder of `rule` for many made-up agents at once.

The arithmetic is that of `eprocess` and `detector`; the rules are written again here with a last axis for the runs, and
a test holds them equal to `rule.Ladder`, run by run and day by day.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from darwin_core.graduation import detector, eprocess

if TYPE_CHECKING:
    from darwin_core.graduation.eprocess import Bounds
    from darwin_core.graduation.rule import Terms
    from darwin_core.types import Bools, Floats, Ints

NEVER = 1 << 30
"""The block of what did not happen."""


@frozen(eq=False)
class Paths:
    """What became of each run; blocks are counted from 1.

    Parameters
    ----------
    canary, active
        (runs,) block of the first promotion to each, or NEVER.
    demoted
        (runs,) block of the first demotion, or NEVER.
    stage
        (runs, blocks): 0 observe, 1 canary, 2 active, after the step that was due.
    attempt
        (runs,) at the end.
    """

    canary: Ints
    active: Ints
    demoted: Ints
    stage: Ints
    attempt: Ints


def climb(blocks: Floats, bounds: Bounds, terms: Terms, ready: Bools, retrained: int = NEVER) -> Paths:
    """Let the agents climb, each step taken as soon as it is due.

    Parameters
    ----------
    blocks
        (runs, blocks) uplifts.
    bounds, terms
        As for `rule.Ladder`.
    ready
        (runs, blocks) whether the criteria are met.
    retrained
        An agent in observe begins a new attempt after so many blocks in it.
    """
    crowd = Crowd(len(blocks))
    canary, active, demoted = (np.full(len(blocks), NEVER) for _ in range(3))
    stage = np.empty(blocks.shape, np.int64)
    for t in range(blocks.shape[1]):
        crowd.fold(blocks[:, t], bounds)
        down = crowd.falls(terms)
        up = crowd.rises(terms) & ready[:, t] & ~down
        canary[up & (crowd.stage == 0) & (canary == NEVER)] = t + 1
        active[up & (crowd.stage == 1) & (active == NEVER)] = t + 1
        demoted[down & (demoted == NEVER)] = t + 1
        crowd.move(up, down | (~up & (crowd.stage == 0) & (crowd.blocks >= retrained)))
        stage[:, t] = crowd.stage
    return Paths(canary, active, demoted, stage, crowd.attempt)


@define(eq=False)
class Crowd:
    """The ladders of all runs: what `rule.Ladder` holds, with a last axis."""

    runs: int
    wealth: Floats = field(init=False)
    products: Floats = field(init=False)
    recent: Floats = field(init=False)
    sums: Floats = field(init=False)
    total: Floats = field(init=False)
    blocks: Floats = field(init=False)
    canary_blocks: Floats = field(init=False)
    void: Bools = field(init=False)
    stage: Ints = field(init=False)
    attempt: Ints = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Put all at the foot."""
        self.wealth = np.ones((len(eprocess.BETS), self.runs))
        self.products = np.zeros((eprocess.LAGS + 1, self.runs))
        self.recent = np.zeros((eprocess.LAGS, self.runs))
        self.sums = np.zeros((len(detector.BETS), self.runs))
        self.total, self.blocks, self.canary_blocks = (np.zeros(self.runs) for _ in range(3))
        self.void = np.zeros(self.runs, np.bool_)
        self.stage, self.attempt = np.zeros(self.runs, np.int64), np.ones(self.runs, np.int64)

    def fold(self, uplift: Floats, bounds: Bounds) -> None:
        """Take a block in: `Ladder.after`."""
        counted = np.minimum(uplift, bounds.cap)
        self.void |= uplift < -bounds.floor
        self.wealth = np.where(self.void, 0.0, eprocess.grow(self.wealth, counted, bounds.floor))
        self.products, self.recent = eprocess.multiply_up(self.products, self.recent, counted)
        self.total += counted
        self.blocks += 1
        self.sums = np.where(self.stage > 0, detector.accrue(self.sums, counted, bounds.cap), 0.0)
        self.canary_blocks += self.stage == 1

    def falls(self, terms: Terms) -> Bools:
        """Say who has to step back."""
        alarm: Bools = (eprocess.average(self.sums) >= terms.run_length) | self.void
        return (self.stage > 0) & alarm

    def rises(self, terms: Terms) -> Bools:
        """Say who may step up: the share of the budget is that of `rule.share`."""
        few = self.blocks < eprocess.LEAST_BLOCKS
        ratio = np.where(few, 1.0, eprocess.long_run(self.products, self.total, self.blocks))
        worth = eprocess.discount(eprocess.average(self.wealth), ratio)
        alpha = np.where(self.stage == 0, terms.canary, terms.active) * (6.0 / (math.pi * self.attempt) ** 2)
        waits: Bools = (self.blocks < terms.least_blocks) | (eprocess.plain(ratio, self.blocks) & ~few)
        waits = waits | ((self.stage == 1) & (self.canary_blocks < terms.least_canary_blocks))
        waits = waits | (self.stage == 2) | (worth < 1.0 / alpha)
        return ~waits

    def move(self, up: Bools, again: Bools) -> None:
        """Take the steps; whoever begins again starts at the foot with the next attempt."""
        self.stage = np.where(again, 0, self.stage + up)
        self.attempt += again
        if again.any():
            fresh = Crowd(int(again.sum()))
            for name in ("wealth", "products", "recent", "sums", "total", "blocks", "canary_blocks", "void"):
                getattr(self, name)[..., again] = getattr(fresh, name)
