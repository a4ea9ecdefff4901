"""Statistics of the last n rows, each window built of shorter ones by doubling.

The windows of 2m rows are the windows of m rows, each joined with the one m rows before it; a window of n rows
joins those of the powers of two in n. This costs log2(n) passes of plain array arithmetic, and

- a value depends on its own n rows only, bit for bit, wherever the array begins: nothing runs along, so
  nothing drifts, and a huge or undefined value is gone as soon as it leaves the window;
- rounding grows with log2(n), as in pairwise summation;
- windows of equal values give exactly that value, and exactly no spread.

All arrays are (R, W) float64: R rows in the order of time, W series side by side. Rows before the first full
window hold what there is so far.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from darwin_indicators import joining

if TYPE_CHECKING:
    from collections.abc import Callable

Floats: TypeAlias = NDArray[np.float64]
Moments: TypeAlias = tuple[Floats, Floats]
State = TypeVar("State")

FORGOTTEN = 1e-9
"""Share of the weight of an exponential average that lies before the bars it looks at."""


def grow(rows: State, n: int, join: Callable[[State, int, State, int], State]) -> State:
    """Build the statistic of the last `n` rows from that of single rows.

    ``join(late, n_late, early, n_early)`` returns the statistic of windows of ``n_late + n_early`` rows from
    those of the late part and, ``n_late`` rows before, of the early part.
    """
    part, width, length = rows, 1, 0
    total = rows
    while True:
        if n & width:
            total = join(total, length, part, width) if length else part
            length += width
        if 2 * width > n:
            return total
        part = join(part, width, part, width)
        width *= 2


def mean(x: Floats, n: int) -> Floats:
    """Return the mean of the last `n` rows."""
    return grow(x, n, _join_means)


def _join_means(late: Floats, n_late: int, early: Floats, n_early: int) -> Floats:
    if n_late != n_early:
        return _between(late, n_late, early, n_early / (n_late + n_early))
    out = np.empty(late.shape)
    out[:n_late] = late[:n_late]
    joining.middle(late[n_late:].ravel(), early[:-n_late].ravel(), out[n_late:].ravel())
    return out


def _between(late: Floats, n_late: int, early: Floats, share: float) -> Floats:
    """Return ``late + share * (early - late)``: exactly `late` where both are equal."""
    out = np.empty(late.shape)
    out[:n_late] = late[:n_late]
    joining.between(late[n_late:].ravel(), early[:-n_late].ravel(), share, out[n_late:].ravel())
    return out


def deviation(x: Floats, n: int, ddof: int) -> Moments:
    """Return mean and standard deviation of the last `n` rows, the latter over ``n - ddof``.

    Windows are joined by the update of Chan, Golub and LeVeque (1979), which does not cancel.
    """
    centre, squares = grow((x, np.zeros_like(x)), n, _join_moments)
    squares = squares / (n - ddof)
    return centre, np.sqrt(squares, out=squares)


def _join_moments(late: Moments, n_late: int, early: Moments, n_early: int) -> Moments:
    n = n_late + n_early
    centre, squares = late[0].copy(), late[1].copy()
    apart = early[0][:-n_late] - late[0][n_late:]
    squares[n_late:] += early[1][:-n_late]
    squares[n_late:] += apart * apart * (n_late * n_early / n)
    apart *= n_early / n
    centre[n_late:] += apart
    return centre, squares


def highest(x: Floats, n: int) -> Floats:
    """Return the largest of the last `n` rows."""
    return grow(x, n, partial(_join_extremes, np.maximum))


def lowest(x: Floats, n: int) -> Floats:
    """Return the smallest of the last `n` rows."""
    return grow(x, n, partial(_join_extremes, np.minimum))


def _join_extremes(pick: np.ufunc, late: Floats, n_late: int, early: Floats, _: int) -> Floats:
    out = np.empty_like(late)
    out[:n_late] = late[:n_late]
    pick(late[n_late:], early[:-n_late], out=out[n_late:])
    return out


def depth(decay: float) -> int:
    """Return the bars that an exponential average looks at: all but `FORGOTTEN` of its weight.

    Examples
    --------
    >>> depth(1 - 2 / (10 + 1)), depth(0.0)
    (104, 1)
    """
    return math.ceil(math.log(FORGOTTEN) / math.log(decay)) if decay > 0.0 else 1


def decayed(x: Floats, decay: float) -> Floats:
    """Return the average of the last ``depth(decay)`` rows with weights 1, decay, decay^2, ... into the past.

    With fewer rows so far the weights are those of the rows there are, scaled to one.
    """
    n = depth(decay)
    weight = np.cumprod(np.concatenate(([1.0], np.full(n, decay))))
    mass = np.cumsum(weight)

    def join(late: Floats, n_late: int, early: Floats, n_early: int) -> Floats:
        older = weight[n_late] * mass[:n_early]
        share = older / (mass[n_late - 1] + older)
        out = _between(late, n_late, early, share[-1])
        stop = min(n_late + n_early - 1, len(late))  # up to here the early part was not full yet
        begun = out[n_late:stop]
        np.subtract(early[: len(begun)], late[n_late:stop], out=begun)
        begun *= share[: len(begun), None]
        begun += late[n_late:stop]
        return out

    return grow(x, n, join)
