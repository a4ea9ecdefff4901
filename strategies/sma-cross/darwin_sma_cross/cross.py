"""A crossing of two simple moving averages, the textbook trend rule.

Long while ``sma(fast) > sma(slow)``; with `short`, short while it is below; flat while the two are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

from darwin_core import Proposal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Market

    Floats: TypeAlias = NDArray[np.float64]
    Sides: TypeAlias = NDArray[np.int8]
    Bools: TypeAlias = NDArray[np.bool_]


@frozen
class SmaCross:
    """The strategy.

    Parameters
    ----------
    fast, slow
        Bars of the two averages.
    weight
        Target share of equity of a position; 0 is an equal share, one over the number of symbols.
    short
        Whether to be short while the fast average is below the slow one. The deployment's ``[safety]
        allow_short`` has to allow it as well.
    full_gap
        The confidence is ``min(1, |fast / slow - 1| / full_gap)``: the distance of the averages as a share of
        the slow one, 1 from `full_gap` on. 0: the confidence is always 1, and costs nothing.
    """

    fast: int = field(default=10, validator=ge(1))
    slow: int = field(default=50, validator=ge(2))
    weight: float = field(default=0.0, validator=ge(0.0))
    short: bool = False
    full_gap: float = field(default=0.05, validator=ge(0.0))

    def __attrs_post_init__(self) -> None:
        """Refuse averages that cannot cross."""
        if self.fast >= self.slow:
            msg = f"fast ({self.fast}) has to be less than slow ({self.slow})"
            raise ValueError(msg)

    @property
    def requires(self) -> tuple[str, str]:
        """The two averages."""
        return f"sma({self.fast})", f"sma({self.slow})"

    @property
    def lookback(self) -> int:
        """Bars over which a side may be carried on; the averages look back by themselves."""
        return self.slow

    def propose(self, market: Market) -> Proposal:
        """Return side and confidence row for row.

        A row without an average (the symbol has no bar) has the side of the symbol's last row with one, at most
        `slow` rows back: a missing bar is no reason to sell. Its confidence is 0.
        """
        fast, slow = (market[name] for name in self.requires)
        missing = np.isnan(slow)
        missing |= np.isnan(fast)
        side = np.greater(fast, slow).view(np.int8)
        if self.short:
            side -= np.less(fast, slow).view(np.int8)
        if np.greater(missing[1:], missing[:-1]).any():
            side = _carried(side, missing, self.slow)
        weight = self.weight or 1.0 / len(market.bars.symbols)
        return Proposal(side, weight, self._confidence(fast, slow, missing))

    def _confidence(self, fast: Floats, slow: Floats, missing: Bools) -> Floats | float:
        """Return the gap on a scale from 0 to 1, in one array that is worked on in place."""
        if self.full_gap == 0.0:
            return 1.0
        gap = np.divide(fast, slow)
        gap -= 1.0
        np.abs(gap, out=gap)
        gap *= 1.0 / self.full_gap
        np.minimum(gap, 1.0, out=gap)
        gap[missing] = 0.0
        return gap


def _carried(side: Sides, missing: Bools, most: int) -> Sides:
    """Replace the side of missing rows by the symbol's last one before, at most `most` rows back."""
    rows = np.arange(len(side))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    known = (last >= 0) & (rows - last <= most)
    carried: Sides = np.where(known, np.take_along_axis(side, np.maximum(last, 0), axis=0), np.int8(0))
    return carried
