"""From what a strategy proposed to signed target weights and candidate rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numba import types

from darwin_core.compiled import entry, inner
from darwin_core.errors import PluginError
from darwin_core.evaluate import bad_cell, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.plugins import Owner
    from darwin_core.types import Bars, Bools, Floats, Proposal

_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
_SIDES = types.Array(types.int8, 1, "C", readonly=True)
_BOOLS = types.Array(types.boolean, 1, "C", readonly=True)


@frozen(eq=False)
class Formed:
    """A checked proposal, what the kernel works on: (n, S), `confidence` possibly (1, 1), exits possibly (0, 0)."""

    signed: Floats
    candidate: Bools
    confidence: Floats
    stop: Floats
    take_profit: Floats


# The loops over cells have neither branches nor an early end, so that several cells are worked on at once.


@inner
def _sign(side, weight, signed):
    """Fill `signed`; return whether a cell is bad. A flat cell's weight means nothing."""
    bad = False
    if len(weight) == len(signed):
        for i in range(len(signed)):
            way, size = side[i], weight[i]
            signed[i] = way * size if way != 0 else 0.0
            bad |= (way > 1) | (way < -1) | ((way != 0) & (not ((size >= 0.0) & (size < np.inf))))
        return bad
    size = weight[0]
    wrong = not 0.0 <= size < np.inf
    for i in range(len(signed)):
        way = side[i]
        signed[i] = way * size if way != 0 else 0.0
        bad |= (way > 1) | (way < -1) | ((way != 0) & wrong)
    return bad


@inner
def _first_bad(side, weight):
    for i in range(len(side)):
        size = weight[i if len(weight) == len(side) else 0]
        if side[i] != 0 and (abs(side[i]) != 1 or not 0.0 <= size < np.inf):
            return i
    return -1


@entry(
    types.int64(_SIDES, _FLOATS, _BOOLS, types.int8[::1], types.float64[::1], types.boolean[::1]),
    allocates=False,
)
def _form(side, weight, own, previous, signed, candidate):
    """Fill `signed` and `candidate`, all cells in a row; return the first bad cell's index, or -1."""
    cells, symbols = len(signed), len(previous)
    if _sign(side, weight, signed):
        return _first_bad(side, weight)
    if len(own) > 0:
        for i in range(cells):
            candidate[i] = own[i] & (side[i] != 0)
    else:
        for i in range(min(symbols, cells)):
            candidate[i] = (side[i] != 0) & (side[i] != previous[i])
        for i in range(symbols, cells):
            candidate[i] = (side[i] != 0) & (side[i] != side[i - symbols])
    for s in range(symbols if cells else 0):
        previous[s] = side[cells - symbols + s]
    return -1


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
    weight = _dense(proposal.weight, shape, np.float64)
    own = proposal.candidate if proposal.candidate is not None else np.empty(0, np.bool_)
    signed = np.empty(shape)
    candidate = np.empty(shape, np.bool_)
    bad = _form(side.ravel(), weight.ravel(), own.ravel(), previous, signed.ravel(), candidate.ravel())
    if bad >= 0:
        _refuse(owner, bars, side, weight, divmod(bad, shape[1]))
    confidence: Floats = _dense(proposal.confidence, shape, np.float64)
    wrong = ~((confidence >= 0.0) & (confidence <= 1.0))
    if wrong.any():
        raise PluginError(f"{owner}: {bad_cell('confidence', wrong, bars, confidence)}; it lies between 0 and 1")
    stop, take_profit = (_exits(owner, name, proposal, bars) for name in ("stop", "take_profit"))
    return Formed(signed, candidate, confidence, stop, take_profit)


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
