"""The library: from a column's name and numbers to the column."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from darwin_core import Bars, DataError, did_you_mean
from darwin_indicators.calendar import CALENDAR
from darwin_indicators.catalogue import ENTRIES, MOMENTUM, Number, arguments
from darwin_indicators.cross_section import Breadth, Rank
from darwin_indicators.own_bars import EVERYTHING, OwnBars, Recipe

if TYPE_CHECKING:
    from darwin_core import Column
    from darwin_indicators.windows import Floats

ACROSS: dict[str, tuple[Number, ...]] = {"breadth": (Number("n", 50),), "rank": MOMENTUM}
OF_REFERENCES = tuple(name for name, entry in ENTRIES.items() if entry.fields == ("close",))
NAMES = (*ENTRIES, *ACROSS, *CALENDAR)


@frozen(eq=False)
class OfReference:
    """A column of a series that is watched and not traded, the same for all symbols, (T,)."""

    series: str
    column: Column

    @property
    def lookback(self) -> int:
        """Rows before the first one of interest."""
        return self.column.lookback

    def compute(self, bars: Bars) -> Floats:
        """Return the column, (T,); raise DataError when the feed has no such series."""
        if self.series not in bars.reference:
            msg = f"the feed has no reference {self.series!r}: {did_you_mean(self.series, bars.reference)}"
            raise DataError(msg)
        close = bars.reference[self.series][:, None]
        values: Floats = self.column.compute(Bars(bars.time, (self.series,), {"close": close}, {}, bars.timezone))[:, 0]
        return values


def _prefixes(_: object, __: object, value: dict[str, str]) -> None:
    for prefix in value:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", prefix):
            msg = f"{prefix!r} cannot begin a column's name: small letters, digits and _ only, a letter first"
            raise ValueError(msg)
    made = [f"{prefix}_{name}" for prefix in value for name in OF_REFERENCES]
    for name in made:
        if name in NAMES or made.count(name) > 1:
            msg = f"two columns would be named {name}: choose another prefix"
            raise ValueError(msg)


@frozen(eq=False)
class Indicators:
    """Well-known causal features.

    Parameters
    ----------
    references
        Prefix to the feed's name of a reference series: ``{ vix = "VIX" }`` gives ``vix_level``,
        ``vix_return(5)``, ``vix_zscore(252)`` and so on, for every column that reads closes only.
    span, slack
        The bars of an n-bar value are looked for in the last ``span * n + slack`` rows. Without missing bars
        this changes nothing; ``span = 1.0, slack = 0`` makes a value NaN as soon as a bar of its window is
        missing.
    """

    references: dict[str, str] = attrs.field(factory=dict, validator=_prefixes)
    span: float = attrs.field(default=2.0, validator=[attrs.validators.ge(1.0), attrs.validators.le(1000.0)])
    slack: int = attrs.field(default=10, validator=[attrs.validators.ge(0), attrs.validators.le(100_000)])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns on offer, without their numbers."""
        return (*NAMES, *(f"{prefix}_{name}" for prefix in self.references for name in OF_REFERENCES))

    def column(self, name: str, arguments: tuple[float, ...]) -> Column:
        """Return a column; raise ValueError with a sentence when there is none of the name or the numbers."""
        for prefix, series in self.references.items():
            inner = name.removeprefix(f"{prefix}_")
            if inner != name and inner in OF_REFERENCES and name not in NAMES:
                return OfReference(series, self._own_bars(inner, name, arguments))
        if name in ENTRIES:
            return self._own_bars(name, name, arguments)
        if name == "breadth":
            return Breadth(self._own_bars("sma", name, _numbers(name, ACROSS[name], arguments)))
        if name == "rank":
            return Rank(self._own_bars("momentum", name, _numbers(name, ACROSS[name], arguments)))
        if name in CALENDAR:
            _numbers(name, (), arguments)
            return CALENDAR[name]
        msg = f"there is no column {name!r}: {did_you_mean(name, self.names)}"
        raise ValueError(msg)

    def _own_bars(self, name: str, shown: str, given: tuple[float, ...]) -> OwnBars:
        entry = ENTRIES[name]
        recipe = entry.recipe(*_numbers(shown, entry.numbers, given))
        return OwnBars(entry.fields, recipe, self._reach(recipe))

    def _reach(self, recipe: Recipe) -> int:
        return EVERYTHING if recipe.full == EVERYTHING else math.ceil(self.span * recipe.full) + self.slack


def _numbers(name: str, numbers: tuple[Number, ...], given: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(arguments(name, numbers, given))
