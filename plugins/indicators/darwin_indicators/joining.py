"""How windows are joined, compiled: one pass over memory where array arithmetic takes two or three.

The operations and their order are those of the arithmetic that is written here; nothing is fused or reordered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import njit, types

if TYPE_CHECKING:
    from darwin_indicators.windows import Floats

_IN, _OUT = types.Array(types.float64, 1, "C", readonly=True), types.float64[::1]


def _middle(late: Floats, early: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = (late[i] + early[i]) * 0.5


def _between(late: Floats, early: Floats, share: float, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = (early[i] - late[i]) * share + late[i]


_njit: Any = njit

middle: Any = _njit(types.void(_IN, _IN, _OUT), cache=True, error_model="numpy")(_middle)
"""``middle(late, early, out)`` writes ``(late + early) / 2``."""

between: Any = _njit(types.void(_IN, _IN, types.float64, _OUT), cache=True, error_model="numpy")(_between)
"""``between(late, early, share, out)`` writes ``late + share * (early - late)``: `late` where both are equal."""
