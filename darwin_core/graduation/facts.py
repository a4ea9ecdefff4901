"""What is known about an agent's decisions: plain arrays, one kind of facts for each kind of agent.

The *uplift* of a decision is what it brought, or would have brought had it been applied, above the baseline action, in
R-multiples as a rule. It is NaN until the outcome is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen

from darwin_core.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from darwin_core.types import Bools, Floats, Ints

_MONDAY = 3  # 1970-01-01 was a Thursday: day -3 was the Monday of its week


@frozen(eq=False)
class Facts:
    """Decisions of any agent, in the order of their days; all arrays have one row for each decision.

    Parameters
    ----------
    day
        (N,) int64, days since 1970 in the feed's zone, never falling.
    uplift
        (N,) float64, NaN while unresolved.
    trips
        How often its circuit breaker opened.
    """

    day: Ints
    uplift: Floats
    trips: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse what does not fit together."""
        self.same_length("uplift", self.uplift)
        if len(self.day) > 1 and bool((np.diff(self.day) < 0).any()):
            row = int(np.argmax(np.diff(self.day) < 0)) + 1
            raise DataError(f"decisions have to be in the order of their days: row {row} is of an earlier day")
        if bool(np.isinf(self.uplift).any()):
            raise DataError(f"the uplift of row {int(np.argmax(np.isinf(self.uplift)))} is infinite")

    def same_length(self, name: str, array: NDArray[Any]) -> None:
        """Refuse a column of another length than `day`."""
        if array.shape != self.day.shape:
            raise DataError(f"{name} has {array.shape} rows where there are {self.day.shape} decisions")

    @property
    def resolved(self) -> Bools:
        """(N,) whose outcome is known."""
        known: Bools = ~np.isnan(self.uplift)
        return known

    @property
    def span(self) -> int:
        """Calendar days from the first decision to the last, both counted."""
        return int(self.day[-1] - self.day[0]) + 1 if len(self.day) else 0


@frozen(eq=False)
class GateFacts(Facts):
    """Decisions of a gate.

    Parameters
    ----------
    skipped
        (N,) bool: the gate would not have the candidate looked at.
    outcome
        (N,) float64: what became of the candidate, in R, skipped or not; NaN while unresolved.
    """

    skipped: Bools
    outcome: Floats

    def __attrs_post_init__(self) -> None:
        """Refuse what does not fit together."""
        super().__attrs_post_init__()
        self.same_length("skipped", self.skipped)
        self.same_length("outcome", self.outcome)


@frozen(eq=False)
class PortfolioFacts(Facts):
    """Decisions of a portfolio agent, and what two accounts would have made of them.

    Parameters
    ----------
    returns, baseline_returns
        (D,) float64: daily returns of the account as the agent sized it, and at equal weight.
    """

    returns: Floats
    baseline_returns: Floats

    def __attrs_post_init__(self) -> None:
        """Refuse what does not fit together."""
        super().__attrs_post_init__()
        if self.returns.shape != self.baseline_returns.shape:
            raise DataError(f"{len(self.returns)} daily returns beside {len(self.baseline_returns)} of the baseline")
        if not (np.isfinite(self.returns).all() and np.isfinite(self.baseline_returns).all()):
            raise DataError("a daily return is not a finite number")


@frozen(eq=False)
class MetaFacts(Facts):
    """Decisions of a meta-learner.

    Parameters
    ----------
    overridden
        (N,) bool: it decided against the expert. It was right when the uplift is above zero.
    """

    overridden: Bools

    def __attrs_post_init__(self) -> None:
        """Refuse what does not fit together."""
        super().__attrs_post_init__()
        self.same_length("overridden", self.overridden)


def day_blocks(day: Ints, uplift: Floats, today: int, length: int = 1) -> tuple[Ints, Floats]:
    """Return the complete blocks: the first day of each, and the mean uplift of its decisions.

    Blocks lie at fixed places in the calendar (of 7 days: Monday to Sunday); one without a decision is left out. A
    block is complete when it lies before today and all its decisions have resolved; the blocks stop at the first
    that is not, for losses that resolve before gains would colour what comes after.

    Parameters
    ----------
    day, uplift
        (N,) as in `Facts`.
    today
        Day that is not over yet.
    length
        Days in a block: at least the longest holding time, so that blocks do not share outcomes.

    Returns
    -------
    tuple
        (B,) int64 days and (B,) float64 means.
    """
    block = (day + _MONDAY) // length
    first = np.flatnonzero(np.diff(block, prepend=block[:1] - 1))
    if not len(first):
        return np.empty(0, np.int64), np.empty(0)
    means = np.add.reduceat(uplift, first) / np.diff(first, append=len(day))
    start = block[first] * length - _MONDAY
    open_ = np.isnan(means) | (start + length > today)
    complete = int(np.argmax(open_)) if open_.any() else len(first)
    return start[:complete], means[:complete]
