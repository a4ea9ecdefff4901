"""Suites for the kinds that look at the market only: features, strategies and safety monitors."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.errors import PluginError
from darwin_core.plugins import Owner
from darwin_core.protocols import WHOLE_TAPE
from darwin_core.testing import columns as invented
from darwin_core.testing.compare import check, differences
from darwin_core.testing.law import LawTests
from darwin_core.testing.sample import lend, lend_market
from darwin_core.types import Limits, Market, Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.protocols import Features
    from darwin_core.testing.columns import Values
    from darwin_core.types import Bars

_OUTPUTS = ("side", "weight", "confidence", "candidate", "stop", "take_profit")
_COLUMN = re.compile(r"([a-z][a-z0-9_]*)(?:\(([^()]*)\))?")


class FeaturesTests(LawTests):
    """Cases for a feature library.

    Attributes
    ----------
    expressions
        The columns that are tried, as components ask for them, ``sma(10)``: at least one of each name on offer.
    """

    kind: ClassVar[str] = "features"
    expressions: ClassVar[Sequence[str]] = ()

    def answer(self, component: Features, market: Market) -> dict[str, NDArray[Any]]:
        """Return each column over the market's bars."""
        return {
            text: np.asarray(component.column(*_parsed(text)).compute(market.bars)) for text in self._expressions(component)
        }

    def lookbacks(self, component: Features) -> dict[str, int]:
        """Return each column's look-back."""
        return {text: component.column(*_parsed(text)).lookback for text in self._expressions(component)}

    def _expressions(self, component: Features) -> Sequence[str]:
        return self.expressions or [name for name in component.names if _takes_nothing(component, name)]

    def test_every_column_is_tried(self) -> None:
        """F1: every name on offer is among the expressions of the suite, and every expression has a name on offer.

        When it fails: set ``expressions = ("sma(10)", ...)`` in your test class, at least one for each name.
        """
        library = self.make()
        tried = {_parsed(text)[0] for text in self._expressions(library)}
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

        When it fails: return one row for each bar of the window, warm-up rows included (NaN), and one column for each symbol.
        """
        library = self.make()
        for sample, market in self.markets(library).items():
            bars = market.bars
            for text, values in self.answer(library, lend_market(market)).items():
                shapes = ((len(bars), len(bars.symbols)), (len(bars), 1), (len(bars),))
                check(values.shape in shapes, f"{text} on {sample} bars has shape {values.shape}, not {shapes[0]} or {shapes[2]}")
                check(values.dtype.kind in "fiub", f"{text} is of {values.dtype}, not of numbers")

    def test_values_are_finite_or_missing(self) -> None:
        """F4: a value is finite, or NaN when it is not known; never infinite.

        When it fails: look for a division by zero: a price that stands still has no deviation, a bar may have no volume.
        """
        library = self.make()
        for sample, market in self.markets(library).items():
            for text, values in self.answer(library, lend_market(market)).items():
                bad = np.argwhere(np.isinf(values.astype(np.float64)))
                check(not len(bad), f"{text} is infinite on {sample} bars, first at row {bad[0][0] if len(bad) else 0}")
                check(np.isfinite(values.astype(np.float64)).any(), f"{text} is never known on {sample} bars")

    def test_senseless_arguments_are_refused(self) -> None:
        """F5: arguments that make no sense raise ValueError with a sentence.

        When it fails: check the number of the arguments and their values in `column`, and raise ``ValueError("sma(n) takes
        a whole number of bars, 1 or more")``.
        """
        library = self.make()
        for text in self._expressions(library):
            name, arguments = _parsed(text)
            wrong = [(*arguments, *[7.0] * 9)] + [arguments[:i] + (math.nan,) + arguments[i + 1 :] for i in range(len(arguments))]
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


class StrategyTests(LawTests):
    """Cases for a strategy.

    Attributes
    ----------
    columns
        What the columns of `requires` hold: a range ``(low, high)``, a list of values, or a function of the
        bars; invented numbers between -3 and 3 for those that are not named.
    """

    kind: ClassVar[str] = "strategy"
    columns: ClassVar[Mapping[str, Values]] = {}

    def requires(self, component: Any) -> Sequence[str]:
        """Return the columns that it reads."""
        return tuple(component.requires)

    def answer(self, component: Any, market: Market) -> dict[str, NDArray[Any]]:
        """Return the parts of the proposal, (T, S) each."""
        proposal = component.propose(market)
        check(isinstance(proposal, Proposal), f"propose returned {type(proposal).__name__}, not a Proposal")
        shape = market.bars.close.shape
        parts = {}
        for name in _OUTPUTS:
            value = getattr(proposal, name)
            if value is not None:
                try:
                    parts[name] = np.broadcast_to(np.asarray(value), shape)
                except ValueError:
                    raise AssertionError(f"{name} has shape {np.shape(value)}, which does not fit {shape}") from None
        return parts

    def lookbacks(self, component: Any) -> dict[str, int]:
        """Return the look-back of every part, which is the strategy's."""
        return dict.fromkeys(_OUTPUTS, component.lookback)

    def test_requires_columns_that_can_exist(self) -> None:
        """S1: `requires` names feature columns, each of them once, and nothing of the account.

        When it fails: a strategy sees the market only; what depends on the account is an agent's business.
        """
        _feature_names(self.make())

    def test_proposals_are_accepted_by_the_core(self) -> None:
        """S2: on data with gaps, late listings and standing prices, the proposal is one that the core takes.

        When it fails: the message names the first bad cell. Compare with NaN in mind (``nan > 1`` is False), and give rows
        that are not known yet side 0.
        """
        from darwin_core.evaluate import cut_proposal
        from darwin_core.forming import form

        component = self.make()
        owner = Owner(self.kind, self.use, "under test")
        for sample, market in self.markets(component).items():
            lent = lend_market(market)
            try:
                cut = cut_proposal(owner, component.propose(lent), lent, 0)
                form(owner, cut, lent.bars, np.zeros(len(lent.bars.symbols), np.int8))
            except PluginError as error:
                raise AssertionError(f"on {sample} bars: {error}") from None

    def test_proposes_something(self) -> None:
        """S3: on at least one of the samples, some row has a side.

        When it fails: the other cases prove nothing about a strategy that is always flat. Set `columns` to values on
        which it acts, or override `samples` with bars on which it does.
        """
        component = self.make()
        sides = [self.answer(component, lend_market(m))["side"] for m in self.markets(component).values()]
        check(any(np.any(side != 0) for side in sides), "it never has a side on the sample data")


class MonitorTests(LawTests):
    """Cases for a safety monitor; `columns` as in `StrategyTests`."""

    kind: ClassVar[str] = "monitor"
    columns: ClassVar[Mapping[str, Values]] = {}

    def requires(self, component: Any) -> Sequence[str]:
        """Return the columns that it reads."""
        return tuple(component.requires)

    def answer(self, component: Any, market: Market) -> dict[str, NDArray[Any]]:
        """Return its word for each bar, (T,)."""
        return {"allow": np.asarray(component.allow(market))}

    def lookbacks(self, component: Any) -> dict[str, int]:
        """Return its look-back."""
        return {"allow": component.lookback}

    def test_requires_columns_that_can_exist(self) -> None:
        """M1: `requires` names feature columns, each of them once, and nothing of the account.

        When it fails: limits on the account (drawdown, gross, weight) stand in `limits`; the core holds them.
        """
        _feature_names(self.make())

    def test_allows_or_not_for_every_bar(self) -> None:
        """M2: `allow` returns bool of shape (T,), whatever is missing.

        When it fails: decide what a NaN means (``nan > 3`` is False), and return one bool for each bar of the window.
        """
        component = self.make()
        for sample, market in self.markets(component).items():
            allowed = self.answer(component, lend_market(market))["allow"]
            check(allowed.shape == (len(market),), f"allow has shape {allowed.shape} on {sample} bars, not ({len(market)},)")
            check(allowed.dtype == np.bool_, f"allow is of {allowed.dtype}, not bool")

    def test_limits_are_limits(self) -> None:
        """M3: `limits` is a `Limits` of sensible numbers, and stays the same.

        When it fails: build it from the options alone: ``Limits(max_weight=self.max_weight)``; shares are above 0, a
        drawdown is at most 1.
        """
        component = self.make()
        limits = component.limits
        check(isinstance(limits, Limits), f"limits is {type(limits).__name__}, not Limits")
        for name in ("max_weight", "max_gross", "max_drawdown"):
            value = getattr(limits, name)
            check(value > 0.0, f"limits.{name} is {value}: it is above 0")
        check(limits.max_drawdown <= 1.0, f"limits.max_drawdown is {limits.max_drawdown}: it is at most 1")
        for market in self.markets(component).values():
            component.allow(lend_market(market))
        check(component.limits == limits, "limits changed between two looks at them")


def _parsed(text: str) -> tuple[str, tuple[float, ...]]:
    match = _COLUMN.fullmatch(text)
    if match is None:
        raise AssertionError(f"{text!r} is no column: write name or name(number, ...)")
    return match[1], tuple(float(number) for number in (match[2] or "").split(",") if number.strip())


def _takes_nothing(library: Features, name: str) -> bool:
    try:
        library.column(name, ())
    except ValueError:
        return False
    return True


def _feature_names(component: Any) -> None:
    names = list(component.requires)
    check(len(set(names)) == len(names), "`requires` names a column twice")
    for name in names:
        check(_COLUMN.fullmatch(name), f"`requires` names {name!r}, which is no feature column: name or name(number, ...)")
