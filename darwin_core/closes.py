"""The prices of a run, thinned to what a chart can show: it can be drawn without the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

if TYPE_CHECKING:
    from darwin_core.blocks import Block
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.types import Floats, Ints

_MOST_STRETCHES, _MOST_CELLS = 2_000, 4_000_000


@define(eq=False)
class Closes:
    """Keeps, of each stretch of bars, each symbol's lowest and highest close and that of the stretch's last bar.

    Parameters
    ----------
    bars, symbols
        T and S of the run. A stretch is one bar when T is at most 2,000; NaN is no close.
    """

    bars: int
    symbols: int
    width: int = field(init=False)
    low: Floats = field(init=False)
    high: Floats = field(init=False)
    last: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make room for every stretch."""
        most = max(1, min(_MOST_STRETCHES, _MOST_CELLS // max(1, self.symbols)))
        self.width = max(1, -(-self.bars // most))
        shape = (-(-self.bars // self.width), self.symbols)
        self.low, self.high, self.last = (np.full(shape, np.nan) for _ in range(3))

    def block(self, block: Block, part: Part, _formed: Formed, _rules: Floats) -> None:
        """Take a block's closes in; a stretch may reach over several blocks."""
        closes = part.bars.close
        stretch = np.arange(block.start, block.stop) // self.width
        begins = np.flatnonzero(np.diff(stretch, prepend=-1))
        rows = stretch[begins]
        self.low[rows] = np.fmin(self.low[rows], np.fmin.reduceat(closes, begins))
        self.high[rows] = np.fmax(self.high[rows], np.fmax.reduceat(closes, begins))
        ends = np.append(begins[1:], len(closes)) - 1
        over = (block.start + ends + 1 == self.bars) | ((block.start + ends + 1) % self.width == 0)
        self.last[rows[over]] = closes[ends[over]]

    def ends(self, time: Ints) -> Ints:
        """Return the time of the last bar of each stretch."""
        moments: Ints = time[np.minimum(np.arange(1, len(self.low) + 1) * self.width, len(time)) - 1]
        return moments
