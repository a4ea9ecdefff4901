"""A grid of parameters: which keys take which values, and each of its points."""

from __future__ import annotations

import math
import tomllib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from attrs import frozen

from darwin_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_POINTS = 200_000


@frozen
class Grid:
    """Every combination of some keys' values; the last key changes fastest.

    Parameters
    ----------
    keys
        Dotted keys of the deployment, ``strategy.fast``.
    values
        The values of each key.
    """

    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, table: Mapping[str, Iterable[Any]]) -> Grid:
        """Return the grid of a table; raise ConfigError when it is empty, repeats itself or is too large."""
        grid = cls(tuple(table), tuple(tuple(values) for values in table.values()))
        if not grid.keys:
            raise ConfigError("there is nothing to sweep: give --grid strategy.fast=5,10,20, or a [sweep] table")
        for key, values in zip(grid.keys, grid.values, strict=True):
            if len({(type(value), repr(value)) for value in values}) < len(values):
                raise ConfigError(f"the grid names a value of {key} twice: {', '.join(map(str, values))}")
        if len(grid) > MOST_POINTS:
            raise ConfigError(f"the grid has {len(grid):,} points, and {MOST_POINTS:,} are the most")
        return grid

    def __len__(self) -> int:
        """Return the number of points."""
        return math.prod(len(values) for values in self.values)

    def point(self, number: int) -> dict[str, Any]:
        """Return the values of point `number`, by key."""
        places = self.places(number)
        return {key: values[at] for key, values, at in zip(self.keys, self.values, places, strict=True)}

    def places(self, number: int) -> tuple[int, ...]:
        """Return the place of each of a point's values among those of its key."""
        found = []
        for values in reversed(self.values):
            number, at = divmod(number, len(values))
            found.append(at)
        return tuple(reversed(found))


def parse(text: str) -> tuple[str, tuple[Any, ...]]:
    """Read ``KEY=V1,V2,...`` or ``KEY=START:STOP:STEP``; a range includes its stop, and its step is 1 if not given.

    Examples
    --------
    >>> parse("strategy.fast=5,10,20")
    ('strategy.fast', (5, 10, 20))
    >>> parse("execution.fee=0:0.002:0.001")
    ('execution.fee', (0.0, 0.001, 0.002))
    """
    key, equals, given = text.partition("=")
    values = _span(given) if given.count(":") in (1, 2) else _values(given)
    if not equals or not key.strip() or not values:
        raise ConfigError(f"--grid {text}: write KEY=V1,V2,... or KEY=START:STOP:STEP, as in strategy.fast=5:50:5")
    return key.strip(), values


def _values(given: str) -> tuple[Any, ...]:
    """Read values as TOML does; what is no TOML value is a word."""
    try:
        return tuple(tomllib.loads(f"values = [{given}]")["values"])
    except tomllib.TOMLDecodeError:
        return tuple(_value(word.strip()) for word in given.split(","))


def _value(word: str) -> Any:
    try:
        return tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        return word


def _span(given: str) -> tuple[Any, ...]:
    """Read a range, in decimal arithmetic: 0.1 to 0.3 in steps of 0.1 ends with 0.3."""
    try:
        start, stop, step = (Decimal(word.strip()) for word in (given + ":1").split(":")[:3])
    except InvalidOperation:
        return _values(given)
    if not all(number.is_finite() for number in (start, stop, step)) or step <= 0 or stop < start:
        raise ConfigError(f"--grid ...={given}: a range goes up from START to STOP in steps above 0")
    count = int((stop - start) / step) + 1
    if count > MOST_POINTS:
        raise ConfigError(f"--grid ...={given}: this range has {count:,} values, and {MOST_POINTS:,} are the most")
    whole = not any(letter in given for letter in ".eE")
    return tuple(int(start + i * step) if whole else float(start + i * step) for i in range(count))
