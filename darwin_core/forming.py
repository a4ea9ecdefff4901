"""From what a strategy proposed to signed target weights and candidate rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from darwin_core.errors import PluginError
from darwin_core.evaluate import bad_cell, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.plugins import Owner
    from darwin_core.types import Bars, Bools, Floats, Proposal


@frozen(eq=False)
class Formed:
    """A checked proposal, what the kernel works on: (n, S), numbers possibly (1, 1), exits possibly (0, 0).

    `news` (n,) are the rows that may say something that the row before did not; the first is one of them.
    """

    side: NDArray[np.int8]
    weight: Floats
    candidate: Bools
    news: Bools
    confidence: Floats
    stop: Floats
    take_profit: Floats

    @cached_property
    def signed(self) -> Floats:
        """Signed target weights, (n, S)."""
        signed = np.zeros(self.side.shape)
        return np.multiply(self.side, self.weight, out=signed, where=self.side != 0)


def form(owner: Owner, proposal: Proposal, bars: Bars, previous: NDArray[np.int8]) -> Formed:
    """Check a block's proposal and derive its candidates.

    Parameters
    ----------
    owner, proposal, bars
        Who proposed what on which rows.
    previous
        (S,) int8, each symbol's last side before the block; left at its last side in the block.

    Raises
    ------
    PluginError
        When a side is not -1, 0 or 1, a side's weight is negative or not finite, a confidence is outside [0, 1].
    """
    shape = (len(bars), len(bars.symbols))
    side = np.asarray(proposal.side, dtype=np.int8)
    side = side if side.ndim else np.full(shape, side)
    weight: Floats = _dense(proposal.weight, shape, np.float64)
    wrong = _wrong(side, weight)
    if wrong is not None:
        _refuse(owner, bars, side, weight, wrong)
    confidence: Floats = _dense(proposal.confidence, shape, np.float64)
    if confidence.size != 1 or not 0.0 <= confidence.item() <= 1.0:
        bad = ~((confidence >= 0.0) & (confidence <= 1.0))
        if bad.any():
            raise PluginError(f"{owner}: {bad_cell('confidence', bad, bars, confidence)}; it lies between 0 and 1")
    candidate, news = _new(side, weight, proposal.candidate, previous)
    stop, take_profit = (_exits(owner, name, proposal, bars) for name in ("stop", "take_profit"))
    return Formed(side, weight, candidate, news, confidence, stop, take_profit)


def scaled(proposal: Proposal, keep: float) -> Proposal:
    """Return a proposal of whose weights only the share `keep` stands."""
    return proposal if keep == 1.0 else evolve(proposal, weight=np.multiply(proposal.weight, keep))


def _new(side: NDArray[np.int8], weight: Floats, own: Bools | None, previous: NDArray[np.int8]) -> tuple[Bools, Bools]:
    """Return the candidates (n, S), and the rows (n,) that may say something new."""
    changed = _turns(side, previous)
    candidate: Bools = (side != 0) & (changed if own is None else own)
    if own is not None:
        changed |= candidate
    if weight.size > 1:
        changed[1:] |= weight[1:] != weight[:-1]
    news: Bools = np.any(changed, axis=1) if changed.shape[1] > 1 else changed.ravel()
    news[:1] = True
    return candidate, news


def _turns(side: NDArray[np.int8], previous: NDArray[np.int8]) -> Bools:
    """Return where the side is another than on the row before; leave the last row's in `previous`."""
    changed = np.empty(side.shape, np.bool_)
    if len(side):
        np.not_equal(side[0], previous, out=changed[0])
        np.not_equal(side[1:], side[:-1], out=changed[1:])
        previous[:] = side[-1]
    return changed


def _wrong(side: NDArray[np.int8], weight: Floats) -> tuple[int, int] | None:
    """Return the first cell whose side or weight makes no sense."""
    if weight.size == 1 and 0.0 <= weight.item() < np.inf and side.size and side.max() <= 1 and side.min() >= -1:
        return None  # the common case, in two passes
    wrong = (side != 0) & ~((weight >= 0.0) & (weight < np.inf))
    wrong |= (side > 1) | (side < -1)
    return divmod(int(wrong.argmax()), wrong.shape[1]) if wrong.any() else None


def _dense(value: object, shape: tuple[int, int], dtype: type) -> NDArray[Any]:
    """Return a C array of the full shape, or (1, 1) for a scalar in more than one row."""
    array: NDArray[Any] = np.asarray(value, dtype=dtype)
    if array.ndim == 0:
        return np.full((1, 1) if shape[0] > 1 else shape, array)
    return array


def _refuse(owner: Owner, bars: Bars, side: NDArray[Any], weight: NDArray[Any], cell: tuple[int, int]) -> None:
    row, column = cell

    def at(values: NDArray[Any]) -> object:
        return values[row, column] if values.size > 1 else values.flat[0]

    where = f"for {bars.symbols[column]} at {stamp(bars.time[row])}"
    if at(side) not in (-1, 0, 1):
        raise PluginError(f"{owner}: side is {at(side)} {where}; it is -1, 0 or 1")
    raise PluginError(f"{owner}: weight is {at(weight)} {where}; it is 0 or more, and finite")


def _exits(owner: Owner, name: str, proposal: Proposal, bars: Bars) -> Floats:
    """Return distances with NaN as none, or (0, 0) when the proposal leaves them to the deployment."""
    value = getattr(proposal, name)
    if value is None:
        return np.empty((0, 0))
    distances = np.nan_to_num(np.broadcast_to(value, (len(bars), len(bars.symbols))), nan=0.0, posinf=-1.0)
    if (distances < 0.0).any():
        raise PluginError(f"{owner}: {bad_cell(name, distances < 0.0, bars, distances)}; it is a positive fraction")
    return np.ascontiguousarray(distances)
