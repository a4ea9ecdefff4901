"""What became of a session's candidates, skipped ones too: followed over its tape as a backtest follows its own."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from darwin_core import ledger
from darwin_core.blocks import Block
from darwin_core.engine import plan
from darwin_core.errors import DarwinError
from darwin_core.evaluate import Evaluator, Kept, Part
from darwin_core.forming import form, scaled
from darwin_core.outcomes import Outcomes
from darwin_core.types import Proposal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from darwin_core.assembly import Line
    from darwin_core.state.told import Told
    from darwin_core.types import Bars, Floats


def followed(told: Told) -> NDArray[Any]:
    """Return every candidate of the session with its outcome, as `Outcomes.all` does."""
    wanted = set(told.line.strategy.strategy.requires)
    columns = tuple(column for column in told.line.columns if column.name in wanted)
    line = evolve(told.line, agents=(), monitors=(), columns=columns)
    outcomes, settings = Outcomes(), line.settings
    has_range = {"open", "high", "low"} <= set(line.feed.fields)
    rules = ledger.rules(settings.execution, settings.exits, line.limits, has_range=has_range, own_stops=True)
    sides, last = np.zeros(len(line.feed.symbols), np.int8), np.zeros(len(line.feed.symbols))
    nothing = np.empty(0, np.bool_)
    for start, bars, proposed in _proposed(told, line):
        proposal = _standing(last) if proposed is None else proposed
        formed = form(line.strategy.owner, proposal, bars, sides)
        outcomes.block(Block(start, start + len(bars)), Part(bars, {}, proposal, nothing), formed, rules)
        last = formed.signed[-1]
    return outcomes.all()


def _standing(last: Floats) -> Proposal:
    """Return what was last proposed once more, with no candidates: the strategy did not answer."""
    side = np.sign(last).astype(np.int8)[None, :]
    return Proposal(side, np.abs(last)[None, :], 1.0, np.zeros((1, len(last)), np.bool_))


def _proposed(told: Told, line: Line) -> Iterator[tuple[int, Bars, Proposal | None]]:
    """Yield the session's rows in pieces: where, the bars, what was proposed; None on a bar without an answer."""
    blocks = plan(line, line.feed.times()[: told.first + len(told.time)])
    evaluator = Evaluator(line, blocks, Kept())
    for k, block in enumerate(blocks):
        start = max(block.start, told.first)
        if start >= block.stop:
            continue
        given = told.given[start - told.first : block.stop - told.first]
        whole = _whole(evaluator, k, [each.held for each in given])
        for (held, keep), same in groupby((each.held, each.keep) for each in given):
            stop = start + len(list(same))
            for a, b in [(start, stop)] if whole is not None and not held else [(i, i + 1) for i in range(start, stop)]:
                if held:
                    yield a, line.feed.read(a, b), None
                else:
                    part = _rows(evaluator, whole, k, a, b)
                    yield a, part.bars, scaled(part.proposal, keep)
            start = stop


def _whole(evaluator: Evaluator, k: int, held: list[bool]) -> Part | None:
    """Return an evaluated block; None where it cannot be evaluated as one, for the strategy failed on some bar."""
    try:
        return evaluator.part(k)
    except DarwinError:
        if not any(held):
            raise
        return None


def _rows(evaluator: Evaluator, whole: Part | None, k: int, a: int, b: int) -> Part:
    """Return rows `a` to `b` of block `k`; without the whole block, of as much of it as was known then."""
    first = evaluator.blocks[k].start
    if whole is None:
        whole = Evaluator(evaluator.line, [*evaluator.blocks[:k], Block(first, b)], Kept()).part(k)
    return whole[a - first : b - first]
