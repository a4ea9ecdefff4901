"""The prices of a run, thinned to what a chart can show: it can be drawn without the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field
from numba import types

from darwin_core.compiled import entry

if TYPE_CHECKING:
    from darwin_core.blocks import Block
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.types import Floats, Ints

_MOST_STRETCHES, _MOST_CELLS = 2_000, 4_000_000
_READ = types.Array(types.float64, 2, "C", readonly=True)
_WRITE = types.float64[:, ::1]


@entry(types.void(_READ, types.int64, types.int64, types.int64, _WRITE, _WRITE, _WRITE))
def _thin(closes, start, bars, width, low, high, last):
    """Take the closes of bars `start` on into their stretches; what is NaN there yet takes any close."""
    t, n = 0, closes.shape[0]
    while t < n:
        row = (start + t) // width
        end = min((row + 1) * width, bars) - start
        for u in range(t, min(end, n)):
            for s in range(closes.shape[1]):
                close = closes[u, s]
                if not (close != close or low[row, s] <= close):
                    low[row, s] = close
                if not (close != close or high[row, s] >= close):
                    high[row, s] = close
        if end <= n:
            last[row] = closes[end - 1]
        t = end


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
        _thin(part.bars.close, block.start, self.bars, self.width, self.low, self.high, self.last)

    def ends(self, time: Ints) -> Ints:
        """Return the time of the last bar of each stretch."""
        moments: Ints = time[np.minimum(np.arange(1, len(self.low) + 1) * self.width, len(time)) - 1]
        return moments
