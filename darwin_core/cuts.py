"""Where the audit cuts: the bars after which a component is asked again, without the rest of the block.

A look ahead shows only where what it saw made a difference, and a component that says one of few things (long or
flat, allowed or not) hides most of it. So beside random bars the audit cuts where the difference is likely: at bars
where the output has just changed, inside gaps, and at the ends of calendar periods. And it puts futures that never
came behind a cut, a boom and a crash: what a component said before must not care.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, evolve, field, frozen

from darwin_core.blocks import period
from darwin_core.types import Market, read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darwin_core.types import Bars, Floats, Ints

CHANGES, FUTURES = ("on", "off"), ("boom", "crash")
_SCANNED, _SCANS = 4096, (512, 4096)
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
    return np.flatnonzero(np.diff(period(bars.time[:_SCANNED], unit, bars.timezone)))


def draw(rows: Ints, reach: Reach, n: int, rng: np.random.Generator) -> int | None:
    """Return the length of a prefix that ends on one of `rows`, or None when none leaves a rest of the block."""
    fit = rows[(rows + 1 >= reach.least) & (rows + 1 < n)]
    near = fit[fit < reach.most]
    if len(near):
        return int(rng.choice(near)) + 1
    return int(fit.min()) + 1 if len(fit) else None


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


def future(market: Market, stop: int, kind: str, rows: int) -> Market:
    """Return the first `stop` bars of a window and up to `rows` more, of a future in which prices doubled or halved.

    Features after the cut are the highest or the lowest that the window has.
    """
    factor, extreme = (2.0, np.fmax) if kind == "boom" else (0.5, np.fmin)
    whole = own(market, min(len(market), stop + rows))

    def scaled(values: Floats, factor: float) -> Floats:
        return read_only(np.concatenate([values[:stop], values[stop:] * factor]))

    bars = evolve(
        whole.bars,
        fields={n: scaled(v, 1.0 / factor if n == "volume" else factor) for n, v in whole.bars.fields.items()},
        reference={n: scaled(v, factor) for n, v in whole.bars.reference.items()},
    )
    features = {}
    for name, values in whole.features.items():
        later = np.broadcast_to(extreme.reduce(market.features[name], axis=0), values[stop:].shape)
        features[name] = read_only(np.concatenate([values[:stop], later]))
    return Market(bars, features)


def own(market: Market, stop: int) -> Market:
    """Return the first `stop` bars in memory of their own, so that nothing can reach beyond them."""
    bars = market.bars[:stop]
    fields = {name: read_only(values.copy()) for name, values in bars.fields.items()}
    reference = {name: read_only(values.copy()) for name, values in bars.reference.items()}
    time = read_only(bars.time.copy())
    features = {name: read_only(values[:stop].copy()) for name, values in market.features.items()}
    return Market(evolve(bars, time=time, fields=fields, reference=reference), features)
