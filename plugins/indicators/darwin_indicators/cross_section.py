"""Columns that compare the symbols with each other at one bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

if TYPE_CHECKING:
    from darwin_core import Bars, Column
    from darwin_indicators.windows import Floats


@frozen(eq=False)
class Breadth:
    """Share of the symbols that stand above their own average, of those that have one at the bar."""

    average: Column

    @property
    def lookback(self) -> int:
        """Rows before the first one of interest."""
        return self.average.lookback

    def compute(self, bars: Bars) -> Floats:
        """Return the share, (T,), 0 to 1; NaN when no symbol has a bar and an average."""
        average = self.average.compute(bars)
        known = np.count_nonzero(~np.isnan(average), axis=1)
        above = np.count_nonzero(bars.close > average, axis=1)
        with np.errstate(invalid="ignore"):
            share: Floats = above / known
        return share


@frozen(eq=False)
class Rank:
    """Rank of each symbol's momentum among the symbols that have one at the bar."""

    momentum: Column

    @property
    def lookback(self) -> int:
        """Rows before the first one of interest."""
        return self.momentum.lookback

    def compute(self, bars: Bars) -> Floats:
        """Return the rank, (T, S): 0 the lowest, 1 the highest, equals share theirs; 0.5 when alone."""
        momentum = self.momentum.compute(bars)
        out = np.empty_like(momentum)
        for top in range(0, len(out), _ROWS):  # in pieces, for the sake of memory
            out[top : top + _ROWS] = ranks(momentum[top : top + _ROWS])
        return out


_ROWS = 512


def ranks(values: Floats) -> Floats:
    """Return the rank in each row, scaled to [0, 1], NaN kept out; equal values share the mean of their ranks."""
    order = np.argsort(values, axis=1, kind="stable")  # NaN goes last
    ordered = np.take_along_axis(values, order, axis=1)
    place = np.arange(values.shape[1], dtype=np.float64)
    new = np.ones(values.shape, np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(new, place, 0.0), axis=1)
    ends = np.ones(values.shape, np.bool_)
    ends[:, :-1] = new[:, 1:]
    last = np.minimum.accumulate(np.where(ends, place, np.inf)[:, ::-1], axis=1)[:, ::-1]
    known = np.count_nonzero(~np.isnan(values), axis=1)[:, None]
    scaled = np.where(known > 1, (first + last) / 2.0 / np.maximum(known - 1, 1), 0.5)
    scaled[np.isnan(ordered)] = np.nan
    out = np.empty_like(values)
    np.put_along_axis(out, order, scaled, axis=1)
    return out
