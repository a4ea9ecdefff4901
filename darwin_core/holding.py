"""The yardstick: equal parts of the cash in every symbol from its first close on, never touched, without costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

if TYPE_CHECKING:
    from darwin_core.blocks import Block
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.types import Floats


@define(eq=False)
class BuyAndHold:
    """Follows buy and hold from block to block."""

    cash: float
    curve: Floats
    _first: Floats | None = field(default=None, init=False)
    _last: Floats | None = field(default=None, init=False)

    def block(self, block: Block, part: Part, _formed: Formed, _rules: Floats) -> None:
        """Value the holding at each close of a block; a symbol not yet listed is cash."""
        closes = part.bars.close
        if self._first is None or self._last is None:
            self._first = np.full(closes.shape[1], np.nan)
            self._last = np.full(closes.shape[1], np.nan)
        filled = _forward(closes, self._last)
        self._last = filled[-1].copy()
        unknown = np.isnan(self._first)
        if unknown.any():
            rows = np.argmax(~np.isnan(filled), axis=0)
            self._first = np.where(unknown, filled[rows, np.arange(closes.shape[1])], self._first)
        growth = filled / self._first
        self.curve[block.start : block.stop] = self.cash * np.where(np.isnan(growth), 1.0, growth).mean(axis=1)


def _forward(closes: Floats, before: Floats) -> Floats:
    """Carry the last known close over missing bars, from the block before if need be."""
    if not np.isnan(closes).any():
        return closes
    stacked = np.concatenate([before[None, :], closes])
    rows = np.where(np.isnan(stacked), 0, np.arange(len(stacked))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    filled: Floats = np.take_along_axis(stacked, rows, axis=0)
    return filled[1:]
