"""Training, validation and test, cut by time: whatever is learnt from was known before what it is tried on began.

A row belongs to a window if its decision and its outcome both lie in it: rows whose outcome reaches over the end of
their window are purged, so that nothing of the next window is in them. After each boundary a stretch as long as the
longest holding time of the training rows is left out (the embargo), for what happens then still goes with what went
before. Purging and embargo: Lopez de Prado, Advances in Financial Machine Learning (2018), chapter 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from darwin_core.errors import DataError
from darwin_core.evaluate import stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.types import Bools, Ints

SHARES = (0.6, 0.2)
LEAST = 50
_DAY = 86_400 * 10**9


@frozen(eq=False)
class Split:
    """Which rows are which, (N,) each; no row is in two of them, and purged rows are in none.

    Parameters
    ----------
    train, validation, test
        Masks of the rows.
    boundaries
        (begin of validation, begin of test), ns.
    embargo
        Time left out after each boundary, ns.
    """

    train: Bools
    validation: Bools
    test: Bools
    boundaries: tuple[int, int]
    embargo: int

    def facts(self, time: Ints, resolved: Ints) -> dict[str, Any]:
        """Return the split in words, for a policy's metadata."""
        windows: tuple[tuple[str, NDArray[np.bool_]], ...] = (
            ("train", self.train), ("validation", self.validation), ("test", self.test),
        )  # fmt: skip
        facts: dict[str, Any] = {
            name: {"rows": int(mask.sum()), "first": stamp(time[mask].min()), "last_known": stamp(resolved[mask].max())}
            for name, mask in windows
        }
        left = len(time) - sum(int(mask.sum()) for _, mask in windows)
        return {**facts, "left_out": left, "embargo_days": round(self.embargo / _DAY, 3)}


def split(time: Ints, resolved: Ints) -> Split:
    """Cut rows by time.

    The boundaries are quantiles of the decision times, which are known whatever the outcomes were.

    Parameters
    ----------
    time, resolved
        (N,) ns, when each row was decided on and since when its outcome is known.

    Raises
    ------
    DataError
        When a window is left with fewer than 50 rows.
    """
    first, second = (int(each) for each in np.quantile(time, np.cumsum(SHARES), method="lower"))
    train = resolved < first
    embargo = int((resolved - time)[train].max(initial=0))
    validation = (time >= first + embargo) & (resolved < second)
    test = time >= second + embargo
    found = Split(train, validation, test, (first, second), embargo)
    for name, mask in (("training", train), ("validation", validation), ("test", test)):
        if mask.sum() < LEAST:
            raise DataError(
                f"the {name} window is left with {int(mask.sum()):,} of {len(time):,} rows, and it takes {LEAST}: the "
                f"longest position was held {embargo / _DAY:,.1f} days, and so much is left out after {stamp(first)} "
                f"and after {stamp(second)}; take longer runs, or exit earlier with [exits] horizon"
            )
    return found
