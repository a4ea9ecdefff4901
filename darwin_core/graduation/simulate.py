"""How often the ladder is wrong, and how long it takes: made-up gates, many runs at once, seeded.

A made-up gate sees `per_day` candidates a day and skips some of them at random. A candidate wins between 0 and 3 R or
loses 1 R, so the uplift of a skip lies in [-3, 1] and is skewed to the wrong side: rare, large misses. The candidates'
fates depend on one another as asked for: through the day that they share, from day to day, from trade to trade, or by
overlapping holding times.

Nothing here is a market. It shows what the machinery does where its assumptions hold, and how it fails where they do
not.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from attrs import Factory, frozen

from darwin_core.graduation.climb import NEVER, climb
from darwin_core.graduation.eprocess import Bounds
from darwin_core.graduation.rule import Terms

if TYPE_CHECKING:
    from darwin_core.types import Bools, Floats, Ints

_NORMAL = NormalDist()
_LONGEST_WIN = 3.0
_CHUNK = 500  # runs at once: figures depend on it


@frozen
class Gate:
    """A made-up gate and its candidates.

    Parameters
    ----------
    edge
        Expected uplift of a decision, in R: 0 for a worthless gate; at most ``skips``, at least ``-1.5 skips``.
    later_edge, change
        Another edge from day `change` on, counted from 0.
    days, per_day, skips
        How long, how many candidates a day, and which share of them it skips.
    shared
        Correlation of the candidates' fates within a day.
    day_to_day
        AR(1) coefficient of what a day's candidates share.
    trade_to_trade
        AR(1) coefficient from each candidate to the next, over the ends of days.
    held
        Days over which shared fates overlap: what happens on one day touches the candidates of so many days.
    """

    edge: float = 0.0
    later_edge: float = 0.0
    change: int = NEVER
    days: int = 500
    per_day: int = 10
    skips: float = 0.3
    shared: float = 0.0
    day_to_day: float = 0.0
    trade_to_trade: float = 0.0
    held: int = 1

    def __attrs_post_init__(self) -> None:
        """Refuse fates whose variance would not be 1, and whose edge would not be the one claimed."""
        if self.held > 1 and self.day_to_day:
            raise ValueError("fates overlap or follow one another from day to day, not both")

    def uplift(self, rng: np.random.Generator, runs: int) -> Floats:
        """Return the uplift of each decision, (runs, days, per_day)."""
        fate = math.sqrt(1.0 - self.shared) * self._own(rng, runs)
        if self.shared:
            fate += math.sqrt(self.shared) * self._common(rng, runs)[:, :, None]
        size = rng.uniform(0.0, _LONGEST_WIN, fate.shape)
        outcome = np.where(fate > self._marks()[None, :, None], size, -1.0)
        return np.where(rng.random(fate.shape) < self.skips, -outcome, 0.0)

    def _own(self, rng: np.random.Generator, runs: int) -> Floats:
        fate = rng.standard_normal((runs, self.days * self.per_day))
        return _autoregressive(fate, self.trade_to_trade).reshape(runs, self.days, self.per_day)

    def _common(self, rng: np.random.Generator, runs: int) -> Floats:
        shocks = rng.standard_normal((runs, self.days + self.held - 1))
        summed = np.cumsum(np.pad(shocks, ((0, 0), (1, 0))), axis=1)
        return _autoregressive(
            (summed[:, self.held :] - summed[:, : -self.held]) / math.sqrt(self.held), self.day_to_day
        )

    def _marks(self) -> Floats:
        """Return the fate above which a candidate wins, (days,): a skip is worth 1 - 2.5 p on average."""
        edges = np.where(np.arange(self.days) < self.change, self.edge, self.later_edge)
        won = {edge: (1.0 - edge / self.skips) / (1.0 + _LONGEST_WIN / 2.0) for edge in set(edges.tolist())}
        return np.array([_NORMAL.inv_cdf(1.0 - won[edge]) for edge in edges.tolist()])


def _autoregressive(shocks: Floats, coefficient: float) -> Floats:
    if coefficient:
        scale = math.sqrt(1.0 - coefficient**2)
        for t in range(1, shocks.shape[1]):
            shocks[:, t] = coefficient * shocks[:, t - 1] + scale * shocks[:, t]
    return shocks


def t_tests(uplift: Floats, least: int) -> Ints:
    """Return the day on which a one-sided t-test at 5 %, looked at after every decision, would have promoted.

    The control: what the ladder is there to avoid.

    Parameters
    ----------
    uplift
        (runs, days, per_day).
    least
        Decisions before the first look.
    """
    runs, days, per_day = uplift.shape
    each = uplift.reshape(runs, days * per_day)
    n = np.arange(1, days * per_day + 1)
    mean = np.cumsum(each, axis=1) / n
    variance = np.maximum(np.cumsum(each**2, axis=1) / n - mean**2, 1e-300)
    passes = (mean * np.sqrt(n / variance) > _NORMAL.inv_cdf(0.95)) & (n >= least)
    return np.where(passes.any(axis=1), np.argmax(passes, axis=1) // per_day + 1, NEVER)


@frozen
class Trial:
    """What was simulated, under which name and rules.

    Parameters
    ----------
    name, gate
        What.
    bounds
        Declared for the blocks.
    block
        Days in a block.
    retrained
        As in `climb`.
    minimum
        Decisions before the first promotion.
    """

    name: str
    gate: Gate
    bounds: Bounds = Factory(Bounds)
    block: int = 1
    retrained: int = NEVER
    minimum: int = 100


@frozen(eq=False)
class Measured:
    """Days, from 1, on which things happened first, over all runs: (runs,) each; NEVER is never.

    Parameters
    ----------
    canary, active, demoted
        First promotions, and the first demotion after them.
    t_test
        When the control would have promoted.
    broken
        Whether any block fell below the declared floor.
    """

    canary: Ints
    active: Ints
    demoted: Ints
    t_test: Ints
    broken: Bools


def measure(trial: Trial, runs: int, seed: int) -> Measured:
    """Simulate a trial on the default terms; the same seed gives the same figures.

    The ladder is looked at after every block. In between, after a decision, nothing that it looks at can have
    changed but the number of decisions, which is taken as of the block's end: so this is a look at every decision.
    """
    parts = [
        _measure(trial, min(_CHUNK, runs - start), np.random.default_rng([seed, start]))
        for start in range(0, runs, _CHUNK)
    ]
    return Measured(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _measure(trial: Trial, runs: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints, Bools]:
    uplift = trial.gate.uplift(rng, runs)
    blocks = uplift.mean(axis=2).reshape(runs, -1, trial.block).mean(axis=2)
    decided = np.arange(1, blocks.shape[1] + 1) * trial.block * trial.gate.per_day
    ready = np.broadcast_to(decided >= trial.minimum, blocks.shape)
    paths = climb(blocks, trial.bounds, Terms(), ready, trial.retrained)
    canary, active, demoted = (
        np.where(each == NEVER, NEVER, each * trial.block) for each in (paths.canary, paths.active, paths.demoted)
    )
    return canary, active, demoted, t_tests(uplift, trial.minimum), (blocks < -trial.bounds.floor).any(axis=1)


def at_most(count: int, runs: int, rate: float) -> float:
    """Return the chance of so few events or fewer in so many runs if the true rate were `rate` (binomial, exact).

    Small: the true rate is below `rate` (Clopper and Pearson 1934).
    """
    ways = (math.lgamma(runs + 1) - math.lgamma(k + 1) - math.lgamma(runs - k + 1) for k in range(count + 1))
    odds = (k * math.log(rate) + (runs - k) * math.log1p(-rate) for k in range(count + 1))
    return math.fsum(math.exp(a + b) for a, b in zip(ways, odds, strict=True))
