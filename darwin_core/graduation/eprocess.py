"""Evidence that an agent is better than its baseline, by betting, one block of days at a time.

Null hypothesis: whatever has been seen so far, the next block's mean uplift over the baseline is expected to be zero
or less. A gambler without edge bets against it: capital is multiplied by ``1 + lambda * X`` for each block's uplift X.
As long as X cannot fall below ``-floor`` and lambda is below ``1 / floor``, capital is never negative and, under the
null, is not expected to grow: a supermartingale. By Ville's inequality the chance that it *ever* reaches ``1 / alpha``
is at most alpha. So one may look after every block, stop when one likes, and go on when one likes.

Assumptions, and what becomes of each:

- *Blocks.* Trades of one day share the day's fate; the null speaks of whole blocks, in their order, each closed when
  all its decisions have resolved. How trades depend on one another within a block does not matter.
- *Blocks do not foretell one another.* If a good day makes the next one better, capital may grow without any edge:
  overlapping holding times do that, and a null agent may then be promoted in half of all runs. Blocks have to be longer
  than a holding time. As a second line, `Evidence.worth` discounts the e-value by the dependence that shows in the
  blocks, and `Evidence.dependent` says when it is too plain to trust. Neither can make the evidence look stronger;
  they are approximations, checked by simulation (see `simulate`).
- *Bounded.* ``X >= -floor`` is declared before the first block. One block below it proves the declaration wrong and
  voids all evidence; a floor that is false and not yet found out voids the guarantee. What is above `cap` is cut
  to it, which only loses evidence.

Rejecting says that the expected uplift was above zero at *some* time. That it still is, is the detector's business.

Sources: Ville (1939); Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting",
JRSS B 86 (1); for the long-run variance, Newey and West (1987), Econometrica 55 (3), and for the error of a variance
ratio, Lo and MacKinlay (1988), Review of Financial Studies 1 (1).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, gt, lt

from darwin_core.errors import DataError
from darwin_core.types import read_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from darwin_core.types import Bools, Floats

BETS: Floats = read_only(np.array([0.9 / 1.5**k for k in range(6)]))
"""(6,) shares of the largest safe bet, 0.9 to 0.12: one of them is near the best for an edge that shows within years.

