"""Cross-sectional momentum: at each rebalance hold the symbols that rose most.

Momentum with a skipped last month is that of Jegadeesh and Titman (1993); the absolute filter and the holding of
cash for the slots that it empties follow Antonacci's dual momentum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt

from darwin_core import DataError, Proposal
from darwin_momentum.rebalancing import Unit, longest, rebalances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Market

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]

_LEAST_VOLATILITY = 1e-12
"""Below this a symbol does not move: its share would be all there is."""


@frozen
class Momentum:
    """The strategy.

    Parameters
    ----------
    window, skip
        Momentum is ``close[t - skip] / close[t - window] - 1``, in bars.
    top
        How many symbols are held. Each has a slot of ``gross / top``; an empty slot stays in cash.
    rebalance, every
        Rebalanced at the first bar of each period of `every` calendar units, numbered from 1970 on.
    weighting
        ``equal``, or ``inverse-volatility``: the filled slots are shared in proportion to 1 / `volatility`.
    volatility
        Bars of the volatility that the latter is about.
    absolute
        Hold a symbol only if its momentum is positive.
    gross
        Sum of the weights when all slots are filled.
    max_gap
        A symbol without a bar at a rebalance is ranked by its last one, at most this many bars earlier.
    bars_per_day
        The most bars that a day of the feed has; says how far back the last rebalance may lie.
    """

    window: int = field(default=252, validator=ge(1))
    skip: int = field(default=21, validator=ge(0))
    top: int = field(default=5, validator=ge(1))
    rebalance: Unit = "month"
    every: int = field(default=1, validator=ge(1))
    weighting: Literal["equal", "inverse-volatility"] = "equal"
    volatility: int = field(default=60, validator=ge(2))
    absolute: bool = True
    gross: float = field(default=1.0, validator=gt(0.0))
    max_gap: int = field(default=5, validator=ge(0))
    bars_per_day: float = field(default=1.0, validator=gt(0.0))

    def __attrs_post_init__(self) -> None:
        """Refuse a momentum over no time."""
        if self.skip >= self.window:
            msg = f"skip ({self.skip}) has to be less than window ({self.window})"
            raise ValueError(msg)

    @property
    def requires(self) -> tuple[str, ...]:
        """Momentum, and volatility where it weighs."""
        momentum = f"momentum({self.window}, {self.skip})"
        return (momentum,) if self.weighting == "equal" else (momentum, f"volatility({self.volatility})")

    @property
    def lookback(self) -> int:
        """Bars in which the last rebalance lies, and the values that it ranked."""
        return self._longest + self.max_gap

    @property
    def _longest(self) -> int:
        return longest(self.rebalance, self.every, self.bars_per_day)

    def propose(self, market: Market) -> Proposal:
        """Return on each row the portfolio of the last rebalance; nothing before the first."""
        rows = rebalances(market.bars, self.rebalance, self.every, self._longest)
        weight, confidence = self._portfolios(market, rows)
        latest = np.searchsorted(rows, np.arange(len(market)), side="right") - 1
        weight, confidence = _from(weight, latest), _from(confidence, latest)
        return Proposal(np.greater(weight, 0.0).view(np.int8), weight, confidence)

    def _portfolios(self, market: Market, rows: Ints) -> tuple[Floats, Floats]:
        """Return weights and confidence at each rebalance, (R, S) each.

        The confidence is 1 for the best of the n ranked symbols, 1 / n for the last, 0 for those not ranked.
        """
        if self.top > len(market.bars.symbols):
            msg = f"top is {self.top}, and the feed has {len(market.bars.symbols)} symbols"
            raise DataError(msg)
        values = [_latest(market[name], rows, self.max_gap) for name in self.requires]
        momentum = values[0]
        ranked = np.isfinite(momentum)
        for volatility in values[1:]:
            ranked &= np.isfinite(volatility) & (volatility >= _LEAST_VOLATILITY)
        place = _places(momentum, ranked)
        held = ranked & (place < self.top)
        if self.absolute:
            held &= momentum > 0.0
        counted = np.maximum(ranked.sum(axis=1, keepdims=True), 1)
        confidence = np.where(ranked, 1.0 - place / counted, 0.0)
        return self._weights(held, values[1:]), confidence

    def _weights(self, held: Bools, volatilities: list[Floats]) -> Floats:
        slot = self.gross / self.top
        if not volatilities:
            return np.where(held, slot, 0.0)
        calm = np.divide(1.0, volatilities[0], out=np.zeros(held.shape), where=held)
        filled = held.sum(axis=1, keepdims=True) * slot
        share: Floats = calm * (filled / np.where(held.any(axis=1, keepdims=True), _row_sums(calm), 1.0))
        return share


def _latest(column: Floats, rows: Ints, most: int) -> Floats:
    """Return a column at `rows`, each missing value replaced by the last one at most `most` rows before, (R, S)."""
    values = column[rows]
    for back in range(1, most + 1):
        missing = np.isnan(values)
        if not missing.any():
            break
        before = np.where((rows >= back)[:, None], column[np.maximum(rows - back, 0)], np.nan)
        values = np.where(missing, before, values)
    return values


def _places(values: Floats, ranked: Bools) -> Ints:
    """Return each symbol's place in its row, 0 for the largest value; equal values in the symbols' order."""
    order = np.argsort(np.where(ranked, -values, np.inf), axis=1, kind="stable")
    place = np.empty(values.shape, np.int64)
    np.put_along_axis(place, order, np.arange(values.shape[1])[None, :], axis=1)
    return place


def _row_sums(values: Floats) -> Floats:
    """Add up each row from left to right, so that a row's sum has the same bits in any array, (R, 1)."""
    return np.cumsum(values, axis=1)[:, -1:]


def _from(portfolios: Floats, latest: Ints) -> Floats:
    """Return the portfolio that is in force on each row; -1 is none, (T, S)."""
    nothing = np.zeros((1, portfolios.shape[1]))
    return np.concatenate((nothing, portfolios))[latest + 1]
