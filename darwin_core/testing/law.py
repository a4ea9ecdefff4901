"""The law of causality, as cases: what is known of the past does not change when the future becomes known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.plugins import why
from darwin_core.protocols import WHOLE_TAPE
from darwin_core.testing import columns as invented
from darwin_core.testing.compare import check, differences, same_past
from darwin_core.testing.sample import contents, lend_market, sample_markets
from darwin_core.testing.suite import ComponentTests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core.testing.columns import Values
    from darwin_core.types import Bars, Market

_BLOCK_STARTS = 24
_SHARE_OF_STRAYS = 0.1


class LawTests(ComponentTests):
    """Cases for a component that is a causal function of a window of the market.

    Attributes
    ----------
    tolerance
        How far, relative to the value, the first row of a block may be from its value in the whole history: an
        exponential average with a finite look-back has forgotten a little.
    """

    columns: ClassVar[Mapping[str, Values]] = {}
    tolerance: ClassVar[float] = 1e-3

    def samples(self) -> Mapping[str, Bars]:
        """Return the bars on which the component is tried, by name; override it for bars of another kind."""
        return sample_markets()

    def requires(self, component: Any) -> Sequence[str]:  # noqa: ARG002 - a feature library requires nothing
        """Return the columns that the component reads."""
        return ()

    def answer(self, component: Any, market: Market, only: str = "") -> dict[str, NDArray[Any]]:
        """Return what the component says of a market, by name, one row a bar; the rest of `only` may be left out."""
        raise NotImplementedError

    def lookbacks(self, component: Any) -> dict[str, int]:
        """Return the look-back behind each output."""
        raise NotImplementedError

    def markets(self, component: Any) -> dict[str, Market]:
        """Return the samples with the columns that the component reads."""
        needed = self.requires(component)
        return {name: invented.market(bars, needed, self.columns) for name, bars in self.samples().items()}

    def says(self, folder: Path) -> dict[str, NDArray[Any]]:
        """Return what a fresh component says of all samples."""
        component = self.fresh(folder)
        said = {}
        for sample, market in self.markets(component).items():
            for output, values in self.answer(component, lend_market(market)).items():
                said[f"{output} on {sample} bars"] = values
        return said

    def test_the_past_does_not_change(self) -> None:
        """L1: the values of the bars so far are the same, bit for bit, whatever comes after them.

        When it fails: the message names the first row that changed. Look for a shift into the past (``shift(-1)``),
        a centred window, a fill from behind (``bfill``), a minimum, maximum or mean over the whole array, a fit on
        all of it, a sort; or for state kept from call to call.
        """
        component = self.make()
        for market in self.markets(component).values():
            whole = self.answer(component, lend_market(market))
            for rows in prefixes(market.bars):
                prefix = self._answer_short(component, lend_market(market, slice(rows)))
                check(
                    list(prefix) == list(whole),
                    f"it gives {', '.join(prefix)} on {rows} bars and {', '.join(whole)} on all",
                )
                for output, values in prefix.items():
                    same_past(output, whole[output], values, market.bars)

    def _answer_short(self, component: Any, market: Market, only: str = "") -> dict[str, NDArray[Any]]:
        """Return the answer about a stretch of history, or say how long it was when there is none."""
        try:
            return self.answer(component, market, only)
        except (ArithmeticError, IndexError, TypeError, ValueError) as error:
            raise AssertionError(f"on a history of {len(market)} bars it raises {why(error)}") from error

    def test_the_lookback_is_enough(self) -> None:
        """L2: with `lookback` bars before it, the first bar of a block has the value that the whole history gives it.

        When it fails: `lookback` is too short: count the bars that the longest window reaches back, and for an
        exponential average some ten times its length; WHOLE_TAPE asks for everything. For values that fade,
        `tolerance` may be raised.
        """
        component = self.make()
        lookbacks = self.lookbacks(component)
        for output, lookback in lookbacks.items():
            right = isinstance(lookback, int | np.integer) and (lookback >= 0 or lookback == WHOLE_TAPE)
            check(right, f"the look-back of {output} is {lookback!r}: it is a number of bars, or WHOLE_TAPE")
        for sample, market in self.markets(component).items():
            whole = self.answer(component, lend_market(market))
            for output, values in whole.items():
                share = self._strays(component, market, output, values, lookbacks[output])
                check(
                    share <= _SHARE_OF_STRAYS,
                    f"{output} on {sample} bars: with {lookbacks[output]} bars before it, {share:.0%} of the values in "
                    "the first row of a block are not those of the whole history",
                )

    def _strays(self, component: Any, market: Market, output: str, whole: NDArray[Any], lookback: int) -> float:
        """Return the share of values in the first rows of blocks that are not near those of the whole history."""
        if lookback == WHOLE_TAPE:
            return 0.0
        shares = []
        for start in np.linspace(len(market) // 4, len(market) - 1, _BLOCK_STARTS).astype(int):
            first = max(0, int(start) - lookback)
            window = lend_market(market, slice(first, int(start) + 1))
            block = self._answer_short(component, window, output)[output]
            shares.append(1.0 - float(np.mean(_near(whole[start], block[-1], self.tolerance))))
        return float(np.mean(shares))

    def test_inputs_stay_as_they_are(self) -> None:
        """L3: the component does not write to the arrays that it is given.

        When it fails: copy before you change: ``close = bars.close.copy()``; ``np.nan_to_num(x, copy=False)`` and
        ``x[mask] = 0`` write to the market that all components share.
        """
        component = self.make()
        for sample, market in self.markets(component).items():
            lent = lend_market(market)
            try:
                self.answer(component, lent)
            except ValueError as error:
                check("read-only" not in str(error), f"it writes to its input: {error}")
                raise
            found = differences(contents(market), contents(lent))
            check(not found, f"it changed its input, the {sample} bars: {found}")

    def test_calls_do_not_disturb_each_other(self) -> None:
        """L4: what the component says of one market does not depend on what it was asked before.

        When it fails: keep nothing on `self` or in the module between calls; compute what you need from the window.
        """
        component = self.make()
        markets = self.markets(component)
        alone = {name: self.answer(self.make(), lend_market(market)) for name, market in markets.items()}
        for name in [*markets, *reversed(markets)]:
            found = differences(alone[name], self.answer(component, lend_market(markets[name])))
            check(not found, f"asked about {name} bars after others: {found}")


def prefixes(bars: Bars) -> list[int]:
    """Return how many rows the prefixes have: the shortest, some of each length, those that end where a gap begins."""
    rows = len(bars)
    random = np.random.default_rng(rows)
    spread = (rows ** random.random(16)).astype(int)
    missing = np.isnan(bars.close)
    begins = missing & ~np.vstack([np.zeros((1, missing.shape[1]), np.bool_), missing[:-1]])
    gaps = np.flatnonzero(begins.any(axis=1)) + 1
    chosen = {1, 2, 3, 4, 5, rows - 1, *spread.tolist(), *gaps[:20].tolist(), *random.integers(1, rows, 8).tolist()}
    return sorted(n for n in chosen if 1 <= n < rows)


def _near(first: NDArray[Any], second: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    if first.dtype.kind != "f" and second.dtype.kind != "f":
        return np.asarray(first == second)
    near: NDArray[np.bool_] = np.isclose(first, second, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)
    return near
