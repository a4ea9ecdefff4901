"""From a policy's scores to actions: one function for training, tests and service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.types import Bools, Floats


def best_other(scores: NDArray[np.floating], baseline: int, allowed: Bools | None) -> tuple[NDArray[np.intp], Floats]:
    """Return, for each row, the best allowed action that is not the baseline, and its lead over the baseline.

    Parameters
    ----------
    scores
        (N, A), higher is better.
    baseline
        Number of the baseline; it is always allowed.
    allowed
        (N, A) or None.

    Returns
    -------
    tuple
        (N,) action numbers, the first of equal ones, and (N,) float64 leads: minus infinity where no other action is
        allowed, NaN where a score is.
    """
    wide = scores.astype(np.float64)
    others = wide.copy()
    others[:, baseline] = -np.inf
    if allowed is not None:
        others[~allowed] = -np.inf
    best = np.argmax(others, axis=1)
    lead = others[np.arange(len(others)), best] - wide[:, baseline]
    lead[np.isnan(wide).any(axis=1)] = np.nan
    return best, lead


def choose(
    scores: NDArray[np.floating], baseline: int, threshold: float, allowed: Bools | None = None
) -> NDArray[np.intp]:
    """Return the chosen action numbers, (N,): the baseline unless another leads it by more than `threshold`.

    A row of which a score is NaN keeps the baseline here; in service it is no decision at all, see `Policy.decide`.
    """
    best, lead = best_other(scores, baseline, allowed)
    with np.errstate(invalid="ignore"):
        return np.where(lead > threshold, best, baseline)
