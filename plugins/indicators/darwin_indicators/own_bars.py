"""Columns over each symbol's own bars: missing bars neither count nor break anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from darwin_core import WHOLE_TAPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from darwin_core import Bars
    from darwin_indicators.windows import Floats

EVERYTHING = sys.maxsize
"""A `reach` without an end."""

_WIDTH = 32
_ELEMENTS = 65_536  # half a MiB: the arrays at work stay in the caches


@frozen(eq=False)
class Recipe:
    """How a column is computed from bars of which none is missing.

    Parameters
    ----------
    function
        Arrays (R, W), one for each field, to (R, W). Row r depends on the last `full` rows up to r only.
    full
        Bars that a value depends on.
    minimum
        Bars from which on there is a value; fewer than `full` where a formula works with what there is.
    """

    function: Callable[..., Floats]
    full: int
    minimum: int


@frozen(eq=False)
class OwnBars:
    """A column of each symbol's own bars: those that have all of `fields`.

    A row without a bar has no value. The bars of a value are looked for in the last `reach` rows; when there
    are fewer than the recipe's minimum, the value is NaN. So it depends on `reach` rows and on nothing else:
    it is bit for bit the same wherever the array begins.
    """

    fields: tuple[str, ...]
    recipe: Recipe
    reach: int

    @property
    def lookback(self) -> int:
        """Rows before the first one of interest."""
        return WHOLE_TAPE if self.reach == EVERYTHING else self.reach - 1

    def compute(self, bars: Bars) -> Floats:
        """Return the column, (T, S)."""
        values = [bars.get(name) for name in self.fields]
        n_rows, n_columns = values[0].shape
        out = np.empty((n_rows, n_columns))
        with np.errstate(all="ignore"):  # what cannot be computed is NaN, in silence
            for start, rows, columns in self._tiles(n_rows, n_columns):
                tile = [np.ascontiguousarray(each[start : rows.stop, columns]) for each in values]
                piece = self._tile(tile)[rows.start - start :]
                wild = np.isinf(piece)
                if wild.any():
                    piece = np.where(wild, np.nan, piece)
                out[rows, columns] = piece
        return out

    def _tiles(self, n_rows: int, n_columns: int) -> Iterator[tuple[int, slice, slice]]:
        """Cut the panel into pieces that fit in the cache: first row to read, rows and columns to write."""
        width = min(_WIDTH, n_columns)
        height = max(_ELEMENTS // max(width, 1), 4 * min(self.reach, n_rows))
        for top in range(0, n_rows, height):
            for left in range(0, n_columns, _WIDTH):
                rows = slice(top, min(top + height, n_rows))
                yield max(0, top - self.reach + 1), rows, slice(left, left + _WIDTH)

    def _tile(self, tile: list[Floats]) -> Floats:
        present = np.isfinite(tile[0])
        for each in tile[1:]:
            present &= np.isfinite(each)
        if not present.all():
            return self._with_gaps(tile, present)
        values = self.recipe.function(*tile)
        if self.recipe.minimum > 1:
            values[: self.recipe.minimum - 1] = np.nan
        return values

    def _with_gaps(self, tile: list[Floats], present: NDArray[np.bool_]) -> Floats:
        """Push each symbol's own bars together, compute, and put the values back into their rows."""
        row = np.argsort(~present, axis=0, kind="stable")
        packed = [np.take_along_axis(each, row, axis=0) for each in tile]
        values = np.array(self.recipe.function(*packed))
        minimum, n = self.recipe.minimum, len(row)
        values[: minimum - 1] = np.nan
        values[np.arange(n)[:, None] >= present.sum(axis=0)] = np.nan
        scattered = row[minimum - 1 :] - row[: max(n - minimum + 1, 0)] >= self.reach
        values[minimum - 1 :][scattered] = np.nan
        if self.recipe.full > minimum:
            self._forget_old_bars(values, row, packed, np.cumsum(present, axis=0))
        out = np.empty_like(values)
        np.put_along_axis(out, row, values, axis=0)
        return out

    def _forget_old_bars(
        self, values: Floats, row: NDArray[np.intp], packed: list[Floats], so_far: NDArray[np.intp]
    ) -> None:
        """Compute again, in place, the values to which bars from before the reach have contributed."""
        oldest = np.maximum(np.arange(len(row)) - self.recipe.full + 1, 0)
        late, column = np.nonzero((row - row[oldest] >= self.reach) & ~np.isnan(values))
        first = so_far[row[late, column] - self.reach, column]
        lengths = late - first + 1
        for length in np.unique(lengths):
            alike = np.flatnonzero(lengths == length)
            for some in np.array_split(alike, 1 + len(alike) * length // _ELEMENTS):
                index = first[some] + np.arange(length)[:, None]
                windows = [each[index, column[some]] for each in packed]
                values[late[some], column[some]] = self.recipe.function(*windows)[-1]
