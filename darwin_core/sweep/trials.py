"""What the best of many trials is worth: the Sharpe ratio that luck alone would have brought, and the deflated one.

Who tries enough parameters finds one that did well by chance. The deflated Sharpe ratio is the probability that the
best trial's true Sharpe ratio is above what luck would have brought, given how many trials there were and how far they
lay apart, how long the track is, and that its returns are skewed and have fat tails.

Source: Bailey, D. H. and Lopez de Prado, M. (2014), "The Deflated Sharpe Ratio: Correcting for Selection Bias,
Backtest Overfitting, and Non-Normality", Journal of Portfolio Management 40 (5).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

if TYPE_CHECKING:
    from darwin_core.types import Floats

EULER = 0.5772156649015329
_NORMAL = NormalDist()


@frozen
class Deflated:
    """The best of many trials, judged; Sharpe ratios are annualised.

    Parameters
    ----------
    trials
        How many there were. Trials that resemble one another count as fewer; taking all is cautious.
    sharpe
        Of the one that was chosen.
    expected_by_luck
        The best that so many worthless trials of this spread would have shown.
    probability
        The deflated Sharpe ratio: the probability that the true Sharpe ratio is above `expected_by_luck`.
    """

    trials: int
    sharpe: float
    expected_by_luck: float
    probability: float


def deflate(returns: Floats, sharpes: Floats, per_year: float) -> Deflated | None:
    """Judge a trial among many.

    Parameters
    ----------
    returns
        (T,) returns of the chosen trial, bar by bar.
    sharpes
        (N,) annualised Sharpe ratios of all trials; what is not finite was no trial.
    per_year
        Bars a year.

    Returns
    -------
    Deflated or None
        ``Phi((SR - SR0) sqrt(T - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2))``, with SR the Sharpe ratio per
        bar, and ``SR0 = sqrt(V) ((1 - g) z(1 - 1/N) + g z(1 - 1/(N e)))``, V the variance of the trials' SR, z the
        normal quantile and g Euler's constant. None when there are fewer than two trials, or no variance.
    """
    known = sharpes[np.isfinite(sharpes)] / math.sqrt(per_year)
    deviation = float(returns.std(ddof=1)) if len(returns) > 2 else 0.0
    if len(known) < 2 or deviation == 0.0:
        return None
    mean = float(returns.mean())
    centred = (returns - mean) / returns.std()
    skew, kurtosis = float((centred**3).mean()), float((centred**4).mean())
    sharpe = mean / deviation
    luck = float(known.std(ddof=1)) * expected_maximum(len(known))
    year = math.sqrt(per_year)
    return Deflated(len(known), sharpe * year, luck * year, confidence(sharpe, luck, len(returns), skew, kurtosis))


def confidence(sharpe: float, threshold: float, bars: int, skew: float, kurtosis: float) -> float:
    """Return the probability that a true Sharpe ratio is above a threshold, both per bar; a normal kurtosis is 3."""
    error = math.sqrt(max(1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2, 1e-12))
    return _NORMAL.cdf((sharpe - threshold) * math.sqrt(bars - 1) / error)


def expected_maximum(trials: int) -> float:
    """Return the expected largest of so many standard normal draws, two or more, approximately.

    Examples
    --------
    >>> round(expected_maximum(1000), 3)
    3.255
    """
    first, second = (_NORMAL.inv_cdf(1.0 - 1.0 / (trials * factor)) for factor in (1.0, math.e))
    return (1.0 - EULER) * first + EULER * second
