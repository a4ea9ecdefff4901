"""Who agrees with whom, and what they say together."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Floats: TypeAlias = NDArray[np.float64]
    Bar: TypeAlias = tuple[float, ...]


@frozen
class Agreement:
    """When two bars are the same.

    Parameters
    ----------
    tolerances
        F shares: two numbers agree when they differ by no more than this share of the larger one.
    """

    tolerances: tuple[float, ...]

    def agree(self, one: Bar, other: Bar) -> bool:
        """Return whether two bars of F numbers agree in every number."""
        return all(
            abs(a - b) <= tolerance * max(abs(a), abs(b))
            for a, b, tolerance in zip(one, other, self.tolerances, strict=True)
        )

    def camp(self, bars: Mapping[int, Bar]) -> tuple[int, ...]:
        """Return the largest group of voters that all agree with each other; of several, the first listed."""
        voters = sorted(bars)
        good = {pair for pair in combinations(voters, 2) if self.agree(bars[pair[0]], bars[pair[1]])}
        for size in range(len(voters), 1, -1):
            for group in combinations(voters, size):
                if all(pair in good for pair in combinations(group, 2)):
                    return group
        return tuple(voters[:1])

    def all_agree(self, values: Floats) -> Bools:
        """Return where all voters that are there agree: (P, F, N) with NaN where one has no bar, to (N,)."""
        result = np.ones(values.shape[-1], np.bool_)
        shares = np.array(self.tolerances)[:, None]
        for one, other in combinations(values, 2):
            with np.errstate(invalid="ignore"):
                apart = np.abs(one - other) > shares * np.maximum(np.abs(one), np.abs(other))
            result &= ~apart.any(axis=0)
        return result


def middle(bars: Floats) -> Floats:
    """Return the median of the voters that are there, number by number: (P, F, N) to (F, N); NaN where there is none.

    The middle of open, high, low and close each: since each voter's high is its highest price, so is the medians'.
    """
    count = (~np.isnan(bars)).sum(axis=0)
    ordered = np.sort(bars, axis=0)  # what is missing is last
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(bars) - 1)
    below, above = (np.take_along_axis(ordered, each[None], 0)[0] for each in (low, high))
    # Not (a + b) / 2 where they are the same: what one voter says comes out as it is, however large.
    result: Floats = np.where(below == above, below, below / 2 + above / 2)
    return result


@frozen(eq=False)
class Outcome:
    """A vote on N bars.

    Parameters
    ----------
    values
        (F, N) what was taken; NaN where nobody has a bar.
    size
        (N,) how many agree on it.
    outvoted
        (P, N) whose bar it disagrees with.
    """

    values: Floats
    size: NDArray[np.int64]
    outvoted: Bools


def vote(agreement: Agreement, values: Floats) -> Outcome:
    """Let P voters vote on N bars of F numbers, (P, F, N), NaN where one has no bar."""
    there = ~np.any(np.isnan(values), axis=1)
    outvoted = np.zeros(there.shape, np.bool_)
    for n in np.flatnonzero(~agreement.all_agree(values)).tolist():
        bars = {p: tuple(values[p, :, n].tolist()) for p in np.flatnonzero(there[:, n]).tolist()}
        camp = agreement.camp(bars)
        outvoted[[p for p in bars if p not in camp], n] = True
    agreeing = there & ~outvoted
    return Outcome(middle(np.where(agreeing[:, None], values, np.nan)), agreeing.sum(axis=0), outvoted)
