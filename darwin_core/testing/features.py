"""The suite for feature libraries."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.testing import columns
from darwin_core.testing.compare import check
from darwin_core.testing.law import LawTests
from darwin_core.testing.sample import lend_market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core.protocols import Features
    from darwin_core.types import Market


class FeaturesTests(LawTests):
    """Cases for a feature library.

    Attributes
    ----------
    expressions
        The columns that are tried, as components ask for them, ``sma(10)``: at least one of each name on offer.
    """

    kind: ClassVar[str] = "features"
    expressions: ClassVar[Sequence[str]] = ()

    def answer(self, component: Features, market: Market, only: str = "") -> dict[str, NDArray[Any]]:
        """Return each column over the market's bars."""
        wanted = [only] if only else self._expressions(component)
        return {text: np.asarray(component.column(*columns.parsed(text)).compute(market.bars)) for text in wanted}

    def lookbacks(self, component: Features) -> dict[str, int]:
        """Return each column's look-back."""
        return {text: component.column(*columns.parsed(text)).lookback for text in self._expressions(component)}

    def _expressions(self, component: Features) -> Sequence[str]:
        return self.expressions or [name for name in component.names if _takes_nothing(component, name)]

    def test_every_column_is_tried(self) -> None:
        """F1: every name on offer is among the expressions of the suite, and every expression has a name on offer.

        When it fails: set ``expressions = ("sma(10)", ...)`` in your test class, at least one for each name.
        """
        library = self.make()
        tried = {columns.parsed(text)[0] for text in self._expressions(library)}
        missing = [name for name in library.names if name not in tried]
        check(not missing, f"not in `expressions`: {', '.join(missing)}")
        check(tried <= set(library.names), f"not on offer: {', '.join(sorted(tried - set(library.names)))}")

    def test_names_can_be_asked_for(self) -> None:
        """F2: names are lower-case words, each of them once.

        When it fails: rename the column: letters, digits and underscores, a letter first, no dot.
        """
        names = list(self.make().names)
        check(names, "the library offers nothing")
        for name in names:
            check(re.fullmatch(r"[a-z][a-z0-9_]*", name), f"{name!r} is no column name: a-z, 0-9 and _ are")
        check(len(set(names)) == len(names), "a name is offered twice")

    def test_shapes_are_right(self) -> None:
        """F3: a column is (T, S), or (T,) when it is the same for all symbols, of real numbers.

        When it fails: return one row for each bar of the window, warm-up rows included (NaN), and one column for
        each symbol.
        """
        library = self.make()
        for sample, market in self.markets(library).items():
            bars = market.bars
            for text, values in self.answer(library, lend_market(market)).items():
                shapes = ((len(bars), len(bars.symbols)), (len(bars), 1), (len(bars),))
                check(
                    values.shape in shapes,
                    f"{text} on {sample} bars has shape {values.shape}, not {shapes[0]} or {shapes[2]}",
                )
                check(values.dtype.kind in "fiub", f"{text} is of {values.dtype}, not of numbers")

    def test_values_are_finite_or_missing(self) -> None:
        """F4: a value is finite, or NaN when it is not known; never infinite.

        When it fails: look for a division by zero: a price that stands still has no deviation, a bar may have no
        volume.
        """
        library = self.make()
        for sample, market in self.markets(library).items():
            for text, values in self.answer(library, lend_market(market)).items():
                bad = np.argwhere(np.isinf(values.astype(np.float64)))
                check(not len(bad), f"{text} is infinite on {sample} bars, first at row {bad[0][0] if len(bad) else 0}")
                check(np.isfinite(values.astype(np.float64)).any(), f"{text} is never known on {sample} bars")

    def test_senseless_arguments_are_refused(self) -> None:
        """F5: arguments that make no sense raise ValueError with a sentence.

        When it fails: check the number of the arguments and their values in `column`, and raise
        ``ValueError("sma(n) takes a whole number of bars, 1 or more")``.
        """
        library = self.make()
        for text in self._expressions(library):
            name, arguments = columns.parsed(text)
            wrong = [(*arguments, *[7.0] * 9)] + [
                (*arguments[:i], math.nan, *arguments[i + 1 :]) for i in range(len(arguments))
            ]
            for given in wrong:
                self._refused(library, name, given)

    @staticmethod
    def _refused(library: Features, name: str, arguments: tuple[float, ...]) -> None:
        written = f"{name}({', '.join(f'{number:g}' for number in arguments)})"
        try:
            library.column(name, arguments)
        except ValueError as error:
            check(str(error).strip(), f"{written} is refused without a word")
        except Exception as error:
            raise AssertionError(f"{written} raises {type(error).__name__}, not ValueError: {error}") from error
        else:
            raise AssertionError(f"{written} is taken, and makes no sense")


def _takes_nothing(library: Features, name: str) -> bool:
    try:
        library.column(name, ())
    except ValueError:
        return False
    return True
