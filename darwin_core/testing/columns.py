"""Invented feature columns: values for whatever a component requires, without the plugin that computes it."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from darwin_core.errors import did_you_mean
from darwin_core.testing.compare import check
from darwin_core.types import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from darwin_core.types import Bars, Floats

    Values: TypeAlias = tuple[float, float] | Sequence[float] | Callable[[Bars], Floats]

_COLUMN = re.compile(r"([a-z][a-z0-9_]*)(?:\(([^()]*)\))?")
_WARM_UP = 12
_SIDES, _SHARE = (-1.0, 0.0, 1.0), (0.0, 1.0)
LIVE: Mapping[str, Values] = {
    "proposal.side": _SIDES,
    "proposal.weight": _SHARE,
    "proposal.confidence": _SHARE,
    "strategy.side": _SIDES,
    "strategy.weight": _SHARE,
    "strategy.confidence": _SHARE,
    "account.cash": (-0.5, 1.0),
    "account.drawdown": _SHARE,
    "account.gross": (0.0, 1.5),
    "account.net": (-1.0, 1.5),
    "account.weight": (-0.5, 1.0),
    "account.unrealized": (-0.9, 3.0),
    "account.age": tuple(float(n) for n in range(60)),
}
"""What the columns of proposal and account hold in a run: a range, or the values that there are."""

UNKNOWN: Values = (-3.0, 3.0)
"""The range of a feature column about which the suite says nothing."""


def is_live(name: str) -> bool:
    """Return whether a column tells of the proposal or the account, not of the market."""
    return name.split(".", maxsplit=1)[0] in ("proposal", "strategy", "account")


def known(names: Sequence[str]) -> None:
    """Check that every live column exists."""
    for name in names:
        check(not is_live(name) or name in LIVE, f"there is no column {name!r}: {did_you_mean(name, LIVE)}")


def draw(name: str, values: Values, count: int) -> Floats:
    """Return `count` values of a column, the same on each call: its limits first, then values between them."""
    check(not callable(values), f"columns[{name!r}]: an agent's column is a range (low, high) or a list of values")
    choices = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if len(choices) == 2 and choices[0] < choices[1]:
        low, high = choices
        drawn = rng.uniform(low, high, count)
        marks = [low, high, *([0.0] if low < 0.0 < high else [])]
        drawn[: len(marks)] = marks[:count]
        return np.asarray(rng.permutation(drawn))
    return np.asarray(rng.choice(choices, count))


def market(bars: Bars, requires: Sequence[str], columns: Mapping[str, Values]) -> Market:
    """Return bars with invented columns: NaN while they warm up and where a symbol has no bar."""
    features = {}
    for name in requires:
        values = columns.get(name, UNKNOWN)
        if callable(values):
            whole = np.array(values(bars), dtype=np.float64)
            features[name] = whole[:, None] if whole.ndim == 1 else whole
        else:
            features[name] = draw(name, values, bars.close.size).reshape(bars.close.shape)
            features[name][np.isnan(bars.close)] = np.nan
            features[name][:_WARM_UP] = np.nan
    return Market(bars, features)


def parsed(text: str) -> tuple[str, tuple[float, ...]]:
    """Return name and arguments of a column as components ask for it: ``macd(12, 26, 9)``."""
    match = _COLUMN.fullmatch(text)
    if match is None:
        raise AssertionError(f"{text!r} is no column: write name or name(number, ...)")
    return match[1], tuple(float(number) for number in (match[2] or "").split(",") if number.strip())


def feature_names(component: Any) -> None:
    """Check that a component requires feature columns only, each of them once."""
    names = list(component.requires)
    check(len(set(names)) == len(names), "`requires` names a column twice")
    for name in names:
        check(
            _COLUMN.fullmatch(name), f"`requires` names {name!r}, which is no feature column: name or name(number, ...)"
        )
