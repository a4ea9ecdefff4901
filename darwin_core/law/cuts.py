"""Where the audit cuts: the bars after which a component is asked again, without the rest of the block.

A look ahead shows only where what it saw made a difference, and a component that says one of few things (long or
flat, allowed or not) hides most of it. So beside random bars the audit cuts where the difference is likely: at bars
where the output has just changed, inside gaps, and at the ends of calendar periods. And it puts futures that never
came behind a cut, a boom and a crash: what a component said before must not care.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen

from darwin_core.blocks import period
from darwin_core.types import Bars, Market

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from darwin_core.types import Floats, Ints

CHANGES, FUTURES = ("on", "off"), ("boom", "crash")
_SCANNED, _SCANS = 4096, (64, 512, 4096)
_FIRST = 16
_UNITS = ("quarter", "month", "week", "day", "hour")


@define(eq=False)
class Terrain:
    """One block's bars, and the places in it that do not depend on the component, found once."""

    bars: Bars
    _found: dict[str, Ints] = field(factory=dict, init=False)

    def rows(self, kind: str) -> Ints:
        """Return the rows of `kind`: the last row of a prefix that ends there."""
        if kind not in self._found:
            finder: Callable[[Bars], Ints] = {"gap": _gaps, "period": _periods}[kind]
            self._found[kind] = finder(self.bars)
        return self._found[kind]


@frozen
class Reach:
    """How long the prefixes of a component may be.

    Parameters
    ----------
    least
        Rows of the block after which the component has its whole look-back.
    most
        Rows that the random prefixes should not exceed, for the time they take.
    """

    least: int
    most: int


def changes(kind: str, outputs: Sequence[Floats]) -> Ints:
    """Return the first rows on which an output has risen (on) or fallen (off)."""
    compare = np.greater if kind == "on" else np.less
    found = [_changed(compare, output) for output in outputs if output.strides[0]]  # a broadcast scalar does neither
    return np.concatenate([np.empty(0, np.int64), *found])


def _changed(compare: np.ufunc, output: Floats) -> Ints:
    for rows in _SCANS:
        head = output[:rows]
        found = np.flatnonzero(compare(head[1:], head[:-1]).any(axis=1))[:_FIRST] + 1
        if len(found) == _FIRST or len(head) < rows:
            break
    return found


def _gaps(bars: Bars) -> Ints:
    """Return the last rows of gaps: a symbol has no bar, and has one on the next row."""
    found = [np.empty(0, np.int64)]
    for values in (bars.close, *bars.reference.values()):
        missing = np.isnan(values)
        if missing.any():
            ends = missing[:-1] & ~missing[1:]
            found.append(np.flatnonzero(ends if ends.ndim == 1 else ends.any(axis=1)))
    return np.concatenate(found)


def _periods(bars: Bars) -> Ints:
    """Return the last rows of calendar periods: the longest unit that ends in the block, and the sessions."""
    for unit in _UNITS:
        ends = _ends(bars, unit)
        if len(ends):
            sessions = _ends(bars, "day") if unit != "day" else ends
            return np.concatenate([ends, sessions[: len(ends)]])
    return np.empty(0, np.int64)


def _ends(bars: Bars, unit: str) -> Ints:
    time = bars.time[:_SCANNED]
    first, last = period(time[[0, -1]], unit, bars.timezone)
    if first == last:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.diff(period(time, unit, bars.timezone)))


def fitting(rows: Ints, reach: Reach, n: int) -> Ints:
    """Return the lengths of prefixes that end on one of `rows` and leave a rest of the block.

    Those longer than they should be are left out, or all but the shortest if all are.
    """
    lengths = rows + 1
    fit = lengths[(lengths >= reach.least) & (lengths < n)]
    near = fit[fit <= reach.most]
    return near if len(near) or not len(fit) else fit.min(keepdims=True)


def pick(lengths: Ints, rng: np.random.Generator) -> int:
    """Return one of some lengths, all equally likely."""
    return int(lengths[rng.integers(len(lengths))])


def short(reach: Reach, n: int, rng: np.random.Generator) -> int:
    """Return a random length, its logarithm spread evenly: short ones are where a look ahead shows most."""
    last = max(1, n - 1)
    low = min(reach.least, last)
    room = max(1, min(reach.most, last) - low)
    return min(last, low - 1 + math.ceil(math.exp(math.log(room + 1) * rng.random())))


def anywhere(reach: Reach, n: int, rng: np.random.Generator) -> int:
    """Return a random length, all equally likely."""
    last = max(1, n - 1)
    low = min(reach.least, last)
    return int(rng.integers(low, max(low, min(reach.most, last)) + 1))


@define(eq=False)
class Window:
    """What a component has been shown of a block, to be cut in many ways, each in memory of its own."""

    market: Market

    def own(self, stop: int) -> Market:
        """Return the first `stop` bars; nothing can reach beyond them."""
        market = self.market
        features = _Made(market.features, lambda _, values: values[:stop].copy())
        return Market(_bars(market.bars, stop, lambda _, values: values[:stop].copy()), features)

    def future(self, stop: int, kind: str, rows: int) -> Market:
        """Return the first `stop` bars and up to `rows` more, of a future in which prices doubled or halved.

        Features after the cut are the highest or the lowest that there have been.
        """
        market, end = self.market, stop + rows
        factor = 2.0 if kind == "boom" else 0.5

        def scaled(name: str, values: Floats) -> Floats:
            values = values[:end].copy()
            values[stop:] *= 1.0 / factor if name == "volume" else factor
            return values

        def extreme(_: str, values: Floats) -> Floats:
            values = values[:end].copy()
            values[stop:] = highest_or_lowest(values, axis=0)
            return values

        highest_or_lowest = (np.fmax if kind == "boom" else np.fmin).reduce
        return Market(_bars(market.bars, end, scaled), _Made(market.features, extreme))


def _bars(bars: Bars, stop: int, made: Callable[[str, Floats], Floats]) -> Bars:
    """Return the first `stop` bars, their prices as they are made of the whole ones."""
    return Bars(
        _sealed(bars.time[:stop].copy()),
        bars.symbols,
        _Made(bars.fields, made),
        _Made(bars.reference, lambda _, values: made("close", values)),
        bars.timezone,
    )


@define(eq=False)
class _Made(Mapping[str, "Floats"]):
    """Arrays that are made of others when they are looked at first: most components look at one or two of them."""

    _whole: Mapping[str, Floats]
    _make: Callable[[str, Floats], Floats]
    _done: dict[str, Floats] = field(factory=dict, init=False)

    def __getitem__(self, name: str) -> Floats:
        if name not in self._done:
            self._done[name] = _sealed(self._make(name, self._whole[name]))
        return self._done[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


def _sealed(values: NDArray[Any]) -> NDArray[Any]:
    """Return the same array, which refuses to be written to from now on."""
    values.flags.writeable = False
    return values
