"""Fewer points, the same picture: of each stretch of bars the first, last, lowest and highest stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def kept(curves: Sequence[Floats], most: int, stretches: int = 1000) -> NDArray[np.int64]:
    """Return the rows to draw, increasing: all of them up to `most`, else the extremes of each stretch.

    Parameters
    ----------
    curves
        Arrays (T,) that share their times; a row stays when any of them needs it. NaN is never an extreme.
    most
        Up to so many rows nothing is dropped.
    stretches
        Into how many parts longer curves are cut; more than a screen has pixels makes the drop invisible.
    """
    n = len(curves[0])
    if n <= most:
        return np.arange(n)
    cuts = np.unique(np.linspace(0, n, stretches + 1).astype(np.int64))
    rows = {int(cut) for cut in cuts[:-1]} | {int(cut) - 1 for cut in cuts[1:]}
    for curve in curves:
        low, high = np.where(np.isnan(curve), np.inf, curve), np.where(np.isnan(curve), -np.inf, curve)
        for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            rows.add(a + int(np.argmin(low[a:b])))
            rows.add(a + int(np.argmax(high[a:b])))
    return np.array(sorted(rows), np.int64)


def merged(low: Floats, high: Floats, close: Floats, width: int) -> tuple[Floats, Floats, Floats]:
    """Join each `width` rows (T,) into one: the lowest low, the highest high, the last close."""
    if width <= 1:
        return low, high, close
    cuts = np.arange(0, len(close), width)
    ends = np.minimum(cuts + width, len(close)) - 1
    return np.fmin.reduceat(low, cuts), np.fmax.reduceat(high, cuts), close[ends]
