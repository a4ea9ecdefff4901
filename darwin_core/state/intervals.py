"""How sure a mean is when its terms come in blocks of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import frozen

if TYPE_CHECKING:
    from darwin_core.types import Floats, Ints

Terms: TypeAlias = "tuple[Floats, Ints]"
DRAWS, SEED, LEVEL, LEAST_BLOCKS = 2_000, 20_240_601, 0.95, 10
_CELLS = 500_000
_DAY = 86_400 * 10**9
_UNITS = (("day", 1), ("week", 7), ("month", 30), ("quarter", 91), ("year", 365))


@frozen
class Interval:
    """A figure with its interval; `low` and `high` are NaN with fewer than LEAST_BLOCKS blocks.

    Parameters
    ----------
    value
        The figure.
    low, high
        Ends of its 95 % interval.
    blocks, unit
        How many blocks it rests on, and how long one is: day, week, month, quarter or year.
    """

    value: float
    low: float
    high: float
    blocks: int
    unit: str


def unit_for(held: Floats) -> str:
    """Return the shortest calendar unit that is as long as nine of ten holding times (ns).

    What is decided on one day and held for a month shares that month's market with what is decided the day after:
    blocks shorter than the holding time would count the same news many times.
    """
    if len(held) == 0:
        return "day"
    days = float(np.quantile(held, 0.9)) / _DAY
    return next((unit for unit, length in _UNITS if length >= days), "year")


def mean(values: Floats, blocks: Ints, unit: str) -> Interval:
    """Return the mean of (N,) values with its interval; `blocks` (N,) numbers each one's block."""
    ratio, low, high, count = _bootstrap(values, np.ones(len(values)), blocks)
    return Interval(ratio, low, high, count, unit)


def total(values: Floats, blocks: Ints, unit: str) -> Interval:
    """Return the sum of (N,) values with its interval: the mean of the blocks' sums, times their number."""
    numbers = np.unique(blocks, return_inverse=True)[1]
    sums: Floats = np.bincount(numbers, values).astype(np.float64)
    _, low, high, count = _bootstrap(sums, np.ones(len(sums)), np.arange(len(sums)))
    return Interval(float(values.sum()), low * count, high * count, count, unit)


def difference(one: Terms, other: Terms, unit: str) -> Interval:
    """Return the difference of two means with its interval; the same blocks are drawn for both.

    So what the market does to both of them in a block cancels. `one` and `other` are values (N,) and the number of
    each one's block (N,). A draw in which either has no value says nothing and is left out.
    """
    names = np.unique(np.concatenate([one[1], other[1]]))
    n = len(names)
    parts = []
    for values, blocks in (one, other):
        at = np.searchsorted(names, blocks)
        parts.append((np.bincount(at, values, n), np.bincount(at, minlength=n).astype(np.float64)))
    (top, bottom), (top2, bottom2) = parts
    value = float(top.sum() / bottom.sum() - top2.sum() / bottom2.sum())
    both = int(((bottom > 0.0) & (bottom2 > 0.0)).sum())
    if both < LEAST_BLOCKS:
        return Interval(value, float("nan"), float("nan"), both, unit)
    rng = np.random.default_rng(SEED)
    found = np.empty(DRAWS)
    step = max(1, _CELLS // n)
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, DRAWS, step):
            drawn = rng.integers(0, n, (min(step, DRAWS - start), n))
            ratios = [t[drawn].sum(axis=1) / b[drawn].sum(axis=1) for t, b in parts]
            found[start : start + len(drawn)] = ratios[0] - ratios[1]
    low, high = np.nanquantile(found, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(value, float(low), float(high), both, unit)


def _bootstrap(values: Floats, counts: Floats, blocks: Ints) -> tuple[float, float, float, int]:
    """Return sum(values) / sum(counts), the ends of its percentile interval, and the number of blocks.

    Whole blocks are drawn with replacement (Efron 1979; the ratio of sums, not the mean of the blocks' means, so that
    a busy day weighs as many decisions as it has). The seed is fixed: the same rows give the same interval.
    """
    numbers = np.unique(blocks, return_inverse=True)[1]
    tops, bottoms = np.bincount(numbers, values), np.bincount(numbers, counts)
    n = len(tops)
    value = float(tops.sum() / bottoms.sum())
    if n < LEAST_BLOCKS:
        return value, float("nan"), float("nan"), n
    rng = np.random.default_rng(SEED)
    ratios = np.empty(DRAWS)
    step = max(1, _CELLS // n)
    for start in range(0, DRAWS, step):
        drawn = rng.integers(0, n, (min(step, DRAWS - start), n))
        ratios[start : start + len(drawn)] = tops[drawn].sum(axis=1) / bottoms[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return value, float(low), float(high), n
