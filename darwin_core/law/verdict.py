"""Where two answers of a component differ, and which way it breaks the law."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from attrs import define, frozen

from darwin_core.errors import PluginError
from darwin_core.evaluate import stamp
from darwin_core.law import cuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from darwin_core.law.cuts import Window
    from darwin_core.law.twins import Origin
    from darwin_core.plugins import Owner
    from darwin_core.types import Bars, Market

    Outputs: TypeAlias = Mapping[str, NDArray[Any] | float | None]

_FUTURE = 64
"""Rows of a made-up future."""


@define(eq=False)
class Subject:
    """A component that looks at the market only, and how it is asked.

    Parameters
    ----------
    words
        What its outputs are called in errors: ``column 'sma(10)'``; empty: by their own names.
    ask
        Returns the outputs over the last rows of a window, by name, each (rows, S), (rows, 1), a scalar or None.
    budget, spent
        What a cheap audit may ask it about and what it has asked about, in bars times symbols.
    sampled
        Blocks in which it is asked for sure.
    missing
        Kinds of places for which no block has had one yet.
    """

    name: str
    owner: Owner
    words: str
    lookback: int
    ask: Callable[[Any, Market, int], Outputs]
    origin: Origin
    budget: float
    sampled: frozenset[int]
    missing: set[str]
    spent: float = 0.0
    asked: int = 0

    @contextmanager
    def awake(self) -> Iterator[Any]:
        """Wake a twin that has not been asked anything; what it would warn of, the run's own call has warned of."""
        with self.origin.twin() as component, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield component

    def fresh(self, window: Market, rows: int) -> Outputs:
        """Ask such a twin about a window."""
        with self.awake() as component:
            return self.ask(component, window, rows)


@frozen
class Difference:
    """The last cell in which two answers differ; `column` is None when it stands for all symbols."""

    output: str
    row: int
    column: int | None
    first: object
    second: object


def difference(one: Outputs, other: Outputs, rows: int) -> Difference | None:
    """Return the last cell in which the first `rows` of two answers differ, or None."""
    for output, after in other.items():
        before = one[output]
        if before is None and after is None:
            continue
        if before is None or after is None:
            values = ("None" if v is None else "an array" for v in (before, after))
            return Difference(output, rows - 1, None, *values)
        first, second = _head(before, rows), _head(after, rows)
        if first.shape == second.shape and first.dtype == second.dtype and first.tobytes() == second.tobytes():
            continue  # by far the most, and by far the fastest to find out
        wrong = ~same(first, second)
        if wrong.any():
            wrong = wrong if wrong.ndim else np.broadcast_to(wrong, (rows, 1))
            row, column = (int(i) for i in np.argwhere(wrong)[-1])
            cells = (np.broadcast_to(v, wrong.shape)[row, column].item() for v in (first, second))
            return Difference(output, row, column if wrong.shape[1] > 1 else None, *map(repr, cells))
    return None


def _head(value: Any, rows: int) -> NDArray[Any]:
    """Return the first rows of an output, of a scalar itself."""
    array = np.asarray(value)
    return array[:rows] if array.ndim else array


@frozen(eq=False)
class Cut:
    """A window that was cut.

    Parameters
    ----------
    window
        The window of the whole block.
    stop, rows
        Where it is cut: rows of the window, and of the block, that are left.
    kind
        What comes after the cut: end, boom or crash.
    """

    window: Window
    stop: int
    rows: int
    kind: str

    def shown(self) -> Market:
        """Return what a twin is shown."""
        if self.kind in cuts.FUTURES:
            return self.window.future(self.stop, self.kind, _FUTURE)
        return self.window.own(self.stop)

    def block(self) -> Bars:
        """Return the bars of the whole block."""
        return self.window.market.bars[self.stop - self.rows :]


def verdict(subject: Subject, cut: Cut, whole: Outputs, again: Outputs) -> str:
    """Find out which way the law is broken, and say it with bar and values.

    Parameters
    ----------
    whole, again
        What the run's component said of the whole, and what a twin said after the cut.
    """
    bars, rows, prefix = cut.block(), cut.rows, cut.window.own(cut.stop)
    end = stamp(prefix.bars.time[-1])

    def fresh(window: Market) -> Outputs:
        return subject.fresh(window, rows + len(window) - cut.stop)

    def say(found: Difference, why: str) -> str:
        return f"{_place(subject, bars, found)}: {why}"

    try:
        first, second = fresh(prefix), fresh(prefix)
    except PluginError:  # it fails on the prefix; what came after the cut has shown it all the same
        first, second = fresh(cut.shown()), fresh(cut.shown())
    unasked = fresh(cut.window.market)
    if found := difference(first, second, rows) or difference(unasked, fresh(cut.window.market), rows):
        why = "asked twice about the same bars, it answers differently"
        return say(found, f"{why}: unseeded randomness, or the wall clock")
    if found := difference(unasked, first, rows):
        why = f"the first when the bars after {end} are in the array, the second when they are not"
        return say(found, f"{why}: it looks ahead")
    if found := difference(first, fresh(cut.shown()), rows):
        moved = "double" if cut.kind == "boom" else "halve"
        why = f"the first when the bars end at {end}, the second when prices {moved} after that"
        return say(found, f"{why}: it looks ahead")
    remembers = "it remembers past calls, and a component keeps no state"
    if found := difference(unasked, whole, rows) or difference(first, again, rows):
        why = "the first when it is asked for the first time, the second after other calls"
        return say(found, f"{why}: {remembers}")
    found = difference(whole, again, rows)
    return say(found, remembers) if found else f"{subject.owner}: {remembers}"


def _place(subject: Subject, bars: Bars, found: Difference) -> str:
    column = 0 if found.column is None and len(bars.symbols) == 1 else found.column
    symbol = "all symbols" if column is None else bars.symbols[column]
    what = subject.words or repr(found.output)
    where = f"{subject.owner}: {what} for {symbol} at {stamp(bars.time[found.row])}"
    return f"{where} is once {found.first} and once {found.second}"


def same(first: Any, second: Any) -> Any:
    """Compare with ``==``; NaN equals NaN."""
    return (first == second) | ((first != first) & (second != second))  # noqa: PLR0124 - only NaN differs from itself