Smaller ones would take a thousand days to win anything, and each that does not win costs the others their part.
"""

LAGS = 4
"""Blocks back over which dependence is measured."""

LEAST_BLOCKS = 20
"""Below this many blocks dependence cannot be measured."""

_CEILING = 1e300  # of capital, so that it stays finite; cutting only loses evidence


POSITIVE = and_(gt(0.0), lt(math.inf))


@frozen
class Bounds:
    """What a block's mean uplift is declared to lie between, fixed before the first block.

    Parameters
    ----------
    floor
        No block's uplift is below ``-floor``. In the unit of the uplift, R-multiples as a rule.
    cap
        Uplift above this counts as this.
    """

    floor: float = field(default=1.5, validator=POSITIVE)
    cap: float = field(default=1.0, validator=POSITIVE)


# The arithmetic, elementwise and with plain products and sums only: one block, or one block of many simulated runs at
# once, give the same bits. Bets and lags are the first axis, runs the others.


def grow(wealth: Floats, uplift: Floats, floor: float) -> Floats:
    """Return the capital of each bet, (6, ...), after a block with this uplift, (...), all in ``[-floor, inf)``."""
    bets = BETS.reshape(-1, *[1] * (wealth.ndim - 1))
    return np.minimum(wealth * (1.0 + bets * (uplift / floor)), _CEILING)


def average(wealth: Floats) -> Floats:
    """Return the mean over the first axis, summed in order."""
    total = wealth[0]
    for each in wealth[1:]:
        total = total + each
    return np.asarray(total / len(wealth))


def multiply_up(products: Floats, recent: Floats, uplift: Floats) -> tuple[Floats, Floats]:
    """Add a block to the sums of lagged products, (LAGS + 1, ...), and to the latest blocks, (LAGS, ...)."""
    latest = np.concatenate([uplift[None], recent])
    return products + uplift * latest, latest[:-1]


def long_run(products: Floats, total: Floats, blocks: int | Floats) -> Floats:
    """Return the long-run variance of the blocks over their variance: 1 when they are independent.

    ``1 + 2 sum_k (1 - k / (LAGS + 1)) c_k / c_0`` with c_k the autocovariance at lag k (Newey and West 1987).
    """
    squared = (total / blocks) ** 2
    variance = products[0] / blocks - squared
    ratio = np.ones_like(variance)
    for k in range(1, LAGS + 1):
        covariance = products[k] / blocks - squared * ((blocks - k) / blocks)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = ratio + 2.0 * (1.0 - k / (LAGS + 1)) * (covariance / variance)
    return np.where(variance > 1e-12 * squared, ratio, 1.0)


def discount(e_value: Floats, ratio: Floats) -> Floats:
    """Return the e-value to the power 1 / ratio where both are above 1: never more than the e-value.

    A bet's log capital is about ``lambda S - lambda^2 n v / 2``. Dependence by which S varies v * ratio a block
    makes that too much; its ratio-th part is what the bet lambda / ratio would have earned at the right variance.
    """
    return np.where((ratio > 1.0) & (e_value > 1.0), e_value ** (1.0 / np.maximum(ratio, 1.0)), e_value)


def plain(ratio: Floats, blocks: int | Floats) -> Bools:
    """Say where the ratio is two standard errors above 1; the error is that of independent blocks."""
    q = LAGS + 1
    error = np.sqrt(2.0 * (2 * q - 1) * (q - 1) / (3 * q) / blocks)
    above: Bools = np.asarray(ratio > 1.0 + 2.0 * error)
    return above


@frozen
class Evidence:
    """What the blocks so far say for an agent; small, frozen, and made of plain numbers.

    ``Evidence.of(bounds, blocks)`` equals folding the blocks with `after`, bit for bit, for it is that fold.

    Parameters
    ----------
    bounds
        What was declared.
    blocks
        How many there were.
    wealth
        Capital of each bet.
    peak
        Highest e-value so far.
    total, products, recent
        Sum of the blocks, sums of their lagged products, and the latest of them (cut to the cap).
    void
        Number of the first block below the floor, counted from 1; 0 when there was none.
    """

    bounds: Bounds
    blocks: int = 0
    wealth: tuple[float, ...] = (1.0,) * len(BETS)
    peak: float = 1.0
    total: float = 0.0
    products: tuple[float, ...] = (0.0,) * (LAGS + 1)
    recent: tuple[float, ...] = (0.0,) * LAGS
    void: int = 0

    @classmethod
    def of(cls, bounds: Bounds, blocks: Iterable[float]) -> Evidence:
        """Return the evidence of blocks in their order."""
        evidence = cls(bounds)
        for uplift in blocks:
            evidence = evidence.after(uplift)
        return evidence

    def after(self, uplift: float) -> Evidence:
        """Return the evidence with one more block.

        Raises
        ------
        DataError
            When the uplift is not a finite number.
        """
        checked(uplift, self.blocks + 1)
        number = self.blocks + 1
        void = self.void or (number if uplift < -self.bounds.floor else 0)
        counted = np.asarray(min(uplift, self.bounds.cap))
        wealth = np.zeros(len(BETS)) if void else grow(np.array(self.wealth), counted, self.bounds.floor)
        products, recent = multiply_up(np.array(self.products), np.array(self.recent), counted)
        return Evidence(
            self.bounds,
            number,
            tuple(wealth.tolist()),
            max(self.peak, float(average(wealth))),
            self.total + float(counted),
            tuple(products.tolist()),
            tuple(recent.tolist()),
            void,
        )

    @property
    def e_value(self) -> float:
        """Mean capital of the bets: under the null the chance that it ever reaches ``1 / alpha`` is at most alpha."""
        return float(average(np.array(self.wealth)))

    @property
    def p_value(self) -> float:
        """Anytime-valid p-value: 1 over the highest e-value so far, at most 1; 1 when the evidence is void."""
        return 1.0 if self.void else min(1.0, 1.0 / self.peak)

    @property
    def mean(self) -> float:
        """Mean uplift of the blocks, cut to the cap; NaN without blocks."""
        return self.total / self.blocks if self.blocks else math.nan

    @property
    def ratio(self) -> float:
        """Long-run variance over variance; 1 while there are too few blocks to say."""
        if self.blocks < LEAST_BLOCKS:
            return 1.0
        return float(long_run(np.array(self.products), np.asarray(self.total), self.blocks))

    @property
    def worth(self) -> float:
        """E-value, discounted by the dependence between the blocks: what decides."""
        return float(discount(np.asarray(self.e_value), np.asarray(self.ratio)))

    @property
    def dependent(self) -> bool:
        """Whether blocks foretell one another so plainly that they have to be made longer first."""
        return self.blocks >= LEAST_BLOCKS and bool(plain(np.asarray(self.ratio), self.blocks))


def checked(uplift: float, number: int) -> None:
    """Refuse an uplift that is no finite number."""
    if not math.isfinite(uplift):
        raise DataError(f"block {number} has an uplift of {uplift!r}: a block counts once all its decisions resolved")
