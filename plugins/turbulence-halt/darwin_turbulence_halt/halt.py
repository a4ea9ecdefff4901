"""No new risk while markets are turbulent, with fixed limits beside it.

Turbulence is the level of a watched series (VIX, for example), or how far the symbols' returns lie apart. A halt
begins above `halt_above` and ends below `resume_below`. In between, what the last bar beyond either threshold said
holds for `memory` bars: the state is read off the past and kept nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

from darwin_core import DataError, Limits, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core import Bars, Market

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]
    Ints: TypeAlias = NDArray[np.int64]


@frozen(kw_only=True)
class TurbulenceHalt:
    """The monitor.

    Parameters
    ----------
    series
        Name of a reference series of the feed; empty: the standard deviation across symbols of their one-bar
        returns, averaged over `window` bars.
    halt_above
        A halt begins at a bar whose level is above this.
    resume_below
        A halt ends at a bar whose level is below this; 0 stands for `halt_above`.
    memory
        Bars for which a halt outlasts the last bar above `halt_above` while the level is between the two.
    window
        Bars of the average across symbols.
    max_gap
        A bar without a level changes nothing; after more than this many of them the level is unknown.
    missing
        Whether risk may be added while the level is unknown: ``halt`` or ``allow``.
    max_weight, max_gross, max_drawdown, allow_short
        Limits to be held at all times, see `darwin_core.Limits`; 0 sets none. Limits of the deployment
        and of other monitors hold as well.
    """

    series: str = ""
    halt_above: float = field(validator=gt(0.0))
    resume_below: float = field(default=0.0, validator=ge(0.0))
    memory: int = field(default=60, validator=ge(1))
    window: int = field(default=5, validator=ge(1))
    max_gap: int = field(default=5, validator=ge(0))
    missing: Literal["halt", "allow"] = "halt"
    max_weight: float = field(default=0.0, validator=ge(0.0))
    max_gross: float = field(default=0.0, validator=ge(0.0))
    max_drawdown: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    allow_short: bool = True

    def __attrs_post_init__(self) -> None:
        """Refuse a halt that would end before it begins."""
        if self.resume_below > self.halt_above:
            msg = f"resume_below ({self.resume_below}) must not be more than halt_above ({self.halt_above})"
            raise ValueError(msg)

    @property
    def requires(self) -> tuple[str, ...]:
        """No columns."""
        return ()

    @property
    def lookback(self) -> int:
        """Bars that a row's answer is made of: the memory, and the level of its first bar."""
        return self.memory + self.max_gap + self.window

    @property
    def limits(self) -> Limits:
        """The fixed limits; one that is not set restricts nothing."""
        return Limits(
            self.max_weight or np.inf,
            self.max_gross or np.inf,
            self.max_drawdown or 1.0,
            self.allow_short,
        )

    def allow(self, market: Market) -> Bools:
        """Return whether risk may be added, (T,)."""
        level = self._level(market.bars)
        rows = np.arange(len(level))
        high = _last(level > self.halt_above)
        low = _last(level < (self.resume_below or self.halt_above))
        allowed: Bools = (high <= low) | (rows - high > self.memory)
        if self.missing == "halt":
            known = _last(~np.isnan(level))
            allowed &= (known >= 0) & (rows - known <= self.max_gap)
        return allowed

    def _level(self, bars: Bars) -> Floats:
        """Return the turbulence at each bar, NaN where it is not known, (T,)."""
        if not self.series:
            return dispersion(bars, self.window)
        if self.series not in bars.reference:
            msg = f"the feed has no reference series {self.series!r}: {did_you_mean(self.series, bars.reference)}"
            raise DataError(msg)
        return bars.reference[self.series]


def dispersion(bars: Bars, window: int) -> Floats:
    """Return the standard deviation across symbols of one-bar returns, averaged over `window` bars, (T,).

    A bar with returns of fewer than two symbols has none and is left out of the averages. Everything is added up
    in a fixed order, so that a bar's value has the same bits in any array.

    Raises
    ------
    DataError
        When the feed has one symbol only.
    """
    if len(bars.symbols) < 2:
        msg = "the feed has one symbol, and returns lie apart only between several: name a `series`"
        raise DataError(msg)
    returns = np.full(bars.close.shape, np.nan)
    returns[1:] = bars.close[1:] / bars.close[:-1] - 1.0
    spread = _deviation_across(returns)
    return _average(spread, window)


def _deviation_across(values: Floats) -> Floats:
    """Return the sample standard deviation of each row's numbers, NaN with fewer than two, (T,)."""
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    centre = _row_sums(np.where(there, values, 0.0)) / np.maximum(count, 1)
    apart = np.where(there, values - centre[:, None], 0.0)
    squares = _row_sums(apart * apart)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def _row_sums(values: Floats) -> Floats:
    """Add up each row from left to right, (T,)."""
    return np.cumsum(values, axis=1)[:, -1]


def _average(values: Floats, window: int) -> Floats:
    """Return the mean of those of the last `window` rows that have a value; NaN where the row has none, (T,)."""
    there = ~np.isnan(values)
    total, count = np.zeros(len(values)), np.zeros(len(values))
    for back in range(min(window, len(values))):
        rows = len(values) - back
        total[back:] += np.where(there[:rows], values[:rows], 0.0)
        count[back:] += there[:rows]
    return np.where(there, total / np.maximum(count, 1.0), np.nan)


def _last(happened: Bools) -> Ints:
    """Return the last row up to each row on which something happened, -1 for none, (T,)."""
    latest: Ints = np.maximum.accumulate(np.where(happened, np.arange(len(happened)), -1))
    return latest
