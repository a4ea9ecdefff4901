"""Where the audit cuts: the bars after which a component is asked again, without the rest of the block.

A look ahead shows only where what it saw made a difference, and a component that says one of few things (long or
flat, allowed or not) hides most of it. So beside random bars the audit cuts where the difference is likely: at bars
where the output has just changed, before the largest moves, inside gaps, and at the ends of calendar periods.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from darwin_core.blocks import period

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darwin_core.types import Bars, Bools, Floats, Ints

_SCANNED = 4096
_FIRST = 16
_UNITS = ("quarter", "month", "week", "day", "hour")


@define(eq=False)
class Terrain:
    """One block's bars, and the places in it that do not depend on the component, found once."""

    bars: Bars
    _found: dict[str, Ints] = field(factory=dict, init=False)

    def rows(self, kind: str) -> Ints:
        """Return the rows of `kind`: the last row of a prefix that ends there."""
        if kind not in self._found:
            finder: Callable[[Bars], Ints] = {"gap": _gaps, "period": _periods, "rise": _rise, "fall": _fall}[kind]
            self._found[kind] = finder(self.bars)
        return self._found[kind]


@frozen
class Reach:
    """How long the prefixes of a component may be.

    Parameters
    ----------
    least
        Rows of the block after which the component has its whole look-back.
    most
        Rows that the random prefixes should not exceed, for the time they take.
    """

    least: int
    most: int


def on(outputs: Sequence[Floats]) -> Ints:
    """Return the first rows on which an output has risen."""
    return _first(outputs, np.greater)


def off(outputs: Sequence[Floats]) -> Ints:
    """Return the first rows on which an output has fallen."""
    return _first(outputs, np.less)


def _first(outputs: Sequence[Floats], compare: Callable[[Floats, Floats], Bools]) -> Ints:
    found = [np.empty(0, np.int64)]
    for output in outputs:
        changed = compare(output[1:_SCANNED], output[: _SCANNED - 1][: max(0, len(output) - 1)])
        found.append(np.flatnonzero(changed.any(axis=1))[:_FIRST] + 1)
    return np.concatenate(found)


def _gaps(bars: Bars) -> Ints:
    """Return the last rows of gaps: a symbol has no bar, and has one on the next row."""
    found = [np.empty(0, np.int64)]
    for values in (bars.close, *bars.reference.values()):
        missing = np.isnan(values)
        if missing.any():
            ends = missing[:-1] & ~missing[1:]
            found.append(np.flatnonzero(ends if ends.ndim == 1 else ends.any(axis=1)))
    return np.concatenate(found)


def _periods(bars: Bars) -> Ints:
    """Return the last rows of calendar periods: the longest unit that ends in the block, and the sessions."""
    for unit in _UNITS:
        ends = _ends(bars, unit)
        if len(ends):
            sessions = _ends(bars, "day") if unit != "day" else ends
            return np.concatenate([ends, sessions[: len(ends)]])
    return np.empty(0, np.int64)


def _ends(bars: Bars, unit: str) -> Ints:
    return np.flatnonzero(np.diff(period(bars.time[:_SCANNED], unit, bars.timezone)))


def _rise(bars: Bars) -> Ints:
    return _extreme(bars, 1.0)


def _fall(bars: Bars) -> Ints:
    return _extreme(bars, -1.0)


def _extreme(bars: Bars, sign: float) -> Ints:
    """Return the row before the largest move of any symbol, up or down."""
    close = bars.close[:_SCANNED]
    with np.errstate(divide="ignore", invalid="ignore"):
        moves = sign * (close[1:] / close[:-1] - 1.0)
    moves = np.where(np.isfinite(moves), moves, -np.inf)
    return np.flatnonzero([]) if moves.size == 0 else np.array([int(np.argmax(moves)) // moves.shape[1]])


def draw(rows: Ints, reach: Reach, n: int, rng: np.random.Generator) -> int | None:
    """Return the length of a prefix that ends on one of `rows`, or None when none leaves a rest of the block."""
    fit = rows[(rows + 1 >= reach.least) & (rows + 1 < n)]
    return int(rng.choice(fit)) + 1 if len(fit) else None


def short(reach: Reach, n: int, rng: np.random.Generator) -> int:
    """Return a random length, its logarithm spread evenly: short ones are where a look ahead shows most."""
    last = max(1, n - 1)
    low = min(reach.least, last)
    room = max(1, min(reach.most, last) - low)
    return min(last, low - 1 + math.ceil((room + 1) ** rng.random()))


def anywhere(reach: Reach, n: int, rng: np.random.Generator) -> int:
    """Return a random length, all equally likely."""
    last = max(1, n - 1)
    low = min(reach.least, last)
    return int(rng.integers(low, max(low, min(reach.most, last)) + 1))
