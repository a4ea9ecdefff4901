"""A single-file feed of any size that is nowhere stored: minutes of made-up prices, generated where they are read.

Pages of 1,024 bars have a seed of their own, so any stretch of bars is the same however it is read. Prices walk from
one anchor to the next, a page further on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from attrs import field as option
from attrs import frozen
from attrs.validators import ge

from darwin_core import Bars, Options, hookimpl

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAGE = 1024
_MINUTE = 60_000_000_000
_START = 1_262_304_000_000_000_000  # 2010-01-01
_VOLATILITY = 0.001


@frozen
class Endless:
    """The feed.

    Parameters
    ----------
    bars, count
        Its size: bars, and symbols.
    seed
        Which prices.
    """

    bars: int = option(default=100_000, validator=ge(2))
    count: int = option(default=1, validator=ge(1))
    seed: int = 0

    fields = ("open", "high", "low", "close")
    timezone = "UTC"
    interval = _MINUTE

    @property
    def symbols(self) -> tuple[str, ...]:
        return _names(self.count)

    def times(self) -> NDArray[np.int64]:
        time = _START + _MINUTE * np.arange(1, self.bars + 1)
        time.flags.writeable = False
        return time

    def read(self, start: int, stop: int) -> Bars:
        """Return bars; only the pages that they touch are made."""
        first = start // _PAGE
        pages = [_page(self.seed, self.count, p) for p in range(first, -(-stop // _PAGE))]
        rows = slice(start - first * _PAGE, stop - first * _PAGE)
        fields = {name: np.concatenate([page[i] for page in pages])[rows] for i, name in enumerate(self.fields)}
        time = _START + _MINUTE * np.arange(start + 1, stop + 1)
        for values in (time, *fields.values()):
            values.flags.writeable = False
        return Bars(time, self.symbols, fields)

    def fingerprint(self) -> str:
        return f"endless-{self.bars}-{self.count}-{self.seed}"

    def findings(self) -> tuple[str, ...]:
        return ()


@lru_cache(maxsize=2)
def _names(count: int) -> tuple[str, ...]:
    return tuple(f"S{i:04d}" for i in range(count))


@lru_cache(maxsize=4)
def _page(seed: int, count: int, number: int) -> NDArray[np.float64]:
    """Return open, high, low and close of one page, (4, 1024, S)."""
    rng = np.random.default_rng([seed, number])
    close = rng.standard_normal((_PAGE, count))
    np.cumsum(close, axis=0, out=close)
    bridge = np.linspace(0.0, 1.0, _PAGE)[:, None]
    here, there = (_anchor(seed, count, n) for n in (number, number + 1))
    close += (here - close[0]) * (1.0 - bridge) + (there - close[-1]) * bridge
    close *= _VOLATILITY
    np.exp(close, out=close)
    close *= 100.0
    page = np.empty((4, _PAGE, count))
    opens, high, low, page[3] = (*page[:3], close)
    opens[0], opens[1:] = close[0], close[:-1]
    np.multiply(np.maximum(opens, close), 1.0 + 0.3 * _VOLATILITY, out=high)
    np.multiply(np.minimum(opens, close), 1.0 - 0.3 * _VOLATILITY, out=low)
    return page


def _anchor(seed: int, count: int, number: int) -> NDArray[np.float64]:
    return np.random.default_rng([seed, number, 1]).standard_normal(count) * np.sqrt(_PAGE)


@hookimpl
def make_feed(options: Options) -> Endless:
    return options.into(Endless)
