"""A watch over an agent that acts, for the day on which it stops being as good as its baseline.

Shiryaev-Roberts e-detector: for each bet, ``M <- (M + 1)(1 + lambda * (-X))``, X the block's uplift cut to the cap and
lambda below ``1 / cap``; the mean over the bets is watched, and the alarm is given when it reaches `run_length`.

Guarantee: while the expected uplift of the next block, whatever has been seen, is zero or more, ``M_n - n`` is a
supermartingale, so ``E[M] <= E[time]`` at every stopping time; at the alarm M is at least c = `run_length`, hence

- the average time to a false alarm is at least c blocks, and
- the chance of a false alarm within the first n blocks is at most n / c.

Counted from a later day on, it is c less the value on that day.

It holds for any distribution of blocks that are cut to the cap; no floor is needed. A healthy agent, with an uplift
well above zero, is disturbed far less often. If blocks foretell one another, false alarms come sooner, which errs to
the safe side.

Source: Shin, Ramdas and Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection",
New England Journal of Statistics in Data Science 2 (2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

from darwin_core.graduation.eprocess import Bounds, average, checked
from darwin_core.types import read_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from darwin_core.types import Floats

BETS: Floats = read_only(np.array([0.8 / 2.0**k for k in range(5)]))
"""(5,) shares of the largest safe bet, 0.8 to 0.05."""

RUN_LENGTH = 250.0
"""Blocks to a false alarm, on average and at least, when the uplift is zero: a year of trading days."""

_CEILING = 1e300


def accrue(sums: Floats, uplift: Floats, cap: float) -> Floats:
    """Return the detector's sums, (5, ...), after a block with this uplift, (...), none above the cap."""
    bets = BETS.reshape(-1, *[1] * (sums.ndim - 1))
    return np.minimum((sums + 1.0) * (1.0 + bets * (-uplift / cap)), _CEILING)


@frozen
class Detector:
    """The watch, block by block; small, frozen, and made of plain numbers.

    Parameters
    ----------
    bounds
        What was declared; only the cap matters here.
    run_length
        The threshold c, in blocks.
    blocks
        How many it has seen.
    sums
        M of each bet.
    """

    bounds: Bounds
    run_length: float = field(default=RUN_LENGTH, validator=ge(1.0))
    blocks: int = 0
    sums: tuple[float, ...] = (0.0,) * len(BETS)

    @classmethod
    def of(cls, bounds: Bounds, blocks: Iterable[float], run_length: float = RUN_LENGTH) -> Detector:
        """Return the watch after blocks in their order: the fold of `after`."""
        detector = cls(bounds, run_length)
        for uplift in blocks:
            detector = detector.after(uplift)
        return detector

    def after(self, uplift: float) -> Detector:
        """Return the watch after one more block; raise DataError when the uplift is not finite."""
        checked(uplift, self.blocks + 1)
        sums = accrue(np.array(self.sums), np.asarray(min(uplift, self.bounds.cap)), self.bounds.cap)
        return Detector(self.bounds, self.run_length, self.blocks + 1, tuple(sums.tolist()))

    @property
    def value(self) -> float:
        """What is compared with `run_length`."""
        return float(average(np.array(self.sums)))

    @property
    def alarm(self) -> bool:
        """Whether the agent has to step back."""
        return self.value >= self.run_length
