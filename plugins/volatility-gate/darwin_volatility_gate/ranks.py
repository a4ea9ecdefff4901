"""The column ``volatility_rank(window, past)``: where a symbol's volatility stands in its own past.

The share of the `past` values before this one that are smaller. Values are those of the symbol's own bars; a row
without a bar has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen
from numba import njit, types

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Bars

    Floats: TypeAlias = NDArray[np.float64]


@frozen
class Ranks:
    """A feature library of one column."""

    @property
    def names(self) -> tuple[str, ...]:
        """The one name."""
        return ("volatility_rank",)

    def column(self, name: str, arguments: tuple[float, ...]) -> VolatilityRank:
        """Return the column; raise ValueError when it is not asked for as ``volatility_rank(window, past)``."""
        whole = all(value.is_integer() and value >= 2.0 for value in arguments)
        if len(arguments) != 2 or not whole:
            msg = f"write {name}(window, past), two whole numbers of 2 or more"
            raise ValueError(msg)
        return VolatilityRank(int(arguments[0]), int(arguments[1]))


@frozen
class VolatilityRank:
    """The column.

    Parameters
    ----------
    window
        One-bar returns in a volatility, whose sample standard deviation it is.
    past
        Volatilities that a new one is compared with.
    """

    window: int
    past: int

    @property
    def needed(self) -> int:
        """Own bars of a symbol that a value is made of."""
        return self.window + self.past + 1

    @property
    def lookback(self) -> int:
        """Rows in which they are looked for: a quarter more, and 10, may be missing."""
        return self.needed + self.needed // 4 + 10

    def compute(self, bars: Bars) -> Floats:
        """Return the share, 0 to 1; NaN until there are enough bars and where there is none, (T, S)."""
        out = np.full(bars.close.shape, np.nan)
        _rank(np.ascontiguousarray(bars.close), self.window, self.past, self.lookback, out)
        return out


_CLOSES = types.Array(types.float64, 2, "C", readonly=True)


@njit(  # type: ignore[untyped-decorator,unused-ignore]
    types.void(_CLOSES, types.int64, types.int64, types.int64, types.float64[:, ::1]),
    cache=True,
    error_model="numpy",
)
def _rank(close: Floats, window: int, past: int, reach: int, out: Floats) -> None:
    """Fill `out`, one symbol after another; each window is added up by itself, so nothing depends on the begin."""
    rows = np.empty(len(close), np.int64)
    value = np.empty(len(close))
    change = np.empty(len(close))
    for s in range(close.shape[1]):
        n = 0
        for t in range(len(close)):
            if not np.isnan(close[t, s]):
                rows[n] = t
                change[n] = close[t, s] / close[rows[n - 1], s] - 1.0 if n > 0 else 0.0
                n += 1
        for i in range(window, n):
            mean = 0.0
            for k in range(i - window + 1, i + 1):
                mean += change[k]
            mean /= window
            squares = 0.0
            for k in range(i - window + 1, i + 1):
                squares += (change[k] - mean) ** 2
            value[i] = np.sqrt(squares / (window - 1))
        for i in range(window + past, n):
            if rows[i] - rows[i - window - past] > reach:
                continue
            smaller = 0
            for k in range(i - past, i):
                smaller += value[k] < value[i]
            out[rows[i], s] = smaller / past
