"""From what a strategy proposed to signed target weights and candidate rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numba import types

from darwin_core.compiled import entry
from darwin_core.errors import PluginError
from darwin_core.evaluate import bad_cell, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.plugins import Owner
    from darwin_core.types import Bars, Bools, Floats, Proposal

_FLOATS = types.Array(types.float64, 2, "C", readonly=True)
_SIDES = types.Array(types.int8, 2, "C", readonly=True)
_BOOLS = types.Array(types.boolean, 2, "C", readonly=True)


@frozen(eq=False)
class Formed:
    """A checked proposal, what the kernel works on: (n, S), `confidence` possibly (1, 1), exits possibly (0, 0)."""

    signed: Floats
    candidate: Bools
    confidence: Floats
    stop: Floats
    take_profit: Floats


@entry(
    types.int64(_SIDES, _FLOATS, _BOOLS, types.int8[::1], types.float64[:, ::1], types.boolean[:, ::1]),
    allocates=False,
)
def _form(side, weight, own, previous, signed, candidate):
    """Fill `signed` and `candidate`; return the first bad cell's flat index, or -1."""
    rows, symbols = signed.shape
    for t in range(rows):
        for s in range(symbols):
            way = side[t, s] if side.size > 1 else side[0, 0]
            size = weight[t, s] if weight.size > 1 else weight[0, 0]
            if way != 0 and (abs(way) != 1 or not 0.0 <= size < np.inf):  # a flat row's weight means nothing
                return t * symbols + s
            signed[t, s] = way * size if way != 0 else 0.0
            candidate[t, s] = own[t, s] and way != 0 if own.shape[0] > 0 else way != 0 and way != previous[s]
            previous[s] = way
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
    side = _dense(proposal.side, shape, np.int8)
    weight = _dense(proposal.weight, shape, np.float64)
    own = proposal.candidate if proposal.candidate is not None else np.empty((0, 0), np.bool_)
    signed = np.empty(shape)
    candidate = np.empty(shape, np.bool_)
    bad = _form(side, weight, own, previous, signed, candidate)
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
