"""The newest row of a tape, evaluated as its whole block will have it: the functions of a backtest, on one row more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core.blocks import Block, cut, starts
from darwin_core.engine import unit_of
from darwin_core.errors import DarwinError
from darwin_core.evaluate import Evaluator, Kept, Part
from darwin_core.forming import form, scaled
from darwin_core.types import Proposal, read_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.assembly import Line
    from darwin_core.live.floor import Floor
    from darwin_core.live.stepping import Given
    from darwin_core.live.tape import Tape
    from darwin_core.types import Floats


@define(eq=False)
class Newest:
    """Features, proposal and monitors on the rows of a tape, one after the other.

    Parameters
    ----------
    line
        The deployment, its feed the tape.
    tape
        History and session.
    floor
        Calls the plugins.
    """

    line: Line
    tape: Tape
    floor: Floor
    blocks: list[Block] = field(init=False)
    evaluator: Evaluator = field(init=False)
    _unit: str = field(init=False)
    _ahead: Part | None = field(default=None, init=False)
    _ahead_rows: tuple[int, int] = field(default=(0, 0), init=False)

    def __attrs_post_init__(self) -> None:
        """Cut the history into blocks."""
        self._unit, known = unit_of(self.line), self.tape.known
        self.blocks = cut(self.tape.times()[:known], self._unit, self.tape.timezone) if known else []
        self.evaluator = Evaluator(self.line, self.blocks, Kept())

    @property
    def number(self) -> int:
        """The number of the row that comes next."""
        return self.blocks[-1].stop if self.blocks else 0

    def part(self, given: Given, standing: Callable[[], Proposal]) -> tuple[Part, bool, bool]:
        """Take the next row in and evaluate it; what fails is held, and no risk is added.

        Parameters
        ----------
        standing
            Returns what stands in for the strategy.

        Returns
        -------
        tuple
            The row as a block of its own, whether the strategy is held, and whether no risk may be added.
        """
        self._extend()
        k = len(self.blocks) - 1
        evaluator, block = self.evaluator, self.blocks[k]
        bars = self.tape.read(block.stop - 1, block.stop)
        ahead = self._row_ahead(k) if self.floor.again and not given.held else None
        if ahead is not None:
            proposal = scaled(ahead.proposal, given.keep)
            may_add = read_only(ahead.may_add & (not given.closed))
            return Part(bars, ahead.features, proposal, may_add), False, given.closed
        evaluated = None
        if not given.held:
            evaluated = self.floor.run("strategy", lambda: _evaluate(evaluator, k))
        held = evaluated is None
        features, proposal = evaluated or (_nothing(self.line, len(bars.symbols)), standing())
        if not held:
            proposal = scaled(proposal, given.keep)
        closed = given.closed or held
        for monitor in self.line.monitors:
            if closed:
                break
            allowed = self.floor.run(str(monitor.owner), partial(evaluator.allow, monitor, k))
            closed = allowed is None
            if allowed is not None and not allowed[-1]:
                return Part(bars, features, proposal, read_only(np.zeros(1, np.bool_))), held, False
        return Part(bars, features, proposal, read_only(np.full(1, not closed))), held, closed

    def _extend(self) -> None:
        """Let the open block have the row, or open the next block with it."""
        number, times = self.number, self.tape.times()
        opens = not self.blocks or (
            self._unit != "whole"
            and bool(starts(times[number : number + 1], self._unit, self.tape.timezone, int(times[number - 1]))[0])
        )
        if opens:
            self.blocks.append(Block(number, number + 1))
        else:
            self.blocks[-1] = Block(self.blocks[-1].start, number + 1)
        self._renew()

    def _renew(self) -> None:
        """Begin the bar with what is known of the closed blocks; one that hangs keeps the memory of its own bar."""
        k, kept = len(self.blocks) - 1, Kept()
        for key, values in list(self.evaluator.kept.columns.items()):
            if key[1] < k:
                kept.add_column(key, values)
        self.evaluator = Evaluator(self.line, list(self.blocks), kept)
        self.evaluator.forget(k)

    def _row_ahead(self, k: int) -> Part | None:
        """Return the newest row out of its whole block, all of which is on the tape: the law says that it is the same.

        None when the block cannot be evaluated as a whole: then somebody failed on one of its rows.
        """
        start, number = self.blocks[k].start, self.blocks[k].stop - 1
        if not self._ahead_rows[0] <= number < self._ahead_rows[1]:
            times = self.tape.times()[start:]
            cuts = cut(times, self._unit, self.tape.timezone)
            block = Block(start, start + cuts[0].stop)
            self._ahead_rows = (start, block.stop)
            try:
                self._ahead = Evaluator(self.line, [*self.blocks[:-1], block], Kept()).part(k)
            except DarwinError:
                self._ahead = None
        return None if self._ahead is None else self._ahead[number - start : number - start + 1]


def _evaluate(evaluator: Evaluator, k: int) -> tuple[dict[str, Floats], Proposal]:
    """Return the features and the proposal of the newest row of block `k`, as the whole block has them."""
    features = {named.name: evaluator.column(named, k)[-1:] for named in evaluator.line.columns}
    lookback = evaluator.line.strategy.strategy.lookback
    market = evaluator.market(k, lookback)
    proposal = evaluator.propose(market, lookback, k)[-1:]
    # What cannot be taken as a proposal is refused here, where the last one can stand in for it.
    form(evaluator.line.strategy.owner, proposal, market.bars[-1:], np.zeros(len(market.bars.symbols), np.int8))
    return features, proposal


def _nothing(line: Line, n_symbols: int) -> dict[str, Floats]:
    """Return features of which none is known."""
    return {named.name: read_only(np.full((1, n_symbols), np.nan)) for named in line.columns}
