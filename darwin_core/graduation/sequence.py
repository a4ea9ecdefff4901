"""A confidence sequence for the mean uplift: intervals that hold at all times at once.

The same bets as in `eprocess`, placed against every candidate mean m: m is refused while the capital won against
it is ``1 / alpha`` or more. So the one-sided lower end is above zero exactly when the e-value has reached
``1 / alpha``, and both ends may be looked at after every block.

Assumptions: those of `eprocess`, and that the expected uplift is the same in all blocks. Where it moves, the lower end
is a bound for the largest expectation there has been and the upper end for the smallest. The mean is that of
blocks cut to the cap, which is not above the mean of the blocks themselves.

Source: Waudby-Smith and Ramdas (2024), JRSS B 86 (1), section 4 (betting, with a fixed mixture of bets).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from darwin_core.errors import DataError
from darwin_core.graduation.eprocess import BETS, Bounds

if TYPE_CHECKING:
    from darwin_core.types import Floats

_HALVINGS = 60


def lower(blocks: Floats, bounds: Bounds, alpha: float) -> float:
    """Return the lower end at level alpha, one-sided; ``-floor`` while nothing can be said.

    Parameters
    ----------
    blocks
        (n,) uplift of each block, all at least ``-floor``.
    bounds
        What was declared.
    alpha
        Chance, over all times together, that the true mean is ever below this.

    Raises
    ------
    DataError
        When a block is below the floor or is no number.
    """
    wrong = ~(np.isfinite(blocks) & (blocks >= -bounds.floor))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(f"block {at + 1} is {blocks[at]:g}: no number above the declared floor of -{bounds.floor:g}")
    counted = np.minimum(blocks, bounds.cap)
    low, high = -bounds.floor, bounds.cap
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if middle > -bounds.floor and _log_capital(counted, middle, bounds.floor) >= -math.log(alpha):
            low = middle
        else:
            high = middle
    return low


def interval(blocks: Floats, bounds: Bounds, alpha: float) -> tuple[float, float]:
    """Return both ends at level alpha, half of it on each side. Errors as in `lower`."""
    below = lower(blocks, bounds, alpha / 2.0)
    mirrored = -np.minimum(blocks, bounds.cap)
    return below, -lower(mirrored, Bounds(bounds.cap, bounds.floor), alpha / 2.0)


def _log_capital(counted: Floats, mean: float, floor: float) -> float:
    """Return the log of the mean capital won against this mean; it falls as the mean rises."""
    gains = (counted - mean) / (floor + mean)
    logs = np.log1p(BETS[:, None] * gains[None, :]).sum(axis=1)
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).mean()))
