"""A spot check of the law, for runs by the thousand: each strategy once more on two prefixes, each new column on one.

The prefixes end with rows on which the strategy says something new: where it knew that too early, it does not say it
again. The audit of a single run finds more, and a few points of every sweep have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core.errors import CausalityError
from darwin_core.evaluate import Evaluator, call, compute, cut_proposal, stamp
from darwin_core.types import OUTPUTS, Market

if TYPE_CHECKING:
    from darwin_core.assembly import Line, NamedColumn
    from darwin_core.blocks import Block
    from darwin_core.engine import History
    from darwin_core.evaluate import Part
    from darwin_core.forming import Formed
    from darwin_core.plugins import Owner
    from darwin_core.types import Bars, Floats

_GOLDEN = 0.6180339887498949


@define(eq=False)
class Spot:
    """Follows a run and asks its strategy again in one block.

    Parameters
    ----------
    line, history
        What is run.
    number
        The number of the run: it chooses the block and the length of the prefix, evenly over all runs.
    """

    line: Line
    history: History
    number: int
    _block: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Choose the block: that of some bar of the history."""
        row = int((self.number * _GOLDEN) % 1.0 * len(self.history.time))
        self._block = next(k for k, block in enumerate(self.history.blocks) if row < block.stop)

    def block(self, block: Block, part: Part, formed: Formed, _rules: Floats) -> None:
        """Check the chosen block."""
        if block is not self.history.blocks[self._block] or len(block) < 2:
            return
        evaluator = Evaluator(self.line, self.history.blocks, self.history.kept)
        prefixes = self._prefixes(formed)
        for named in self.line.columns:
            if named.name not in self.history.kept.checked:
                self.history.kept.checked.add(named.name)
                self._check_column(named, evaluator, part, prefixes[0])
        market = evaluator.market(self._block, self.line.strategy.strategy.lookback)
        for rows in prefixes:
            self._check_strategy(market, part, rows)

    def _prefixes(self, formed: Formed) -> list[int]:
        """Return where to cut: after a row on which something is entered, and after one on which something is left."""
        at = np.flatnonzero(formed.news[1:]) + 1
        now, last = formed.side[at] != 0, formed.side[at - 1] != 0
        chosen = (self.number * _GOLDEN**2) % 1.0
        found = []
        for changes in (now > last, now < last):
            rows = at[changes.any(axis=1)] + 1
            if len(rows):
                found.append(int(rows[int(chosen * len(rows))]))
        return found or [1 + int(chosen * (len(formed.side) - 1))]

    def _check_column(self, named: NamedColumn, evaluator: Evaluator, part: Part, rows: int) -> None:
        window = evaluator.window(self._block, named.column.lookback)
        again = compute(named, window[: len(window) - len(part.bars) + rows], rows)
        _compare(named.owner, f"column {named.name!r}", part.features[named.name][:rows], again, part.bars)

    def _check_strategy(self, market: Market, part: Part, rows: int) -> None:
        owner, strategy = self.line.strategy.owner, self.line.strategy.strategy
        stop = len(market) - len(part.bars) + rows
        prefix = Market(market.bars[:stop], {name: values[:stop] for name, values in market.features.items()})
        proposal = cut_proposal(owner, call(owner, strategy.propose, prefix), prefix, stop - rows)
        for output in OUTPUTS:
            whole, again = getattr(part.proposal, output), getattr(proposal, output)
            if whole is again or (isinstance(whole, float | int) and isinstance(again, float | int) and whole == again):
                continue
            _compare(owner, repr(output), _head(whole, rows), _head(again, rows), part.bars)


def _head(value: object, rows: int) -> Floats:
    """Return the first rows of an output; a scalar or nothing as one cell."""
    array = np.asarray(np.nan if value is None else value)
    return array[:rows] if array.ndim else array.reshape(1, 1)


def _compare(owner: Owner, what: str, whole: Floats, again: Floats, bars: Bars) -> None:
    if (whole == again).all():
        return
    wrong = ~((whole == again) | ((whole != whole) & (again != again)))  # noqa: PLR0124 - NaN equals NaN
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[-1])
        values = (np.broadcast_to(v, wrong.shape)[row, column].item() for v in (whole, again))
        first, second = values
        raise CausalityError(
            f"{owner}: {what} for {bars.symbols[min(column, len(bars.symbols) - 1)]} at {stamp(bars.time[row])} is "
            f"{first!r} among all bars and {second!r} when bars after it are cut off: it looks ahead, or depends on "
            "chance or on past calls"
        )
